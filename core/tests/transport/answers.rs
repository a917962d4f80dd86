//! What comes back is what would have come back, and it is recorded.

use serde_json::json;

use crate::client::{clients, post, reqwest_at, tapped};
use crate::provider::{CHAT, EVENTS, Provider};
use crate::record::Record;

const ASK: &str = r#"{"model":"gpt-4o-mini","messages":[]}"#;

/// Sabotage: a body that forgets its size hint, its trailers or its error; a head that loses its version or a header.
#[tokio::test]
async fn an_application_receives_the_same_with_a_tap_and_without() {
    let provider = Provider::start().await;
    for answer in ["chat", "gzip", "stream", "trailers", "refused", "redirect", "empty", "torn", "hostile"] {
        let record = Record::new();
        let pairs = clients(provider.address, None).into_iter().zip(clients(provider.address, Some(&record.lab)));
        for (bare, tapped) in pairs {
            let [without, with] = [
                bare.receive(post(&provider.chat(), answer, ASK)).await,
                tapped.receive(post(&provider.chat(), answer, ASK)).await,
            ];
            assert_eq!(with, without, "{answer}");
        }
    }
}

#[tokio::test]
async fn a_call_is_recorded_with_what_it_used() {
    let provider = Provider::start().await;
    for (answer, stream) in [("chat", false), ("gzip", false), ("stream", true), ("trailers", true)] {
        for which in 0..2 {
            let record = Record::new();
            let client = &clients(provider.address, Some(&record.lab))[which];
            client.receive(post(&provider.chat(), answer, ASK)).await;
            let call = record.event();
            assert_eq!(call["usage"], json!({"input": 9, "output": 3}), "{answer} {which}");
            assert_eq!((&call["provider"], &call["status"]), (&json!("openai"), &json!("ok")));
            assert_eq!((&call["model_requested"], &call["stream"]), (&json!("gpt-4o-mini"), &json!(stream)));
            assert_eq!((&call["cost_state"], &call["cost_usd"]), (&json!("priced"), &json!(0.000_003_15)));
        }
    }
}

/// reqwest decodes a body where it may, and takes the coding out of the headers.
#[tokio::test]
async fn a_body_that_the_client_has_decoded_is_read_as_it_is() {
    let provider = Provider::start().await;
    let record = Record::new();
    let client = tapped(reqwest_at(provider.address).build().unwrap(), Some(&record.lab));
    let response = client.post(provider.chat()).header("x-answer", "gzip").body(ASK).send().await.unwrap();
    assert!(!response.headers().contains_key("content-encoding"));
    assert_eq!(response.text().await.unwrap(), CHAT);
    assert_eq!(record.event()["usage"], json!({"input": 9, "output": 3}));
}

/// Sabotage: `Response::from` without the URL.
#[tokio::test]
async fn a_response_of_reqwest_keeps_its_url_its_peer_and_its_length() {
    let provider = Provider::start().await;
    let record = Record::new();
    let client = tapped(reqwest_at(provider.address).build().unwrap(), Some(&record.lab));
    let response = client.post(provider.chat()).body(ASK).send().await.unwrap();
    assert_eq!(response.url().as_str(), provider.chat());
    assert_eq!(response.remote_addr(), Some(provider.address));
    assert_eq!(response.content_length(), Some(CHAT.len() as u64));
}

/// Sabotage: a body that waits for its end before the first frame passes.
#[tokio::test]
async fn each_piece_passes_when_it_has_come() {
    use http_body_util::BodyExt;
    for which in 0..2 {
        let provider = Provider::start().await;
        let record = Record::new();
        let client = &clients(provider.address, Some(&record.lab))[which];
        let mut response = client.send(post(&provider.chat(), "gated", ASK)).await.unwrap();
        // The next one is said only after this one was received.
        for event in EVENTS {
            provider.say(event).await;
            let frame = response.body_mut().frame().await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), event);
        }
        drop(provider);
        drop(response);
        // It had said that it was done, and all that it used.
        assert_eq!((&record.event()["status"], &record.event()["usage"]["output"]), (&json!("ok"), &json!(3)));
    }
}

#[tokio::test]
async fn a_refusal_costs_nothing_and_says_why() {
    let provider = Provider::start().await;
    let record = Record::new();
    for client in clients(provider.address, Some(&record.lab)) {
        client.receive(post(&provider.chat(), "refused", ASK)).await;
    }
    for call in record.events() {
        assert_eq!((&call["status"], &call["error_type"]), (&json!("error"), &json!("rate_limit_exceeded")));
        assert_eq!((&call["cost_usd"], &call["cost_source"]), (&json!(0), &json!("not_billed")));
    }
}

#[tokio::test]
async fn redirects_other_requests_and_other_hosts_are_no_calls() {
    let provider = Provider::start().await;
    let record = Record::new();
    for client in clients(provider.address, Some(&record.lab)) {
        client.receive(post(&provider.chat(), "redirect", ASK)).await;
        client.receive(post(&provider.url("api.openai.com", "/v1/moderations"), "chat", ASK)).await;
        client.receive(post(&provider.url("example.com", "/orders"), "chat", ASK)).await;
    }
    assert!(record.events().is_empty());
}

/// reqwest follows it by itself: one request of the application is one call.
#[tokio::test]
async fn a_redirect_that_the_client_follows_is_one_call() {
    let provider = Provider::start().await;
    let record = Record::new();
    let follow = reqwest_at(provider.address).redirect(reqwest::redirect::Policy::limited(1)).build().unwrap();
    let client = tapped(follow, Some(&record.lab));
    let error = client.post(provider.chat()).header("x-answer", "redirect").body(ASK).send().await.unwrap_err();
    assert!(matches!(error, reqwest_middleware::Error::Reqwest(error) if error.is_redirect()));
    assert!(record.events().is_empty());
}

#[tokio::test]
async fn a_service_that_adds_the_host_below_is_told_by_the_header() {
    use tower::{ServiceBuilder, ServiceExt, service_fn};
    let record = Record::new();
    let answering = service_fn(|_| async { Ok::<_, std::io::Error>(http::Response::new(CHAT.to_owned())) });
    let tap = ServiceBuilder::new().layer(llmlab::transport::tower::TapLayer::new(&record.lab)).service(answering);
    let request = http::Request::post("/v1/chat/completions").header("host", "api.openai.com").body(ASK.to_owned());
    let response = tap.oneshot(request.unwrap()).await.unwrap();
    http_body_util::BodyExt::collect(response.into_body()).await.unwrap();
    assert_eq!(record.event()["usage"]["input"], 9);
}

#[tokio::test]
async fn nothing_is_recorded_where_everything_is_disabled() {
    let provider = Provider::start().await;
    let record = Record::disabled();
    for client in clients(provider.address, Some(&record.lab)) {
        assert_eq!(client.receive(post(&provider.chat(), "chat", ASK)).await.body, CHAT.as_bytes());
    }
    assert_eq!(record.lab.stats().events.recorded, 0);
}
