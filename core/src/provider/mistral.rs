//! Mistral.

use crate::event::Operation;
use crate::provider::dialect::{Answer, Dialect, set_name};
use crate::provider::{Counting, Endpoint, Provider, openai};
use crate::usage::Dimension;
use crate::wire::{json, value};

/// <https://docs.mistral.ai/api>. Usage is `OpenAI`'s, with `num_cached_tokens` inside of `prompt_tokens`, and with the
/// tokens of audio beside them.
pub(super) const MISTRAL: Provider = Provider {
    id: "mistral",
    title: "Mistral AI",
    docs: "https://docs.mistral.ai/api",
    aliases: &["mistral_ai", "mistralai"],
    owns: &[],
    hosts: &["api.mistral.ai", "codestral.mistral.ai", ".api.mistral.ai"],
    endpoints: &[
        Endpoint::new("/chat/completions", Operation::Chat, &openai::CHAT),
        Endpoint::new("/fim/completions", Operation::TextCompletion, &openai::CHAT),
        Endpoint::new("/agents/completions", Operation::Chat, &openai::CHAT),
        Endpoint::new("/conversations", Operation::Chat, &openai::CHAT).at_home(),
        Endpoint::new("/embeddings", Operation::Embeddings, &openai::CHAT),
        Endpoint::new("/ocr", Operation::Transcription, &OCR).at_home(),
        Endpoint::new("/audio/transcriptions", Operation::Transcription, &openai::TRANSCRIPTION),
        Endpoint::new("/audio/speech", Operation::Speech, &openai::SPEECH),
        Endpoint::results("/content", &openai::BATCH).below("/files/"),
    ],
    counting: Counting::PLAIN,
};

/// <https://docs.mistral.ai/api/endpoint/ocr>: pages are billed.
static OCR: Dialect = Dialect {
    native_to: Some("mistral"),
    usage_key: "\"usage_info\"",
    also_read: &["\"error\""],
    newest_usage_wins: true,
    last_words: &["[DONE]"],
    absorb,
};

fn absorb(answer: &mut Answer, body: &[u8]) {
    for (key, raw) in json::members(body) {
        match key {
            b"model" => set_name(&mut answer.call.model, raw),
            b"usage_info" => {
                let pages = json::get(raw, "pages_processed").and_then(value::count);
                answer.call.usage.set_if(Dimension::Pages, pages);
            }
            b"error" => answer.fail(raw),
            _ => {}
        }
    }
}
