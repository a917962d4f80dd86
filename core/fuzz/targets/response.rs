//! Any bytes, handed over as a response or as a request: nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use llmlab::exchange::{Exchange, Request, read_response};
use llmlab::moment::Moment;

const PROVIDERS: [Option<&str>; 8] = [
    None,
    Some("openai"),
    Some("anthropic"),
    Some("google"),
    Some("bedrock"),
    Some("perplexity"),
    Some("cohere"),
    Some("ollama"),
];
const APIS: [Option<&str>; 6] =
    [None, Some("chat.completions"), Some("responses"), Some("messages"), Some("embeddings"), Some("converse")];
/// Each reads its request in a way of its own.
const URLS: [&str; 9] = [
    "https://api.openai.com/v1/chat/completions",
    "https://api.openai.com/v1/audio/transcriptions",
    "https://api.openai.com/v1/audio/speech",
    "http://localhost/v1/messages",
    "http://localhost/v1/audio/transcriptions",
    "http://localhost:11434/api/chat",
    "https://a.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21",
    "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/google/models/m:predict",
    "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude/invoke",
];

fuzz_target!(|data: &[u8]| {
    let Some((&[provider, api], body)) = data.split_first_chunk::<2>() else { return };
    let (provider, api) = (usize::from(provider) % PROVIDERS.len(), usize::from(api) % APIS.len());
    let _ = read_response(PROVIDERS[provider], APIS[api], body);
    let url = String::from_utf8_lossy(body);
    for url in URLS.into_iter().chain([&*url]) {
        let Some(mut exchange) = Exchange::begin(&Request { method: "POST", url, body }, Moment::default()) else {
            continue;
        };
        if let Some(asked) = exchange.body_to_send(body) {
            assert!(asked.len() > body.len());
            assert!(exchange.body_to_send(&asked).is_none(), "it has asked");
        }
    }
});
