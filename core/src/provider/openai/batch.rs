//! The results of a batch: a file of lines, each with the answer to one request
//! (<https://platform.openai.com/docs/api-reference/batch/request-output>). Others have the same lines.

use crate::event::Operation;
use crate::provider::dialect::{Answer, Dialect, set_name};
use crate::provider::openai::{CHAT, RESPONSES};
use crate::wire::{json, value};

pub(in crate::provider) static BATCH: Dialect = Dialect {
    native_to: None,
    usage_key: "\"custom_id\"",
    also_read: &[],
    newest_usage_wins: false,
    last_words: &[],
    absorb,
};

/// A line. What has no `custom_id` and no answer is no line of a batch but of any other file.
fn absorb(answer: &mut Answer, line: &[u8]) {
    let (mut has_name, mut line_id, mut response) = (false, None, None);
    for (key, raw) in json::members(line) {
        match key {
            b"custom_id" => has_name = true,
            b"id" => line_id = Some(raw),
            b"response" => response = Some(raw),
            _ => {}
        }
    }
    let Some(response) = response.filter(|response| has_name && response.starts_with(b"{")) else { return };
    let body = json::get(response, "body").unwrap_or_default();
    let (operation, dialect) = match json::get(body, "object") {
        Some(b"\"response\"") => (Operation::Chat, &RESPONSES),
        Some(b"\"list\"") => (Operation::Embeddings, &CHAT),
        Some(b"\"text_completion\"") => (Operation::TextCompletion, &CHAT),
        _ => (Operation::Chat, &CHAT),
    };
    answer.result(operation, |result| {
        (dialect.absorb)(result, body);
        if result.call.response_id.is_none()
            && let Some(id) = line_id
        {
            set_name(&mut result.call.response_id, id);
        }
        let status = json::get(response, "status_code").and_then(value::count);
        result.failed |= status.is_some_and(|status| status >= 400);
    });
}
