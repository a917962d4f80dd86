//! The answers of models that a cloud hosts, each in the format of its maker: `InvokeModel` of Amazon Bedrock
//! (<https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html>), `rawPredict` of Vertex AI
//! (<https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/use-partner-models>).

use crate::provider::dialect::{Answer, Dialect, set_name};
use crate::provider::{anthropic, bedrock, cohere, openai};
use crate::usage::Dimension;
use crate::wire::{json, value};

/// The keys tell whose format it is. The name that the model gives itself is not taken: the cloud has its own names, and
/// prices by them.
pub(super) static HOSTED: Dialect = Dialect {
    native_to: None,
    usage_key: "\"usage\"",
    also_read: &[
        "\"error\"",
        METRICS,
        "\"inputTextTokenCount\"",
        "\"totalOutputTextTokenCount\"",
        "\"prompt_token_count\"",
        "\"generation_token_count\"",
    ],
    newest_usage_wins: false,
    last_words: &[METRICS, "\"message_stop\"", "[DONE]"],
    absorb,
};

/// What Bedrock adds to the last part of a stream
/// (<https://docs.aws.amazon.com/bedrock/latest/userguide/inference-invoke.html>).
const METRICS: &str = "\"amazon-bedrock-invocationMetrics\"";

fn absorb(answer: &mut Answer, body: &[u8]) {
    for (key, raw) in json::members(body) {
        match key {
            b"id" => set_name(&mut answer.call.response_id, raw),
            b"usage" => read_usage(answer, raw),
            // The start of Anthropic's stream, and the end of Nova's.
            b"message" | b"metadata" => {
                for (key, raw) in json::members(raw) {
                    match key {
                        b"id" => set_name(&mut answer.call.response_id, raw),
                        b"usage" => read_usage(answer, raw),
                        _ => {}
                    }
                }
            }
            // Cohere.
            b"meta" => {
                if let Some(billed) = json::get(raw, "billed_units") {
                    answer.call.usage = cohere::usage(billed);
                }
            }
            // Titan.
            b"results" => {
                let tokens = json::elements(raw).filter_map(|result| value::count(json::get(result, "tokenCount")?));
                answer.call.usage.set_if(Dimension::Output, tokens.reduce(u64::saturating_add));
            }
            b"error" => answer.fail(raw),
            _ => {}
        }
    }
    // Titan and Llama count in the body itself.
    bedrock::meter(answer, body);
    if let Some(metrics) = json::get(body, METRICS.trim_matches('"')) {
        bedrock::meter(answer, metrics);
    }
}

/// Takes a usage object of any maker.
fn read_usage(answer: &mut Answer, raw: &[u8]) {
    let has = |name| json::get(raw, name).is_some();
    if has("input_tokens") || has("output_tokens") {
        anthropic::read_usage(answer, raw);
    } else if has("inputTokens") || has("outputTokens") {
        bedrock::meter(answer, raw);
    } else {
        openai::read_usage(answer, raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Operation;
    use crate::provider::Counting;

    fn counts(parts: &[&str]) -> serde_json::Value {
        let mut answer = Answer::new(Operation::Chat, Counting::PLAIN);
        for part in parts {
            absorb(&mut answer, part.as_bytes());
        }
        assert_eq!(answer.call.model, None);
        serde_json::to_value(answer.call.usage).unwrap()
    }

    #[test]
    fn every_makers_format_is_told_by_its_keys() {
        for (body, expected) in [
            (
                r#"{"model":"claude","usage":{"input_tokens":3,"cache_read_input_tokens":5,"output_tokens":2}}"#,
                serde_json::json!({"input":8,"output":2,"cache_read":5}),
            ),
            (r#"{"usage":{"inputTokens":3,"outputTokens":2}}"#, serde_json::json!({"input":3,"output":2})),
            (
                r#"{"model":"jamba","usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
                serde_json::json!({"input":3,"output":2}),
            ),
            (
                r#"{"inputTextTokenCount":3,"results":[{"tokenCount":2},{"tokenCount":4}]}"#,
                serde_json::json!({"input":3,"output":6}),
            ),
            (r#"{"embedding":[0.1],"inputTextTokenCount":3}"#, serde_json::json!({"input":3})),
            (
                r#"{"generation":"a","prompt_token_count":3,"generation_token_count":2}"#,
                serde_json::json!({"input":3,"output":2}),
            ),
            (
                r#"{"text":"a","meta":{"billed_units":{"input_tokens":3,"output_tokens":2}}}"#,
                serde_json::json!({"input":3,"output":2}),
            ),
            (r#"{"outputs":[{"text":"a"}]}"#, serde_json::json!({})),
        ] {
            assert_eq!(counts(&[body]), expected, "{body}");
        }
    }

    #[test]
    fn the_metrics_at_the_end_of_a_stream_win() {
        let parts = [
            r#"{"type":"message_start","message":{"model":"claude","usage":{"input_tokens":7,"cache_read_input_tokens":4,"output_tokens":1}}}"#,
            r#"{"type":"message_delta","usage":{"output_tokens":130}}"#,
            r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":7,"outputTokenCount":98}}"#,
        ];
        assert_eq!(counts(&parts), serde_json::json!({"input":11,"output":98,"cache_read":4}));
    }
}
