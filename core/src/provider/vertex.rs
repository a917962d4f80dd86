//! Google Cloud's Vertex AI: Gemini, and the models of others.

use crate::event::Operation;
use crate::provider::dialect::{Answer, Dialect};
use crate::provider::{Counting, Endpoint, Provider, Reasoning, google, hosted, openai};
use crate::usage::Dimension;
use crate::wire::{json, value};

/// <https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference>. Counting tokens is free, also with
/// Claude (<https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/count-tokens>); what `:predict`
/// calls is a model of Google's only below its name.
pub(super) const VERTEX: Provider = Provider {
    id: "vertex",
    title: "Google Vertex AI",
    docs: "https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference",
    aliases: &["gcp.vertex_ai", "vertex_ai", "google-vertex"],
    owns: &[],
    // https://cloud.google.com/vertex-ai/docs/reference/rest#service-endpoint
    hosts: &["*-aiplatform.googleapis.com", "aiplatform.googleapis.com", "aiplatform.*.rep.googleapis.com"],
    endpoints: &[
        google::method(":generateContent", Operation::GenerateContent),
        google::method(":streamGenerateContent", Operation::GenerateContent).streaming(),
        google::method(":embedContent", Operation::Embeddings),
        predict(":predictLongRunning", Operation::GenerateContent),
        predict(":predict", Operation::ImageGeneration),
        Endpoint::new("/interactions", Operation::GenerateContent, &google::INTERACTIONS).if_request_has("input"),
        // https://docs.anthropic.com/en/api/claude-on-vertex-ai
        partner(":rawPredict"),
        partner(":streamRawPredict").streaming(),
        partner("/count-tokens:rawPredict").free(),
        // https://cloud.google.com/vertex-ai/generative-ai/docs/start/openai
        Endpoint::new("/openapi/chat/completions", Operation::Chat, &openai::CHAT),
    ],
    counting: Counting { reasoning: Reasoning::InTotal, ..Counting::PLAIN },
};

const fn predict(path_end: &'static str, operation: Operation) -> Endpoint {
    let of_google = Endpoint::new(path_end, operation, &PREDICT).below("/publishers/google/models/").of_the_path();
    of_google.only_of("vertex").if_request_has("instances")
}

const fn partner(path_end: &'static str) -> Endpoint {
    Endpoint::new(path_end, Operation::Chat, &hosted::HOSTED).below("/publishers/").only_of("vertex").of_the_path()
}

/// The predictions of models that are older than `embedContent`
/// (<https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api>). Imagen tells no counts.
static PREDICT: Dialect = Dialect {
    native_to: Some("vertex"),
    usage_key: "\"statistics\"",
    also_read: &[],
    newest_usage_wins: true,
    last_words: &[],
    absorb,
};

fn absorb(answer: &mut Answer, body: &[u8]) {
    for (key, raw) in json::members(body) {
        match key {
            b"predictions" => {
                let tokens = json::elements(raw).filter_map(|prediction| {
                    let statistics = json::get(json::get(prediction, "embeddings")?, "statistics")?;
                    value::count(json::get(statistics, "token_count")?)
                });
                answer.call.usage.set_if(Dimension::Input, tokens.reduce(u64::saturating_add));
            }
            b"error" => answer.fail(raw),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tokens_of_all_predictions_are_the_input() {
        let mut answer = Answer::new(Operation::Embeddings, Counting::PLAIN);
        let body = r#"{"predictions":[{"embeddings":{"statistics":{"truncated":false,"token_count":6},"values":[0.1]}},
            {"embeddings":{"statistics":{"token_count":4},"values":[0.2]}}],"metadata":{"billableCharacterCount":38}}"#;
        absorb(&mut answer, body.as_bytes());
        assert_eq!(serde_json::to_value(answer.call.usage).unwrap(), serde_json::json!({"input":10}));
    }
}
