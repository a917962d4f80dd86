//! Cohere.

use crate::event::Operation;
use crate::provider::dialect::{Answer, Dialect, set_name};
use crate::provider::{Counting, Endpoint, Provider, openai};
use crate::usage::{Dimension, Usage};
use crate::wire::{json, value};

/// <https://docs.cohere.com/reference/about>. Counting tokens and the lists are free. Classifications and summaries are
/// billed by units that no price list has any more; they leave calls without a price.
pub(super) const COHERE: Provider = Provider {
    id: "cohere",
    title: "Cohere",
    docs: "https://docs.cohere.com/reference/chat",
    aliases: &["cohere_chat"],
    owns: &["rerank-v"],
    hosts: &["api.cohere.com", "api.cohere.ai", ".api.cohere.com"],
    endpoints: &[
        method("/v2/chat", Operation::Chat, "messages"),
        method("/v1/chat", Operation::Chat, "message"),
        method("/v1/generate", Operation::TextCompletion, "prompt"),
        method("/v1/summarize", Operation::TextCompletion, "text"),
        method("/v1/classify", Operation::TextCompletion, "inputs"),
        method("/v2/embed", Operation::Embeddings, "model"),
        method("/v1/embed", Operation::Embeddings, "model"),
        // Others rerank at such a path, too.
        Endpoint::new("/v2/rerank", Operation::Rerank, &BILLED).if_request_has("documents"),
        Endpoint::new("/v1/rerank", Operation::Rerank, &BILLED).if_request_has("documents"),
        // https://docs.cohere.com/docs/compatibility-api
        Endpoint::new("/compatibility/v1/chat/completions", Operation::Chat, &openai::CHAT),
        Endpoint::new("/compatibility/v1/embeddings", Operation::Embeddings, &openai::CHAT),
    ],
    counting: Counting::PLAIN,
};

const fn method(path_end: &'static str, operation: Operation, member: &'static str) -> Endpoint {
    Endpoint::new(path_end, operation, &BILLED).only_of("cohere").if_request_has(member)
}

/// Both versions of the API: `usage` in the second (<https://docs.cohere.com/reference/chat>), `meta` in the first
/// (<https://docs.cohere.com/v1/reference/chat>), at the end of a stream inside its last event
/// (<https://docs.cohere.com/docs/streaming>). The first streams JSON lines, the second events. No answer names the model.
pub(super) static BILLED: Dialect = Dialect {
    native_to: Some("cohere"),
    usage_key: "\"billed_units\"",
    also_read: &["\"ERROR\"", "\"ERROR_TOXIC\"", "\"TIMEOUT\""],
    newest_usage_wins: true,
    last_words: &["\"message-end\"", "\"stream-end\"", "[DONE]"],
    absorb,
};

fn absorb(answer: &mut Answer, body: &[u8]) {
    for (key, raw) in json::members(body) {
        match key {
            b"delta" | b"response" => {
                for (key, raw) in json::members(raw) {
                    absorb_member(answer, key, raw);
                }
            }
            _ => absorb_member(answer, key, raw),
        }
    }
}

fn absorb_member(answer: &mut Answer, key: &[u8], raw: &[u8]) {
    match key {
        b"id" | b"response_id" => set_name(&mut answer.call.response_id, raw),
        b"usage" | b"meta" => {
            let usage = json::get(raw, "billed_units").map(usage).unwrap_or_default();
            if !usage.is_empty() {
                answer.call.usage = usage;
            }
        }
        b"finish_reason" => {
            if let Some(word @ ("ERROR" | "ERROR_TOXIC" | "TIMEOUT")) = value::token(raw) {
                answer.fail_with(&word.to_ascii_lowercase());
            }
        }
        _ => {}
    }
}

/// `billed_units`, not the larger `tokens` beside it (<https://docs.cohere.com/reference/chat#response.body.usage>). Images
/// are counted beside the texts (<https://docs.cohere.com/reference/embed#response.body.meta>).
pub(super) fn usage(billed_units: &[u8]) -> Usage {
    let (mut texts, mut images) = (None, None);
    let mut usage = Usage::new();
    for (key, raw) in json::members(billed_units) {
        match key {
            b"input_tokens" => texts = value::count(raw),
            b"image_tokens" => images = value::count(raw),
            b"output_tokens" => usage.set_if(Dimension::Output, value::count(raw)),
            b"search_units" => usage.set_if(Dimension::RerankSearches, value::count(raw)),
            _ => {}
        }
    }
    if texts.is_some() || images.is_some() {
        usage.set_if(Dimension::Input, texts.unwrap_or(0).checked_add(images.unwrap_or(0)));
        usage.set_if(Dimension::ImageIn, images);
    }
    usage
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Answer {
        let mut answer = Answer::new(Operation::Chat, Counting::PLAIN);
        absorb(&mut answer, body.as_bytes());
        answer
    }

    #[test]
    fn what_is_billed_is_read() {
        let expected = Usage::new().with(Dimension::Input, 12).with(Dimension::Output, 3);
        assert_eq!(usage(br#"{"input_tokens":12,"output_tokens":3,"classifications":null}"#), expected);
        let expected = Usage::new().with(Dimension::Input, 500).with(Dimension::ImageIn, 500);
        assert_eq!(usage(br#"{"image_tokens":500,"images":1}"#), expected);
        assert_eq!(usage(br#"{"search_units":2}"#), Usage::new().with(Dimension::RerankSearches, 2));
    }

    #[test]
    fn both_versions_and_their_streams_say_the_same() {
        let expected = Usage::new().with(Dimension::Input, 5).with(Dimension::Output, 3);
        let billed =
            r#"{"billed_units":{"input_tokens":5,"output_tokens":3},"tokens":{"input_tokens":206,"output_tokens":3}}"#;
        for body in [
            format!(r#"{{"id":"c","usage":{billed}}}"#),
            format!(r#"{{"response_id":"c","meta":{billed}}}"#),
            format!(r#"{{"id":"c","type":"message-end","delta":{{"finish_reason":"COMPLETE","usage":{billed}}}}}"#),
            format!(r#"{{"event_type":"stream-end","response":{{"response_id":"c","meta":{billed}}}}}"#),
        ] {
            let answer = read(&body);
            assert_eq!(answer.call.usage, expected, "{body}");
            assert_eq!(answer.call.response_id.as_deref(), Some("c"));
            assert!(!answer.failed);
        }
    }

    #[test]
    fn a_stream_that_ends_in_an_error_is_one() {
        let answer = read(r#"{"type":"message-end","delta":{"error":"no","finish_reason":"ERROR"}}"#);
        assert_eq!((answer.failed, answer.error_type.as_deref()), (true, Some("error")));
    }
}
