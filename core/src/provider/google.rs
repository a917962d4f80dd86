//! Google: the Gemini API.

use crate::event::Operation;
use crate::provider::dialect::{Answer, Dialect, set_name};
use crate::provider::{Counting, Endpoint, Provider, Reasoning};
use crate::usage::{Dimension, Usage};
use crate::wire::{json, value};

mod interactions;

pub(super) use interactions::INTERACTIONS;

/// <https://ai.google.dev/api>. Counting tokens and listing models are free; what is billed for a cache is its hours
/// (<https://ai.google.dev/gemini-api/docs/caching>), which no request tells. Images and videos are billed by the piece, and
/// their answers count nothing: such calls have no price.
pub(super) const GOOGLE: Provider = Provider {
    id: "google",
    title: "Google Gemini API",
    docs: "https://ai.google.dev/api/generate-content#UsageMetadata",
    aliases: &["gcp.gemini", "gemini", "google_ai", "google_genai", "google-gla"],
    owns: &["gemini-"],
    hosts: &["generativelanguage.googleapis.com"],
    endpoints: &[
        method(":generateContent", Operation::GenerateContent),
        method(":streamGenerateContent", Operation::GenerateContent).streaming(),
        method(":embedContent", Operation::Embeddings),
        method(":batchEmbedContents", Operation::Embeddings),
        // https://ai.google.dev/gemini-api/docs/imagen, https://ai.google.dev/gemini-api/docs/video
        method(":predict", Operation::ImageGeneration).only_of("google").if_request_has("instances"),
        method(":predictLongRunning", Operation::GenerateContent).only_of("google").if_request_has("instances"),
        Endpoint::new("/interactions", Operation::GenerateContent, &INTERACTIONS).if_request_has("input"),
        // https://ai.google.dev/gemini-api/docs/openai
        Endpoint::new("/openai/chat/completions", Operation::Chat, &super::openai::CHAT),
        Endpoint::new("/openai/embeddings", Operation::Embeddings, &super::openai::CHAT),
    ],
    counting: Counting { reasoning: Reasoning::InTotal, ..Counting::PLAIN },
};

pub(super) const fn method(path_end: &'static str, operation: Operation) -> Endpoint {
    Endpoint::new(path_end, operation, &GENERATE).of_the_path()
}

/// `GenerateContentResponse` (<https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse>). Every chunk of
/// a stream repeats the usage so far.
pub(super) static GENERATE: Dialect = Dialect {
    native_to: Some("google"),
    usage_key: "\"usageMetadata\"",
    also_read: &["\"error\"", "\"webSearchQueries\""],
    newest_usage_wins: true,
    last_words: &["\"finishReason\"", "\"blockReason\""],
    absorb,
};

/// A response in the spelling of the wire, or of the Python SDK's objects.
fn absorb(answer: &mut Answer, body: &[u8]) {
    let mut candidates = None;
    for (key, raw) in json::members(body) {
        match key {
            b"modelVersion" | b"model_version" => set_name(&mut answer.call.model, raw),
            b"responseId" | b"response_id" => set_name(&mut answer.call.response_id, raw),
            b"usageMetadata" | b"usage_metadata" => read_usage(answer, raw),
            b"error" => answer.fail(raw),
            b"candidates" => candidates = Some(raw),
            _ => {}
        }
    }
    if let Some(candidates) = candidates {
        count_searches(answer, candidates);
    }
}

/// Grounding with Google Search: every different query that is not empty.
fn count_searches(answer: &mut Answer, candidates: &[u8]) {
    let mut queries: Vec<&[u8]> = json::elements(candidates)
        .filter_map(|candidate| {
            json::get(candidate, "groundingMetadata").or_else(|| json::get(candidate, "grounding_metadata"))
        })
        .filter_map(|grounding| {
            json::get(grounding, "webSearchQueries").or_else(|| json::get(grounding, "web_search_queries"))
        })
        .flat_map(json::elements)
        .filter(|query| query.len() > 2)
        .collect();
    queries.sort_unstable();
    queries.dedup();
    if queries.is_empty() {
        return;
    }
    let searches = billed_searches(answer, queries.len() as u64);
    // Chunks repeat the queries so far.
    let before = answer.call.usage.count(Dimension::WebSearches);
    answer.call.usage.set(Dimension::WebSearches, searches.max(before));
}

