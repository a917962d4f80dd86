use super::*;
use crate::event::{Call, Operation};
use crate::usage::Dimension;

const OPENAI: &str = "https://api.openai.com/v1/chat/completions";
const ASKED: &[u8] = br#"{"messages":[{"role":"user","content":"\"model\":\"x\""}],"model":"gpt-asked","stream":true}"#;

fn moment(ns: u64) -> Moment {
    Moment { unix_ns: 1_000, monotonic_ns: ns }
}

fn begin(url: &str, body: &[u8]) -> Option<Exchange> {
    Exchange::begin(&Request { method: "POST", url, body }, moment(5))
}

fn call(facts: Facts) -> Call {
    let Subject::Call(call) = facts.subject else { panic!("a call") };
    *call
}

/// The facts of a stream of chat completions that ends so.
fn streamed(events: &[&str], end: End) -> Facts {
    let mut exchange = begin(OPENAI, ASKED).unwrap();
    exchange.head(200, [(&b"content-type"[..], &b"text/event-stream"[..])]);
    for event in events {
        exchange.push(format!("data: {event}\n\n").as_bytes(), || moment(30));
    }
    exchange.finish(end, Some("ReadError"), moment(105)).next().unwrap()
}

#[test]
fn only_posts_to_billable_operations_begin() {
    assert!(begin("https://api.openai.com/v1/models", b"").is_none());
    let request = Request { method: "GET", url: OPENAI, body: b"" };
    assert!(Exchange::begin(&request, moment(0)).is_none());
    assert!(begin(OPENAI, b"").is_some());
}

#[test]
fn what_was_to_be_spoken_is_billed_only_if_an_answer_began() {
    let characters = |is_answered: bool| {
        let body = br#"{"model":"tts-1","input":"four"}"#;
        let mut exchange = begin("https://api.openai.com/v1/audio/speech", body).unwrap();
        if is_answered {
            exchange.head(200, [(&b"content-type"[..], &b"audio/mpeg"[..])]);
        }
        let lost = exchange.finish(End::Lost, None, moment(9)).next().unwrap();
        call(lost).usage.get(Dimension::Characters)
    };
    assert_eq!(characters(true), Some(4));
    assert_eq!(characters(false), None);
}

