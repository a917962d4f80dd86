//! `Ollama`, on the user's own machine or in its cloud.

use crate::event::Operation;
use crate::provider::dialect::{Answer, Dialect, set_name};
use crate::provider::{Counting, Endpoint, Provider, anthropic, openai};
use crate::usage::Dimension;
use crate::wire::{json, value};

/// <https://docs.ollama.com/api>. A model that runs on one's own machine has nobody's price, and the cloud is paid by the
/// month: calls are counted with their tokens and are unpriced, until the user sets a price. Loading a model and letting it
/// go are no calls. On a host that is not known, such as `localhost:11434`, a path like `/api/chat` may be any
/// application's: there the answer has to be `Ollama`'s, and one that was refused or never came leaves no event.
pub(super) const OLLAMA: Provider = Provider {
    id: "ollama",
    title: "Ollama",
    docs: "https://docs.ollama.com/api/usage",
    aliases: &["ollama_chat"],
    owns: &[],
    hosts: &["ollama.com"],
    endpoints: &[
        method("/api/chat", Operation::Chat, "messages").streaming(),
        method("/api/generate", Operation::TextCompletion, "prompt").streaming(),
        method("/api/embed", Operation::Embeddings, "input"),
        method("/api/embeddings", Operation::Embeddings, "prompt"),
        // https://docs.ollama.com/api/openai-compatibility, https://docs.ollama.com/api/anthropic-compatibility
        Endpoint::new("/v1/chat/completions", Operation::Chat, &openai::CHAT),
        Endpoint::new("/v1/responses", Operation::Chat, &openai::RESPONSES).if_request_has("input"),
        Endpoint::new("/v1/completions", Operation::TextCompletion, &openai::CHAT).if_request_has("prompt"),
        Endpoint::new("/v1/embeddings", Operation::Embeddings, &openai::CHAT).if_request_has("input"),
        Endpoint::new("/v1/messages", Operation::Chat, &anthropic::MESSAGES).if_request_has("messages"),
    ],
    counting: Counting::PLAIN,
};

const fn method(path_end: &'static str, operation: Operation, member: &'static str) -> Endpoint {
    Endpoint::new(path_end, operation, &NATIVE).only_of("ollama").if_request_has(member)
}

/// A response, or the lines of a stream, of which the last one counts
/// (<https://docs.ollama.com/api/chat>, <https://docs.ollama.com/api/usage>).
static NATIVE: Dialect = Dialect {
    native_to: Some("ollama"),
    usage_key: "\"eval_count\"",
    also_read: &["\"error\"", "\"prompt_eval_count\""],
    newest_usage_wins: true,
    last_words: &["\"total_duration\""],
    absorb,
};

fn absorb(answer: &mut Answer, body: &[u8]) {
    if matches!(json::get(body, "done_reason"), Some(b"\"load\"" | b"\"unload\"")) {
        return;
    }
    for (key, raw) in json::members(body) {
        match key {
            b"model" => set_name(&mut answer.call.model, raw),
            b"prompt_eval_count" => answer.call.usage.set_if(Dimension::Input, value::count(raw)),
            b"eval_count" => answer.call.usage.set_if(Dimension::Output, value::count(raw)),
            b"error" => answer.fail(raw),
            _ => {}
        }
    }
}