/// Tokens of a `ModalityTokenCount` list, by what costs apart. A modality without a count has none; its number stands for
/// its name where the request asked for that (`enum-encoding=int`).
#[derive(Default)]
struct Modalities {
    audio: Option<u64>,
    image: Option<u64>,
}

impl Modalities {
    fn read(&mut self, list: &[u8]) {
        for entry in json::elements(list) {
            let slot = match json::get(entry, "modality") {
                Some(b"\"AUDIO\"" | b"\"audio\"" | b"4") => &mut self.audio,
                Some(b"\"IMAGE\"" | b"\"image\"" | b"2") => &mut self.image,
                _ => continue,
            };
            let spellings = ["tokenCount", "token_count", "tokens"];
            let tokens = spellings.iter().find_map(|name| json::get(entry, name));
            let tokens = tokens.map_or(Some(0), value::count).unwrap_or(0);
            *slot = Some(slot.unwrap_or(0).saturating_add(tokens));
        }
    }
}

/// Gemini 3 and later are billed for each query, earlier models for each prompt that was grounded
/// (<https://ai.google.dev/gemini-api/docs/google-search#pricing>).
fn billed_searches(answer: &Answer, queries: u64) -> u64 {
    let model = answer.call.model.as_deref().or(answer.call.model_requested.as_deref()).unwrap_or("");
    let by_prompt = ["gemini-1", "gemini-2"].iter().any(|start| model.trim_start_matches("models/").starts_with(start));
    if by_prompt { 1 } else { queries }
}

/// Counts as Google gives them: the prompt contains what was cached but not what tools put into it, and the candidates do
/// not contain the thoughts.
#[derive(Default)]
struct Counts {
    prompt: Option<u64>,
    tool_prompt: Option<u64>,
    cached: Option<u64>,
    candidates: Option<u64>,
    thoughts: Option<u64>,
    read: Modalities,
    from_cache: Modalities,
    written: Modalities,
}

impl Counts {
    #[inline(never)]
    fn usage(&self) -> Usage {
        let sum = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (None, None) => None,
            _ => a.unwrap_or(0).checked_add(b.unwrap_or(0)),
        };
        // Our image tokens exclude cached ones, which take the rate of the cache.
        let image_in = self.read.image.map(|images| images.saturating_sub(self.from_cache.image.unwrap_or(0)));
        let mut usage = Usage::new();
        for (dimension, count) in [
            (Dimension::Input, sum(self.prompt, self.tool_prompt)),
            (Dimension::Output, sum(self.candidates, self.thoughts)),
            (Dimension::CacheRead, self.cached),
            (Dimension::AudioIn, self.read.audio),
            (Dimension::ImageIn, image_in),
            (Dimension::CacheReadAudio, self.from_cache.audio),
            (Dimension::Reasoning, self.thoughts),
            (Dimension::AudioOut, self.written.audio),
            (Dimension::ImageOut, self.written.image),
        ] {
            usage.set_if(dimension, count);
        }
        usage
    }
}

/// Takes a `UsageMetadata` (<https://ai.google.dev/api/generate-content#UsageMetadata>).
pub(super) fn read_usage(answer: &mut Answer, raw: &[u8]) {
    let mut counts = Counts::default();
    for (key, raw) in json::members(raw) {
        match key {
            b"promptTokenCount" | b"prompt_token_count" => counts.prompt = value::count(raw),
            b"toolUsePromptTokenCount" | b"tool_use_prompt_token_count" => counts.tool_prompt = value::count(raw),
            b"cachedContentTokenCount" | b"cached_content_token_count" => counts.cached = value::count(raw),
            b"candidatesTokenCount" | b"candidates_token_count" => counts.candidates = value::count(raw),
            b"thoughtsTokenCount" | b"thoughts_token_count" => counts.thoughts = value::count(raw),
            b"promptTokensDetails"
            | b"prompt_tokens_details"
            | b"toolUsePromptTokensDetails"
            | b"tool_use_prompt_tokens_details" => counts.read.read(raw),
            b"cacheTokensDetails" | b"cache_tokens_details" => counts.from_cache.read(raw),
            b"candidatesTokensDetails" | b"candidates_tokens_details" => counts.written.read(raw),
            b"serviceTier" | b"service_tier" | b"trafficType" | b"traffic_type" => read_tier(answer, raw),
            _ => {}
        }
    }
    take(answer, counts.usage());
}

