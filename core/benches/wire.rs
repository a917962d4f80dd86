//! What an instrumented call pays for being read. Each row asserts that what it timed was read.
#![expect(clippy::expect_used, clippy::panic, reason = "a benchmark of what does not work must fail")]

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use llmlab::Dimension;
use llmlab::event::{Facts, Subject};
use llmlab::exchange::{End, Exchange, Request};
use llmlab::moment::Moment;

const CHAT: &str = "https://api.openai.com/v1/chat/completions";

fn main() {
    divan::main();
}

fn request<'a>(url: &'a str, body: &'a [u8]) -> Request<'a> {
    Request { method: "POST", url, body }
}

fn begun(body: &[u8]) -> Exchange {
    Exchange::begin(&request(CHAT, body), Moment::default()).expect("a call")
}

/// About two kilobytes, the model behind the messages as the SDKs send it.
fn chat_request() -> Vec<u8> {
    let message =
        r#"{"role":"user","content":"Summarise the following paragraph.\nIt is \"about\" a lake, and a boat."}"#;
    format!(r#"{{"messages":[{}],"model":"gpt-5-mini","stream":true}}"#, vec![message; 20].join(",")).into_bytes()
}

fn chat_response() -> Vec<u8> {
    let text = r"The lake was quiet.\nA boat lay in the reeds, \u201cempty\u201d, as it had for years. ".repeat(18);
    format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","model":"gpt-5-mini-2025-08-07","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":412,"completion_tokens":388,"total_tokens":800,"prompt_tokens_details":{{"cached_tokens":256,"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":128,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}},"service_tier":"default"}}"#
    )
    .into_bytes()
}

const CHUNK: &[u8] = br#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1763724000,"model":"gpt-5-mini-2025-08-07","service_tier":"default","system_fingerprint":"fp_0123456789","choices":[{"index":0,"delta":{"content":" lake"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"a1B2c3D4"}

"#;
const LAST_CHUNKS: &[u8] = br#"data: {"id":"chatcmpl-1","model":"gpt-5-mini-2025-08-07","choices":[],"usage":{"prompt_tokens":412,"completion_tokens":388,"total_tokens":800}}

data: [DONE]

"#;

fn assert_read(facts: &Facts) {
    let Subject::Call(call) = &facts.subject else { panic!("a call") };
    assert_eq!(call.usage.get(Dimension::Output), Some(388));
}

/// What an application asks that is no call to a model, by how far a look at it has to go.
const NO_CALLS: [(&str, &str); 5] = [
    ("another end", "https://storage.example.com/bucket/objects/2026/11/21/report.json?signature=0123456789abcdef"),
    ("an end alike", "https://management.azure.com/tenants/0b1f6471-1bf0-4dda-aec3-cb9272f09590/subscriptions"),
    ("the end of one at home only", "https://files.example.com/v1/files/file-0123456789abcdef/content"),
    ("the end of one with a member", "http://orders.internal.example.com:8080/api/messages"),
    ("a provider's, and free", "https://api.openai.com/v1/moderations"),
];

#[divan::bench(args = NO_CALLS.map(|(name, _)| name))]
fn begin_of_what_is_no_call(bencher: Bencher<'_, '_>, name: &str) {
    let (_, url) = NO_CALLS.into_iter().find(|(known, _)| *known == name).expect("a row");
    assert!(Exchange::begin(&request(url, b"{}"), Moment::default()).is_none());
    bencher.bench(|| Exchange::begin(black_box(&request(url, b"{}")), Moment::default()).is_none());
}

#[divan::bench]
fn begin_of_a_chat_request_of_2_kb(bencher: Bencher<'_, '_>) {
    let body = chat_request();
    bencher.counter(BytesCount::of_slice(&body)).bench(|| begun(black_box(&body)));
}

#[divan::bench]
fn head_body_and_finish_of_a_response_of_2_kb(bencher: Bencher<'_, '_>) {
    let (asked, body) = (chat_request(), chat_response());
    let read = |mut exchange: Exchange| {
        exchange.head(200, [(&b"content-type"[..], &b"application/json"[..])]);
        exchange.push(black_box(&body), Moment::default);
        exchange.finish(End::Complete, None, Moment::default()).next().expect("a call")
    };
    assert_read(&read(begun(&asked)));
    bencher.counter(BytesCount::of_slice(&body)).with_inputs(|| begun(&asked)).bench_local_values(read);
}

#[divan::bench]
fn push_of_one_chunk_of_a_stream(bencher: Bencher<'_, '_>) {
    let mut exchange = begun(&chat_request());
    exchange.head(200, [(&b"content-type"[..], &b"text/event-stream"[..])]);
    bencher.counter(BytesCount::of_slice(CHUNK)).bench_local(|| exchange.push(black_box(CHUNK), Moment::default));
    exchange.push(LAST_CHUNKS, Moment::default);
    assert_read(&exchange.finish(End::Complete, None, Moment::default()).next().expect("a call"));
}

#[divan::bench]
fn push_of_one_anthropic_chunk(bencher: Bencher<'_, '_>) {
    let chunk: &[u8] = b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" lake\"}}\n\n";
    let body = br#"{"model":"claude-sonnet-4-6","messages":[],"stream":true}"#;
    let url = "https://api.anthropic.com/v1/messages";
    let mut exchange = Exchange::begin(&request(url, body), Moment::default()).expect("a call");
    exchange.head(200, [(&b"content-type"[..], &b"text/event-stream"[..])]);
    exchange.push(b"data: {\"message\":{\"model\":\"claude-sonnet-4-6\"}}\n\n", Moment::default);
    bencher.counter(BytesCount::of_slice(chunk)).bench_local(|| exchange.push(black_box(chunk), Moment::default));
}

#[divan::bench]
fn a_whole_stream_of_100_chunks(bencher: Bencher<'_, '_>) {
    let asked = chat_request();
    let read = || {
        let mut exchange = begun(&asked);
        exchange.head(200, [(&b"content-type"[..], &b"text/event-stream"[..])]);
        for _ in 0..100 {
            exchange.push(black_box(CHUNK), Moment::default);
        }
        exchange.push(LAST_CHUNKS, Moment::default);
        exchange.finish(End::Complete, None, Moment::default()).next().expect("a call")
    };
    assert_read(&read());
    bencher.bench(read);
}
