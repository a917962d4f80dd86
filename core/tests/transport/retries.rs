//! Each try is an exchange of its own, where the tap is below what tries again.

use std::time::Duration;

use llmlab::transport::reqwest::Tap;
use llmlab::transport::tower::TapLayer;
use reqwest_retry::RetryTransientMiddleware;
use reqwest_retry::policies::ExponentialBackoff;
use serde_json::json;
use tower::Layer;

use crate::client::{Client, boxed, clients, post, reqwest_at};
use crate::provider::{CHAT, Provider};
use crate::record::Record;

const ASK: &str = r#"{"model":"gpt-4o-mini","messages":[]}"#;

#[tokio::test]
async fn a_middleware_that_tries_again_makes_a_second_exchange() {
    let provider = Provider::start().await;
    let record = Record::new();
    let at_once = ExponentialBackoff::builder().retry_bounds(Duration::ZERO, Duration::ZERO).build_with_max_retries(2);
    let client = reqwest_middleware::ClientBuilder::new(reqwest_at(provider.address).build().unwrap())
        .with(RetryTransientMiddleware::new_with_policy(at_once))
        .with(Tap::new(&record.lab))
        .build();
    let response = client.post(provider.chat()).header("x-answer", "again").body(ASK).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), CHAT);
    let calls = record.events();
    let seen: Vec<_> = calls.iter().map(|call| (&call["status"], &call["cost_source"])).collect();
    assert_eq!(seen, [(&json!("error"), &json!("not_billed")), (&json!("ok"), &json!("catalogue"))]);
}

#[tokio::test]
async fn an_sdk_says_which_try_it_is() {
    let provider = Provider::start().await;
    let record = Record::new();
    let client = crate::client::tapped(reqwest_at(provider.address).build().unwrap(), Some(&record.lab));
    let request = client.post(provider.chat()).header("x-stainless-retry-count", "2").body(ASK);
    request.send().await.unwrap().bytes().await.unwrap();
    assert_eq!(record.event()["attempt"], 3);
}

/// Sabotage: a mark that stays, or none.
#[tokio::test]
async fn two_taps_count_a_request_once_and_its_second_try_again() {
    let provider = Provider::start().await;
    let record = Record::new();
    let at_once = ExponentialBackoff::builder().retry_bounds(Duration::ZERO, Duration::ZERO).build_with_max_retries(2);
    let client = reqwest_middleware::ClientBuilder::new(reqwest_at(provider.address).build().unwrap())
        .with(RetryTransientMiddleware::new_with_policy(at_once))
        .with(Tap::new(&record.lab))
        .with(Tap::new(&record.lab))
        .build();
    let response = client.post(provider.chat()).header("x-answer", "again").body(ASK).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), CHAT);
    assert_eq!(record.events().len(), 2);

    let [_, Client::Hyper(tapped)] = clients(provider.address, Some(&record.lab)) else { panic!("the second") };
    let twice = boxed(TapLayer::new(&record.lab).layer(tapped));
    Client::Hyper(twice).receive(post(&provider.chat(), "chat", ASK)).await;
    assert_eq!(record.events().len(), 3);
}