/// Keeps the searches, which are told elsewhere.
fn take(answer: &mut Answer, mut usage: Usage) {
    if !usage.is_empty() {
        usage.set_if(Dimension::WebSearches, answer.call.usage.get(Dimension::WebSearches));
        answer.call.usage = usage;
    }
}

/// `serviceTier` of the Gemini API (`flex`, <https://ai.google.dev/gemini-api/docs/flex-inference>), `trafficType` of
/// Vertex AI (`ON_DEMAND_FLEX`, `PROVISIONED_THROUGHPUT`).
fn read_tier(answer: &mut Answer, raw: &[u8]) {
    let Some(word) = value::name(raw) else { return };
    let word = word.strip_prefix("SERVICE_TIER_").or(word.strip_prefix("ON_DEMAND_")).unwrap_or(&word);
    answer.tier_is(word);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bodies: &[&str]) -> Answer {
        let mut answer = Answer::new(Operation::GenerateContent, Counting::PLAIN);
        for body in bodies {
            absorb(&mut answer, body.as_bytes());
        }
        answer
    }

    fn counts(bodies: &[&str]) -> serde_json::Value {
        serde_json::to_value(read(bodies).call.usage).unwrap()
    }

    #[test]
    fn tool_prompts_and_thoughts_are_added_and_cached_images_leave_the_images() {
        let body = r#"{"usageMetadata":{"promptTokenCount":100,"toolUsePromptTokenCount":11,"cachedContentTokenCount":60,
            "candidatesTokenCount":7,"thoughtsTokenCount":5,
            "promptTokensDetails":[{"modality":"TEXT","tokenCount":30},{"modality":"AUDIO","tokenCount":30},
                {"modality":"IMAGE","tokenCount":40}],
            "cacheTokensDetails":[{"modality":"AUDIO","tokenCount":25},{"modality":"IMAGE","tokenCount":35}],
            "candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":6},{"modality":"AUDIO"}],
            "serviceTier":"standard"}}"#;
        let expected = serde_json::json!({"input":111,"output":12,"cache_read":60,"audio_in":30,"image_in":5,
            "cache_read_audio":25,"reasoning":5,"audio_out":0,"image_out":6});
        assert_eq!(counts(&[body]), expected);
        assert!(read(&[body]).call.usage.leaves().is_ok());
    }

    #[test]
    fn objects_of_the_sdk_are_read_with_their_nulls() {
        let body = r#"{"model_version":"gemini-2.5-pro","response_id":"r","candidates":null,"usage_metadata":{
            "cache_tokens_details":null,"cached_content_token_count":null,"candidates_token_count":4,
            "prompt_token_count":9,"prompt_tokens_details":[{"modality":"AUDIO","token_count":2}],
            "thoughts_token_count":null,"tool_use_prompt_token_count":null,"traffic_type":"ON_DEMAND_FLEX"}}"#;
        assert_eq!(counts(&[body]), serde_json::json!({"input":9,"output":4,"audio_in":2}));
        let answer = read(&[body]);
        assert_eq!(answer.call.model.as_deref(), Some("gemini-2.5-pro"));
        assert_eq!(answer.call.service_tier.as_deref(), Some("flex"));
    }

    #[test]
    fn grounding_is_billed_by_prompt_before_gemini_3_and_by_query_since() {
        let body = |model| {
            format!(
                r#"{{"modelVersion":"{model}","candidates":[{{"groundingMetadata":{{"webSearchQueries":
                ["a","","b","a"]}}}}],"usageMetadata":{{"promptTokenCount":1}}}}"#
            )
        };
        assert_eq!(counts(&[&body("gemini-2.5-flash")])["web_searches"], 1);
        assert_eq!(counts(&[&body("gemini-3-pro-preview")])["web_searches"], 2);
        let later = r#"{"modelVersion":"gemini-3-pro-preview","usageMetadata":{"promptTokenCount":3}}"#;
        assert_eq!(counts(&[&body("gemini-3-pro-preview"), later]), serde_json::json!({"input":3,"web_searches":2}));
    }
}