#[test]
fn on_a_host_that_is_nobodys_the_request_must_look_like_a_call() {
    let chat = "http://127.0.0.1:4000/prefix/v1/messages";
    assert!(begin(chat, br#"{"text":"hello","channel":"C1"}"#).is_none());
    assert!(begin(chat, br#"{"model":"claude-x","messages":[]}"#).is_some());
    assert!(begin("https://example.com/api/responses", br#"{"survey":1}"#).is_none());
    assert!(begin("http://localhost/v1/chat/completions", b"").is_some());
}

#[test]
fn on_a_host_that_is_nobodys_the_model_tells_the_provider() {
    let told = |path: &str, model: &str| {
        let body = format!(r#"{{"model":"{model}","messages":[],"input":[]}}"#);
        let exchange = begin(&format!("http://localhost:8000{path}"), body.as_bytes()).unwrap();
        call(exchange.finish(End::Lost, None, moment(9)).next().unwrap()).provider
    };
    assert_eq!(told("/v1/chat/completions", "gpt-5-mini").as_deref(), Some("openai"));
    assert_eq!(told("/v1/chat/completions", "claude-x").as_deref(), Some("anthropic"));
    assert_eq!(told("/v1/chat/completions", "my-model"), None);
    assert_eq!(told("/v1/messages", "claude-x").as_deref(), Some("anthropic"));
    assert_eq!(told("/v1/messages", "gpt-5"), None);
    assert_eq!(told("/v1beta/models/gemini-3-pro:generateContent", "x").as_deref(), Some("google"));
    assert_eq!(told("/v1beta/models/other:generateContent", "gemini-x"), None);
}

#[test]
fn the_request_and_the_retry_header_are_facts_of_the_call() {
    let request = Request { method: "post", url: OPENAI, body: ASKED };
    let mut exchange = Exchange::begin(&request, moment(5)).unwrap();
    exchange.sent([(&b"X-Stainless-Retry-Count"[..], &b"2"[..])]);
    let facts = exchange.finish(End::Lost, Some("ConnectError"), moment(25)).next().unwrap();
    assert_eq!((facts.unix_ns, facts.latency_ns, facts.status), (1_000, Some(20), Status::Lost));
    assert_eq!(facts.error_type.as_deref(), Some("ConnectError"));
    let call = call(facts);
    assert_eq!((call.attempt, call.stream, call.operation), (3, true, Operation::Chat));
    assert_eq!(call.model_requested.as_deref(), Some("gpt-asked"));
    assert_eq!(call.model.as_deref(), Some("gpt-asked"));
    assert!(call.usage.is_empty());
}

#[test]
fn a_stream_keeps_its_first_moment_its_names_and_its_last_usage() {
    let facts = streamed(
        &[
            r#"{"id":"c1","model":"gpt-told","service_tier":"flex","choices":[{}],"usage":null}"#,
            r#"{"id":"c1","model":"gpt-told","choices":[{"delta":{"content":"\"usage\":{\"prompt_tokens\":1}"}}]}"#,
            r#"{"id":"c1","model":"gpt-told","choices":[],"usage":{"prompt_tokens":1}}"#,
            r#"{"id":"c1","model":"gpt-told","choices":[],"usage":{"prompt_tokens":8,"completion_tokens":4}}"#,
            "[DONE]",
        ],
        End::Complete,
    );
    assert_eq!((facts.status, facts.latency_ns, facts.error_type.clone()), (Status::Ok, Some(100), None));
    let call = call(facts);
    assert_eq!(call.first_event_ns, Some(25));
    assert_eq!(call.response_id.as_deref(), Some("c1"));
    assert_eq!(call.model.as_deref(), Some("gpt-told"));
    assert_eq!(call.service_tier.as_deref(), Some("flex"));
    assert_eq!((call.usage.get(Dimension::Input), call.usage.get(Dimension::Output)), (Some(8), Some(4)));
}

#[test]
fn a_stream_is_whole_when_its_last_words_came_however_it_was_closed() {
    let usage = r#"{"model":"m","usage":{"prompt_tokens":8}}"#;
    for end in [End::Complete, End::Closed, End::Lost, End::Cancelled] {
        assert_eq!(streamed(&[usage, "[DONE]"], end).status, Status::Ok);
    }
    let cut = |end| streamed(&[usage, usage], end).status;
    assert_eq!(cut(End::Complete), Status::Ok);
    assert_eq!(cut(End::Closed), Status::Aborted);
    assert_eq!(cut(End::Lost), Status::Lost);
    assert_eq!(cut(End::Cancelled), Status::Cancelled);
    assert_eq!(streamed(&[usage], End::Lost).error_type.as_deref(), Some("ReadError"));
}

/// The start tells the input and the first of the output; the end, which tells the rest, never comes.
#[test]
fn of_a_message_that_broke_off_the_start_is_known() {
    let body = br#"{"model":"claude-sonnet-4-6","messages":[],"stream":true}"#;
    let start = r#"{"type":"message_start","message":{"model":"claude-sonnet-4-6","usage":{"input_tokens":900,"output_tokens":1}}}"#;
    let text = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"forty-two"}}"#;
    for (end, status) in [
        (End::Closed, Status::Aborted),
        (End::Cancelled, Status::Cancelled),
        (End::Lost, Status::Lost),
        // A proxy ended the stream in order where its server had vanished.
        (End::Complete, Status::Lost),
    ] {
        let mut exchange = begin("https://api.anthropic.com/v1/messages", body).unwrap();
        exchange.head(200, [(&b"content-type"[..], &b"text/event-stream"[..])]);
        for event in [start, text] {
            exchange.push(format!("event: x\ndata: {event}\n\n").as_bytes(), || moment(30));
        }
        let facts = exchange.finish(end, None, moment(90)).next().unwrap();
        assert_eq!(facts.status, status);
        let usage = call(facts).usage;
        assert_eq!((usage.get(Dimension::Input), usage.get(Dimension::Output)), (Some(900), Some(1)));
    }
}

/// As many chunks as came are no count of tokens: a chunk may hold several, and reasoning is in none.
#[test]
fn of_a_chat_that_broke_off_before_its_usage_nothing_is_known() {
    let chunk = r#"{"id":"c1","model":"gpt-4o-2024-08-06","choices":[{"delta":{"content":"for"}}],"usage":null}"#;
    let mut exchange = begin(OPENAI, ASKED).unwrap();
    exchange.body_to_send(ASKED).unwrap();
    exchange.head(200, [(&b"content-type"[..], &b"text/event-stream"[..])]);
    let received = exchange.passed(format!("data: {chunk}\n\ndata: {{\"id").as_bytes(), || moment(30)).into_owned();
    assert_eq!(received, format!("data: {}\n\n", chunk.replace(r#","usage":null"#, "")).as_bytes());
    assert_eq!(exchange.rest(), b"data: {\"id");
    let facts = exchange.finish(End::Closed, None, moment(90)).next().unwrap();
    assert_eq!(facts.status, Status::Aborted);
    let call = call(facts);
    assert_eq!((call.model.as_deref(), call.usage.is_empty()), (Some("gpt-4o-2024-08-06"), true));
}

#[test]
fn an_error_in_a_stream_that_began_well_is_an_error() {
    let usage = r#"{"model":"m","usage":{"prompt_tokens":8}}"#;
    let error = r#"{"error":{"message":"no","type":"server_error"}}"#;
    let facts = streamed(&[usage, usage, error], End::Complete);
    assert_eq!((facts.status, facts.error_type.as_deref()), (Status::Error, Some("server_error")));
    assert_eq!(call(facts).usage.get(Dimension::Input), Some(8));
}

#[test]
fn a_refusal_says_its_code_or_else_its_status() {
    let refused = |status, body: &[u8]| {
        let mut exchange = begin(OPENAI, ASKED).unwrap();
        exchange.head(status, [(&b"content-type"[..], &b"application/json"[..])]);
        exchange.push(body, || moment(9));
        let facts = exchange.finish(End::Complete, Some("BadRequestError"), moment(10)).next().unwrap();
        assert_eq!(facts.status, Status::Error);
        let error_type = facts.error_type.clone();
        let call = call(facts);
        assert_eq!((call.stream, call.first_event_ns), (false, None));
        error_type.unwrap()
    };
    let said = br#"{"error":{"message":"sk-1 is wrong","type":"invalid_request_error","code":"invalid_api_key"}}"#;
    assert_eq!(refused(401, said), "invalid_api_key");
    assert_eq!(refused(429, b"<html>slow down</html>"), "http_429");
    assert_eq!(refused(500, b""), "http_500");
}

#[test]
fn an_unknown_coding_leaves_what_the_request_said() {
    let mut exchange = begin(OPENAI, ASKED).unwrap();
    exchange.head(200, [(&b"Content-Encoding"[..], &b"compress"[..])]);
    exchange.push(br#"{"usage":{"prompt_tokens":1}}"#, || moment(9));
    let facts = exchange.finish(End::Complete, None, moment(10)).next().unwrap();
    assert_eq!(facts.status, Status::Ok);
    let call = call(facts);
    assert!(call.usage.is_empty());
    assert_eq!(call.model.as_deref(), Some("gpt-asked"));
}
