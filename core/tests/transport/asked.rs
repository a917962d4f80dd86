//! Streams that tell their usage only if they are asked: they are, and nobody but the bill can tell.

use serde_json::{Value, json};

use crate::client::{Received, clients, post};
use crate::provider::{Provider, text, unasked, vectors};
use crate::record::Record;

const STREAM: &str = r#"{"model":"gpt-4o-mini","messages":[],"stream":true}"#;

/// Without what the answer's own coding says of its length: the same text, coded again, may be longer.
fn comparable(mut received: Received) -> Received {
    if received.headers.contains_key("content-encoding") {
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(&*received.body), &mut text).unwrap();
        received.body = text;
    }
    received.headers.remove("content-length");
    received.exact_bytes = None;
    received
}

/// Sabotage: `push` in the place of `passed`; no `rest` at the end.
#[tokio::test]
async fn the_usage_is_asked_for_and_taken_out_again() {
    for answer in ["asked", "asked_gzip", "asked_length"] {
        for which in 0..2 {
            let provider = Provider::start().await;
            let record = Record::new();
            let bare = clients(provider.address, None)[which].receive(post(&provider.chat(), answer, STREAM)).await;
            let client = &clients(provider.address, Some(&record.lab))[which];
            let tapped = client.receive(post(&provider.chat(), answer, STREAM)).await;
            let (bare, tapped) = (comparable(bare), comparable(tapped));
            assert_eq!(tapped, bare, "{answer} {which}");
            assert_eq!(String::from_utf8(tapped.body).unwrap(), unasked().concat());
            let seen = provider.seen();
            let sent: Value = serde_json::from_str(&seen[1].body).unwrap();
            assert_eq!(sent["stream_options"], json!({"include_usage": true}));
            assert_eq!(seen[1].content_length.as_deref(), Some(&*seen[1].body.len().to_string()));
            let call = record.event();
            assert_eq!((&call["usage"], &call["cost_state"]), (&json!({"input": 9, "output": 3}), &json!("priced")));
        }
    }
}

#[tokio::test]
async fn the_vectors_hold_over_http() {
    let provider = Provider::start().await;
    let vectors = vectors();
    assert!(vectors.len() > 45, "the vectors are there");
    for (line, vector) in vectors.iter().enumerate() {
        for which in 0..2 {
            let record = Record::new();
            let client = &clients(provider.address, Some(&record.lab))[which];
            let url: http::Uri = text(vector, "url").parse().unwrap();
            let url = provider.url(url.host().unwrap(), url.path_and_query().unwrap().as_str());
            let mut request = post(&url, "vector", text(vector, "request"));
            request.headers_mut().insert("x-vector", line.into());
            let received = client.receive(request).await;
            let name = text(vector, "name");
            assert_eq!(String::from_utf8(received.body).unwrap(), text(vector, "receives"), "{name}");
            let sent = provider.seen().pop().unwrap().body;
            assert_eq!(sent, vector["sends"].as_str().unwrap_or(text(vector, "request")), "{name}");
            assert_eq!(record.event()["usage"], vector["usage"], "{name}");
        }
    }
}

/// A length that promises more than comes would break whoever passes the answer on.
#[tokio::test]
async fn an_answer_that_becomes_shorter_promises_no_length() {
    let provider = Provider::start().await;
    let record = Record::new();
    for client in clients(provider.address, Some(&record.lab)) {
        let received = client.receive(post(&provider.chat(), "asked_length", STREAM)).await;
        assert_eq!((received.exact_bytes, received.headers.get("content-length")), (None, None));
    }
}

#[tokio::test]
async fn a_length_in_the_headers_of_the_request_is_that_of_what_is_sent() {
    let provider = Provider::start().await;
    let record = Record::new();
    for client in clients(provider.address, Some(&record.lab)) {
        let mut request = post(&provider.chat(), "asked", STREAM);
        request.headers_mut().insert("content-length", STREAM.len().into());
        assert_eq!(client.receive(request).await.body, unasked().concat().as_bytes());
    }
    for seen in provider.seen() {
        assert_eq!(seen.content_length, Some(seen.body.len().to_string()));
        assert!(seen.body.contains("include_usage"));
    }
}

/// Sabotage: any of the conditions of `body_to_send` left out.
#[tokio::test]
async fn nobody_is_asked_who_was_signed_or_asked_already_or_shall_not_be() {
    let said = r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":false}}"#;
    let never = json!({"stream_usage": "never"});
    let cases = [
        (json!({}), STREAM, Some(("x-signature", "0xabc"))),
        (json!({}), STREAM, Some(("authorization", "HMAC x"))),
        (json!({}), said, None),
        (never, STREAM, None),
    ];
    for (options, body, header) in cases {
        let provider = Provider::start().await;
        let record = Record::with(options);
        for client in clients(provider.address, Some(&record.lab)) {
            let mut request = post(&provider.chat(), "asked", body);
            if let Some((name, value)) = header {
                request.headers_mut().insert(name, value.parse().unwrap());
            }
            client.receive(request).await;
        }
        assert!(provider.seen().iter().all(|seen| seen.body == body), "{body} {header:?}");
        assert_eq!(record.events().len(), 2);
    }
}

#[tokio::test]
async fn a_body_that_is_produced_while_it_is_sent_is_the_applications_alone() {
    let provider = Provider::start().await;
    let record = Record::new();
    let client = crate::client::tapped(crate::client::reqwest_at(provider.address).build().unwrap(), Some(&record.lab));
    let pieces = futures_util::stream::iter([Ok::<_, std::io::Error>(&STREAM[..20]), Ok(&STREAM[20..])]);
    let request = client.post(provider.chat()).header("x-answer", "asked").body(reqwest::Body::wrap_stream(pieces));
    assert_eq!(request.send().await.unwrap().text().await.unwrap(), unasked().concat());
    assert_eq!(provider.seen()[0].body, STREAM);
    let call = record.event();
    assert_eq!((&call["model"], &call["stream"]), (&json!("gpt-4o-mini"), &json!(true)));
}
