//! Telling a usage object by its keys, where no endpoint tells it: records by hand, dumps of SDK objects.

use crate::event::Operation;
use crate::provider::dialect::Answer;
use crate::provider::{anthropic, bedrock, cohere, google, openai};
use crate::wire::json;

type Take = fn(&mut Answer, &[u8]);

/// How to read a body of some shape.
pub(crate) struct Shape {
    /// Takes a whole response.
    pub(crate) absorb: Take,
    /// Takes the usage object.
    pub(crate) read_usage: Take,
    /// What was asked, unless the caller knows.
    pub(crate) operation: Operation,
}

impl Shape {
    /// Names as in a chat completion, and usage of its own.
    const fn chat(read_usage: Take) -> Self {
        Self { absorb: openai::CHAT.absorb, read_usage, operation: Operation::Chat }
    }
}

/// The shape of a body without usage: of its names, those that nearly all use.
pub(crate) const NAMES_ONLY: Shape = Shape::chat(openai::read_usage);

/// A usage object and its shape; `None` where nothing looks like one. Takes a whole response, or the usage object alone.
pub(crate) fn usage_of<'a>(body: &'a [u8], provider: Option<&str>) -> Option<(&'a [u8], Shape)> {
    let named = json::members(body).find(|(key, raw)| {
        matches!(*key, b"usage" | b"usageMetadata" | b"usage_metadata") && json::first_byte(raw) == Some(b'{')
    });
    let usage = named.map_or(body, |(_, usage)| usage);
    shape_of(usage, provider).map(|shape| (usage, shape))
}

fn shape_of(usage: &[u8], provider: Option<&str>) -> Option<Shape> {
    let keys: Vec<&[u8]> = json::members(usage).map(|(key, _)| key).collect();
    let has = |names: &[&str]| names.iter().any(|name| keys.contains(&name.as_bytes()));
    if has(&["promptTokenCount", "prompt_token_count", "candidatesTokenCount", "candidates_token_count"]) {
        let (absorb, read_usage) = (google::GENERATE.absorb, google::read_usage as Take);
        return Some(Shape { absorb, read_usage, operation: Operation::GenerateContent });
    }
    if has(&["billed_units"]) {
        return Some(Shape::chat(|answer, usage| {
            answer.call.usage = cohere::usage(json::get(usage, "billed_units").unwrap_or_default());
        }));
    }
    if has(&["inputTokens", "outputTokens"]) {
        return Some(Shape::chat(|answer, usage| answer.call.usage = bedrock::usage(usage)));
    }
    if has(&["input_tokens", "output_tokens"]) {
        let is_anthropic =
            provider == Some("anthropic") || has(&["cache_creation_input_tokens", "cache_read_input_tokens"]);
        let (absorb, read_usage) = if is_anthropic {
            (anthropic::MESSAGES.absorb, anthropic::read_usage as Take)
        } else {
            (openai::RESPONSES.absorb, openai::read_responses_usage as Take)
        };
        return Some(Shape { absorb, read_usage, operation: Operation::Chat });
    }
    if has(&["prompt_tokens", "completion_tokens", "total_tokens"]) {
        return Some(Shape::chat(openai::read_usage));
    }
    // Our own vocabulary.
    has(&["input", "output"])
        .then(|| Shape::chat(|answer, usage| answer.call.usage = serde_json::from_slice(usage).unwrap_or_default()))
}
