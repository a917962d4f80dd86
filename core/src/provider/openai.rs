//! `OpenAI`, whose dialects everybody else speaks too.

use crate::event::Operation;
use crate::provider::{Counting, Endpoint, Provider};

mod batch;
mod chat;
mod media;
mod responses;
mod usage;

pub(super) use batch::BATCH;
pub(super) use chat::CHAT;
pub(super) use media::{IMAGES, SPEECH, TRANSCRIPTION};
pub(super) use responses::RESPONSES;
pub(super) use usage::{read_responses_usage, read_usage};

/// <https://platform.openai.com/docs/api-reference>. Hosts below `api.openai.com` are those of data residency.
pub(super) const OPENAI: Provider = Provider {
    id: "openai",
    title: "OpenAI",
    docs: "https://platform.openai.com/docs/api-reference",
    aliases: &[],
    owns: &[
        "gpt-",
        "o1",
        "o3",
        "o4",
        "chatgpt-",
        "text-embedding-3",
        "text-embedding-ada",
        "ft:gpt-",
        "dall-e",
        "tts-1",
        "whisper-1",
        "sora-",
        "codex-",
    ],
    hosts: &["api.openai.com", ".api.openai.com"],
    endpoints: &[
        // https://platform.openai.com/docs/api-reference/chat/create#chat_create-stream_options
        Endpoint::new("/chat/completions", Operation::Chat, &CHAT).usage_if_asked(|_| true),
        Endpoint::new("/responses", Operation::Chat, &RESPONSES).if_request_has("input"),
        // https://developers.openai.com/api/reference/resources/responses/methods/compact
        Endpoint::new("/responses/compact", Operation::Chat, &RESPONSES).if_request_has("model"),
        Endpoint::new("/completions", Operation::TextCompletion, &CHAT)
            .if_request_has("prompt")
            .usage_if_asked(|_| true),
        Endpoint::new("/embeddings", Operation::Embeddings, &CHAT).if_request_has("input"),
        Endpoint::new("/images/generations", Operation::ImageGeneration, &IMAGES).if_request_has("prompt"),
        Endpoint::new("/images/edits", Operation::ImageGeneration, &IMAGES).if_request_has("prompt"),
        Endpoint::new("/images/variations", Operation::ImageGeneration, &IMAGES).if_request_has("image"),
        Endpoint::new("/audio/speech", Operation::Speech, &SPEECH).if_request_has("input"),
        Endpoint::new("/audio/transcriptions", Operation::Transcription, &TRANSCRIPTION).if_request_has("file"),
        Endpoint::new("/audio/translations", Operation::Transcription, &TRANSCRIPTION).if_request_has("file"),
        Endpoint::results("/content", &BATCH).below("/files/"),
    ],
    counting: Counting::PLAIN,
};
