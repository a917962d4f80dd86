//! Requests and answers that end before their end.

use std::time::Duration;

use serde_json::json;
use tower::{ServiceBuilder, ServiceExt};

use crate::client::{Client, boxed, clients, post};
use crate::provider::{EVENTS, Provider};
use crate::record::Record;

const ASK: &str = r#"{"model":"gpt-4o-mini","messages":[]}"#;

#[tokio::test]
async fn a_body_that_is_dropped_before_its_end_is_an_aborted_call() {
    use http_body_util::BodyExt;
    for which in 0..2 {
        let provider = Provider::start().await;
        let record = Record::new();
        let client = &clients(provider.address, Some(&record.lab))[which];
        let mut response = client.send(post(&provider.chat(), "gated", ASK)).await.unwrap();
        provider.say(EVENTS[0]).await;
        response.body_mut().frame().await.unwrap().unwrap();
        drop(response);
        let call = record.event();
        assert_eq!((&call["status"], &call["cost_usd"]), (&json!("aborted"), &json!(null)));
        assert_eq!(call["cost_state"], "unpriced");
    }
}

/// Sabotage: an error that is not told from the end.
#[tokio::test]
async fn a_connection_that_breaks_while_the_answer_is_read_is_a_lost_call() {
    let provider = Provider::start().await;
    for which in 0..2 {
        let record = Record::new();
        let client = &clients(provider.address, Some(&record.lab))[which];
        let received = client.receive(post(&provider.chat(), "torn", ASK)).await;
        assert!(received.error.is_some());
        let call = record.event();
        assert_eq!((&call["status"], &call["error_type"]), (&json!("lost"), &json!("connection_error")));
    }
}

#[tokio::test]
async fn a_connection_that_breaks_before_there_is_an_answer_is_a_lost_call() {
    use tokio::io::AsyncReadExt;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            // It hears something, and hangs up.
            let _ = connection.read(&mut [0; 64]).await;
        }
    });
    let url = format!("http://api.openai.com:{}/v1/chat/completions", address.port());
    for which in 0..2 {
        let record = Record::new();
        let client = &clients(address, Some(&record.lab))[which];
        client.send(post(&url, "", ASK)).await.unwrap_err();
        let call = record.event();
        assert_eq!((&call["status"], &call["cost_state"]), (&json!("lost"), &json!("unpriced")));
    }
}

#[tokio::test]
async fn a_request_that_never_left_is_no_call() {
    // Nobody listens where somebody did.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://api.openai.com:{}/v1/chat/completions", address.port());
    let record = Record::new();
    for client in clients(address, Some(&record.lab)) {
        client.send(post(&url, "", ASK)).await.unwrap_err();
    }
    assert!(record.events().is_empty());
}

/// Who waits no longer drops the future; the provider may have answered all the same.
#[tokio::test]
async fn a_request_that_is_dropped_before_there_is_an_answer_is_a_cancelled_call() {
    for which in 0..2 {
        let provider = Provider::start().await;
        let record = Record::new();
        let client = clients(provider.address, Some(&record.lab))[which].clone();
        let request = post(&provider.chat(), "silent", ASK);
        let waiting = tokio::spawn(async move { client.send(request).await.map(drop) });
        while provider.seen().is_empty() {
            tokio::task::yield_now().await;
        }
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        let call = record.event();
        assert_eq!((&call["status"], &call["cost_usd"]), (&json!("cancelled"), &json!(null)));
    }
}

#[tokio::test]
async fn a_timeout_of_the_client_is_a_lost_call_with_its_word() {
    let provider = Provider::start().await;
    let record = Record::new();
    let patient = crate::client::reqwest_at(provider.address).timeout(Duration::from_millis(50)).build().unwrap();
    let client = Client::Reqwest(crate::client::tapped(patient, Some(&record.lab)));
    client.send(post(&provider.chat(), "silent", ASK)).await.unwrap_err();
    let call = record.event();
    assert_eq!((&call["status"], &call["error_type"]), (&json!("lost"), &json!("timeout")));
}

#[tokio::test]
async fn a_timeout_above_the_tap_cancels() {
    let provider = Provider::start().await;
    let record = Record::new();
    let [_, Client::Hyper(tapped)] = clients(provider.address, Some(&record.lab)) else { panic!("the second") };
    let impatient = boxed(ServiceBuilder::new().timeout(Duration::from_millis(50)).service(tapped));
    impatient.oneshot(post(&provider.chat(), "silent", ASK)).await.unwrap_err();
    assert_eq!(record.event()["status"], "cancelled");
}
