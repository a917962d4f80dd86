//! Whose a call is, when many are under way.

use llmlab::event::Status;
use llmlab::scope;
use serde_json::json;

use crate::client::{clients, post};
use crate::provider::Provider;
use crate::record::Record;

const ASK: &str = r#"{"model":"gpt-4o-mini","messages":[]}"#;

/// Sabotage: the scope asked for where the call ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_task_pays_for_its_own_calls_whatever_thread_it_is_on() {
    const USERS: usize = 20;
    let provider = Provider::start().await;
    let record = Record::new();
    let clients = clients(provider.address, Some(&record.lab));
    let url = provider.chat();
    let tasks: Vec<_> = (0..USERS)
        .map(|user| {
            let (client, url) = (clients[user % 2].clone(), url.clone());
            let scope = record.lab.track().feature("chat").user(format!("u{user}")).open();
            let inside = scope.instrument(async move {
                for _ in 0..=user {
                    client.receive(post(&url, "stream", ASK)).await;
                }
            });
            (scope, tokio::spawn(inside))
        })
        .collect();
    for (user, (scope, task)) in tasks.into_iter().enumerate() {
        task.await.unwrap();
        assert_eq!((scope.calls(), scope.unpriced()), (user as u64 + 1, 0));
    }
    let calls = record.events();
    assert_eq!(calls.len(), USERS * (USERS + 1) / 2);
    for user in 0..USERS {
        let own = calls.iter().filter(|call| call["user"] == format!("u{user}"));
        assert_eq!(own.count(), user + 1);
    }
}

#[tokio::test]
async fn a_call_belongs_to_the_client_of_its_scope_and_not_to_that_of_the_tap() {
    let provider = Provider::start().await;
    let (tap, other) = (Record::new(), Record::new());
    for client in clients(provider.address, Some(&tap.lab)) {
        let call = client.receive(post(&provider.chat(), "chat", ASK));
        other.lab.track().feature("theirs").instrument(call).await;
    }
    assert!(tap.events().is_empty());
    assert!(other.events().iter().all(|call| call["feature"] == "theirs"));
}

#[tokio::test]
async fn a_call_is_the_child_of_the_step_that_makes_it() {
    let provider = Provider::start().await;
    let record = Record::new();
    let client = &clients(provider.address, Some(&record.lab))[0];
    let step = record.lab.trace("answer").kind("agent");
    step.instrument(client.receive(post(&provider.chat(), "chat", ASK))).await;
    let events = record.events();
    let [call, step] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&call["parent_id"], &call["trace_id"]), (&step["span_id"], &step["trace_id"]));
    assert_eq!((&step["name"], &step["status"]), (&json!("answer"), &json!(Status::Ok.to_string())));
}

/// Who reads the body later, elsewhere, spends what was begun here.
#[tokio::test]
async fn a_stream_that_is_read_outside_of_its_scope_is_paid_for_inside() {
    let provider = Provider::start().await;
    let record = Record::new();
    for client in clients(provider.address, Some(&record.lab)) {
        let scope = record.lab.track().user("ann").open();
        let response = scope.instrument(client.send(post(&provider.chat(), "stream", ASK))).await.unwrap();
        assert!(scope::current().is_none());
        assert_eq!(scope.calls(), 0);
        crate::client::read(response).await;
        assert_eq!(scope.calls(), 1);
    }
}
