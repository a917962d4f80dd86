//! An SDK of others, `async-openai`, over a client with a tap.

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use async_openai::middleware::retry::OpenAIRetryLayer;
use async_openai::types::chat::{
    ChatCompletionRequestUserMessageArgs, CreateChatCompletionRequest, CreateChatCompletionRequestArgs,
};
use futures_util::StreamExt;
use llmlab::Llmlab;
use serde_json::json;
use tower::{ServiceBuilder, service_fn};

use crate::client::{reqwest_at, tapped};
use crate::provider::Provider;
use crate::record::Record;

fn sdk(provider: &Provider, lab: Option<&Llmlab>, answer: &'static str) -> Client<OpenAIConfig> {
    let mut headers = http::HeaderMap::new();
    headers.insert("x-answer", answer.parse().unwrap());
    let http = tapped(reqwest_at(provider.address).default_headers(headers).build().unwrap(), lab);
    let send = service_fn(move |factory: HttpRequestFactory| {
        let http = http.clone();
        async move {
            let sent = http.execute(factory.build().await?).await;
            sent.map_err(|error| match error {
                reqwest_middleware::Error::Reqwest(error) => OpenAIError::Reqwest(error),
                reqwest_middleware::Error::Middleware(error) => OpenAIError::Boxed(error.into()),
            })
        }
    });
    let base = provider.url("api.openai.com", "/v1");
    let config = OpenAIConfig::new().with_api_key("k").with_api_base(base);
    Client::with_config(config)
        .with_http_service(ServiceBuilder::new().layer(OpenAIRetryLayer::default()).service(send))
}

fn question() -> CreateChatCompletionRequest {
    let hi = ChatCompletionRequestUserMessageArgs::default().content("hi").build().unwrap();
    CreateChatCompletionRequestArgs::default().model("gpt-4o-mini").messages([hi.into()]).build().unwrap()
}

#[tokio::test]
async fn an_answer_of_the_sdk_is_a_call_of_its_scope() {
    let provider = Provider::start().await;
    let record = Record::new();
    let sdk = sdk(&provider, Some(&record.lab), "chat");
    let scope = record.lab.track().feature("greeting").open();
    let answer = scope.instrument(async { sdk.chat().create(question()).await }).await.unwrap();
    assert_eq!(answer.usage.unwrap().prompt_tokens, 9);
    assert_eq!((scope.calls(), scope.cost().unwrap().to_string().as_str()), (1, "0.00000315"));
    assert_eq!(record.event()["feature"], "greeting");
}

/// Sabotage: a tap that passes on what its question added.
#[tokio::test]
async fn a_stream_of_the_sdk_has_the_same_chunks_with_a_tap_and_without() {
    let mut seen = Vec::new();
    for is_tapped in [false, true] {
        let provider = Provider::start().await;
        let record = Record::new();
        let sdk = sdk(&provider, is_tapped.then_some(&record.lab), "asked");
        let scope = record.lab.track().feature("greeting").open();
        let chunks = scope.instrument(async {
            let stream = sdk.chat().create_stream(question()).await.unwrap();
            stream.map(|chunk| format!("{:?}", chunk.unwrap())).collect::<Vec<_>>().await
        });
        seen.push(chunks.await);
        assert_eq!(provider.seen()[0].body.contains("include_usage"), is_tapped);
        if is_tapped {
            let call = record.event();
            assert_eq!((&call["usage"], &call["feature"]), (&json!({"input": 9, "output": 3}), &json!("greeting")));
        }
    }
    assert_eq!(seen[0].len(), 2);
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn what_the_sdk_tries_again_is_two_exchanges() {
    let provider = Provider::start().await;
    let record = Record::new();
    let answer = sdk(&provider, Some(&record.lab), "again").chat().create(question()).await.unwrap();
    assert_eq!(answer.usage.unwrap().completion_tokens, 3);
    let statuses: Vec<_> = record.events().iter().map(|call| call["status"].clone()).collect();
    assert_eq!(statuses, ["error", "ok"]);
}
