//! Interactions: the API of Google's for models and agents that keeps the conversation.

use super::{Counts, billed_searches, read_tier, take};
use crate::provider::dialect::{Answer, Dialect, set_name};
use crate::usage::Dimension;
use crate::wire::{json, value};

/// <https://ai.google.dev/api/interactions-api>. Each event of a stream is one `interaction`, or a step of it; the last has
/// the usage.
pub(in crate::provider) static INTERACTIONS: Dialect = Dialect {
    native_to: Some("google"),
    usage_key: "\"usage\"",
    also_read: &["\"error\""],
    newest_usage_wins: true,
    last_words: &["\"interaction.complete", "[DONE]"],
    absorb,
};

fn absorb(answer: &mut Answer, body: &[u8]) {
    for (key, raw) in json::members(body) {
        match key {
            b"interaction" => {
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
        b"id" => set_name(&mut answer.call.response_id, raw),
        // An agent is asked instead of a model, and billed by the models it asks.
        b"model" | b"agent" => set_name(&mut answer.call.model, raw),
        b"usage" => read_usage(answer, raw),
        b"service_tier" | b"serviceTier" => read_tier(answer, raw),
        b"status" if raw == b"\"failed\"" => answer.fail_with("failed"),
        b"error" => answer.fail(raw),
        _ => {}
    }
}

/// `Usage` (<https://ai.google.dev/api/interactions-api#Resource:Usage>), in the spelling of Vertex AI as well
/// (<https://docs.cloud.google.com/gemini-enterprise-agent-platform/reference/rest/v1beta1/Usage>). Tool prompts and
/// thoughts are beside the input and the output.
fn read_usage(answer: &mut Answer, raw: &[u8]) {
    let mut counts = Counts::default();
    let mut queries = None;
    for (key, raw) in json::members(raw) {
        match key {
            b"total_input_tokens" | b"totalInputTokens" => counts.prompt = value::count(raw),
            b"total_tool_use_tokens" | b"totalToolUseTokens" => counts.tool_prompt = value::count(raw),
            b"total_cached_tokens" | b"totalCachedTokens" => counts.cached = value::count(raw),
            b"total_output_tokens" | b"totalOutputTokens" => counts.candidates = value::count(raw),
            b"total_thought_tokens" | b"totalThoughtTokens" => counts.thoughts = value::count(raw),
            b"input_tokens_by_modality"
            | b"inputTokensByModality"
            | b"tool_use_tokens_by_modality"
            | b"toolUseTokensByModality" => counts.read.read(raw),
            b"cached_tokens_by_modality" | b"cachedTokensByModality" => counts.from_cache.read(raw),
            b"output_tokens_by_modality" | b"outputTokensByModality" => counts.written.read(raw),
            b"grounding_tool_count" | b"groundingToolCount" => queries = searches(raw),
            _ => {}
        }
    }
    take(answer, counts.usage());
    if let Some(queries) = queries.filter(|&queries| queries > 0) {
        let billed = billed_searches(answer, queries);
        answer.call.usage.set(Dimension::WebSearches, billed);
    }
}

/// How often Google Search was asked.
fn searches(grounding_tool_count: &[u8]) -> Option<u64> {
    json::elements(grounding_tool_count)
        .filter(|entry| matches!(json::get(entry, "type"), Some(b"\"google_search\"" | b"\"GOOGLE_SEARCH\"")))
        .filter_map(|entry| json::get(entry, "count").and_then(value::count))
        .reduce(u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Operation;
    use crate::provider::Counting;

    fn read(body: &str) -> Answer {
        let mut answer = Answer::new(Operation::GenerateContent, Counting::PLAIN);
        absorb(&mut answer, body.as_bytes());
        answer
    }

    #[test]
    fn tools_and_thoughts_are_added_and_searches_are_billed_as_the_model_says() {
        let body = |model| {
            format!(
                r#"{{"event_type":"interaction.completed","interaction":{{"id":"i1","model":"{model}","service_tier":"flex",
                "usage":{{"total_tokens":80,"total_input_tokens":20,"total_cached_tokens":8,"total_tool_use_tokens":30,
                "total_output_tokens":10,"total_thought_tokens":20,"input_tokens_by_modality":[
                {{"modality":"text","tokens":5}},{{"modality":"image","tokens":15}}],
                "cached_tokens_by_modality":[{{"modality":"image","tokens":8}}],
                "grounding_tool_count":[{{"type":"google_search","count":3}},{{"type":"google_maps","count":1}}]}}}}}}"#
            )
        };
        let answer = read(&body("gemini-3-pro-preview"));
        let expected =
            serde_json::json!({"input":50,"output":30,"cache_read":8,"image_in":7,"reasoning":20,"web_searches":3});
        assert_eq!(serde_json::to_value(answer.call.usage).unwrap(), expected);
        assert_eq!(answer.call.response_id.as_deref(), Some("i1"));
        assert_eq!(answer.call.service_tier.as_deref(), Some("flex"));
        assert_eq!(read(&body("gemini-2.5-flash")).call.usage.get(Dimension::WebSearches), Some(1));
    }

    #[test]
    fn an_interaction_that_failed_is_an_error() {
        let answer = read(r#"{"id":"i1","status":"failed","model":"gemini-3-pro-preview"}"#);
        assert_eq!((answer.failed, answer.error_type.as_deref()), (true, Some("failed")));
    }
}
