//! What `OpenAI` and those who speak its dialects count, and what they say that it cost.

use crate::money::Money;
use crate::provider::dialect::{Answer, set_name};
use crate::provider::{Counting, Reasoning};
use crate::usage::{Dimension, Usage};
use crate::wire::{json, value};

/// The counts of a usage object of chat completions, completions, embeddings or responses. They are inclusive.
#[derive(Default)]
struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cache_read: Option<u64>,
    cache_read_audio: Option<u64>,
    cache_read_image: Option<u64>,
    cache_write: Option<u64>,
    audio_in: Option<u64>,
    image_in: Option<u64>,
    reasoning: Option<u64>,
    audio_out: Option<u64>,
    image_out: Option<u64>,
    citation: Option<u64>,
    web_searches: Option<u64>,
    file_searches: Option<u64>,
    audio_seconds: Option<u64>,
    /// Cached tokens as others than `OpenAI` tell them.
    cached_beside: Option<u64>,
    written_beside: Option<u64>,
    reasoning_beside: Option<u64>,
}

impl Counts {
    #[inline(never)]
    fn read(usage: &[u8]) -> Self {
        let mut counts = Self::default();
        for (key, raw) in json::members(usage) {
            match key {
                b"prompt_tokens" | b"input_tokens" => counts.input = value::count(raw),
                b"completion_tokens" | b"output_tokens" => counts.output = value::count(raw),
                b"total_tokens" => counts.total = value::count(raw),
                // Without the plural: transcriptions, and Mistral.
                b"prompt_tokens_details"
                | b"input_tokens_details"
                | b"input_token_details"
                | b"prompt_token_details" => counts.read_input(raw),
                b"completion_tokens_details" | b"output_tokens_details" => counts.read_output(raw),
                // DeepSeek; Together and Moonshot; Mistral; Claude behind gateways.
                b"prompt_cache_hit_tokens" | b"cached_tokens" | b"num_cached_tokens" | b"cache_read_input_tokens" => {
                    counts.cached_beside = value::count(raw).or(counts.cached_beside);
                }
                b"cache_creation_input_tokens" => counts.written_beside = value::count(raw).filter(|&count| count > 0),
                b"prompt_audio_seconds" | b"seconds" => counts.audio_seconds = value::seconds(raw),
                // OpenRouter; xAI.
                b"server_tool_use_details" | b"server_tool_use" => counts.read_tools(raw, "web_search_requests", ""),
                b"server_side_tool_usage_details" => counts.read_tools(raw, "web_search_calls", "file_search_calls"),
                b"reasoning_tokens" => counts.reasoning_beside = value::count(raw),
                b"citation_tokens" => counts.citation = value::count(raw),
                b"num_search_queries" => counts.web_searches = value::count(raw),
                _ => {}
            }
        }
        counts
    }

    fn read_input(&mut self, details: &[u8]) {
        for (key, raw) in json::members(details) {
            match key {
                b"cached_tokens" => self.cache_read = value::count(raw),
                b"cache_write_tokens" => self.cache_write = value::count(raw),
                b"audio_tokens" => self.audio_in = value::count(raw),
                b"image_tokens" => self.image_in = value::count(raw),
                b"cached_tokens_details" => {
                    let part = |name| json::get(raw, name).and_then(value::count);
                    self.cache_read_audio = part("audio_tokens");
                    self.cache_read_image = part("image_tokens");
                }
                _ => {}
            }
        }
    }

    fn read_tools(&mut self, details: &[u8], web: &str, file: &str) {
        let calls = |name| json::get(details, name).and_then(value::count).filter(|&calls| calls > 0);
        self.web_searches = calls(web).or(self.web_searches);
        self.file_searches = calls(file).or(self.file_searches);
    }

    fn read_output(&mut self, details: &[u8]) {
        for (key, raw) in json::members(details) {
            match key {
                b"reasoning_tokens" => self.reasoning = value::count(raw),
                b"audio_tokens" => self.audio_out = value::count(raw),
                b"image_tokens" => self.image_out = value::count(raw),
                _ => {}
            }
        }
    }

    /// Translates to our vocabulary.
    #[inline(never)]
    fn usage(mut self, counting: Counting, chat: bool) -> Usage {
        let (input, output) = (self.input.unwrap_or(0), self.output.unwrap_or(0));
        if counting.reasoning == Reasoning::Research {
            self.reasoning = self.reasoning.or(self.reasoning_beside);
            let beside = self.reasoning_beside.unwrap_or(0).saturating_add(self.citation.unwrap_or(0));
            self.output = self.output.map(|output| output.saturating_add(beside));
        } else if chat && counting.reasoning == Reasoning::InTotal {
            // https://ai.google.dev/gemini-api/docs/openai: thoughts are in the total and nowhere else.
            let hidden = self.total.and_then(|total| total.checked_sub(input)?.checked_sub(output));
            if let Some(hidden) = hidden.filter(|&hidden| hidden > 0) {
                self.reasoning = Some(self.reasoning.unwrap_or(0).max(hidden));
                self.output = Some(output.saturating_add(hidden));
            }
        } else if let Some(reasoning) = self.reasoning.filter(|&reasoning| reasoning > 0) {
            // A part cannot exceed its whole, and where the total adds it up it is no part. Gateways pass on the usage of
            // providers that count so, without saying whose it is.
            let outside = input.checked_add(output).and_then(|sum| sum.checked_add(reasoning));
            let added_up = outside.is_some() && self.total == outside;
            let unsaid = self.total.is_none() && counting.reasoning == Reasoning::Outside;
            if chat && (added_up || unsaid || reasoning > output) {
                self.output = Some(output.saturating_add(reasoning));
            }
        }
        if self.input.is_none() && self.output.is_none() {
            // Embeddings and reranks of Voyage and Jina.
            self.input = self.total;
        }
        let cache_read = self.cache_read.or(self.cached_beside);
        // https://docs.mistral.ai/capabilities/audio: audio is beside the prompt where the total adds it up.
        let with_audio = self.audio_in.filter(|&audio| audio > 0).and_then(|audio| input.checked_add(audio));
        if with_audio.is_some_and(|input| self.total == input.checked_add(output)) {
            self.input = with_audio;
        }
        // Gateways that say so count written tokens inside of the prompt; a part that does not fit is none.
        let room = self.input.unwrap_or(0).saturating_sub(cache_read.unwrap_or(0));
        let cache_write = self.cache_write.or(self.written_beside.filter(|&written| written <= room));
        // Our image tokens exclude cached ones, which take the rate of the cache. Where images were cached or not is not
        // told, they take the rate of text; no provider of this dialect has another one for chat.
        let image_in = match (self.image_in, self.cache_read_image) {
            (Some(images), Some(cached)) => images.checked_sub(cached),
            (images, None) if cache_read.unwrap_or(0) == 0 => images,
            _ => None,
        };
        let mut usage = Usage::new();
        for (dimension, count) in [
            (Dimension::Input, self.input),
            (Dimension::Output, self.output),
            (Dimension::CacheRead, cache_read),
            (Dimension::CacheWrite5m, cache_write),
            (Dimension::AudioIn, self.audio_in),
            (Dimension::ImageIn, image_in),
            (Dimension::CacheReadAudio, self.cache_read_audio),
            (Dimension::Reasoning, self.reasoning),
            (Dimension::AudioOut, self.audio_out),
            (Dimension::ImageOut, self.image_out),
            (Dimension::Citation, self.citation),
            (Dimension::WebSearches, self.web_searches),
            (Dimension::FileSearches, self.file_searches),
            (Dimension::AudioSeconds, shortest(self.audio_seconds, counting)),
        ] {
            usage.set_if(dimension, count);
        }
        usage
    }
}

/// Takes a usage object of chat completions, completions or embeddings
/// (<https://platform.openai.com/docs/api-reference/completions/object#completions/object-usage>).
pub(in crate::provider) fn read_usage(answer: &mut Answer, raw: &[u8]) {
    take_usage(answer, raw, true);
    if always_searches(answer) && answer.call.usage.get(Dimension::Output).is_some() {
        answer.call.usage.set(Dimension::WebSearches, 1);
    }
}

/// Models that search before every answer, and count it nowhere
/// (<https://platform.openai.com/docs/guides/tools-web-search?api-mode=chat>).
fn always_searches(answer: &Answer) -> bool {
    let model = answer.call.model.as_deref().or(answer.call.model_requested.as_deref());
    model.is_some_and(|model| model.starts_with("gpt-") && model.contains("-search-"))
}

/// The counts of a usage object that stands for itself.
pub(super) fn usage_of(raw: &[u8], counting: Counting) -> Usage {
    Counts::read(raw).usage(counting, false)
}

/// Takes a usage object of responses, where reasoning is inside at everybody's
/// (<https://platform.openai.com/docs/api-reference/responses/object#responses/object-usage>).
pub(in crate::provider) fn read_responses_usage(answer: &mut Answer, raw: &[u8]) {
    take_usage(answer, raw, false);
}

/// Seconds of audio as they are billed.
pub(super) fn shortest(seconds: Option<u64>, counting: Counting) -> Option<u64> {
    seconds.map(|seconds| seconds.max(counting.shortest_audio_s))
}

fn take_usage(answer: &mut Answer, raw: &[u8], chat: bool) {
    let usage = Counts::read(raw).usage(answer.counting, chat);
    if !usage.is_empty() {
        answer.call.usage = usage;
    }
    for (key, raw) in json::members(raw) {
        match key {
            // OpenRouter, Vercel, Perplexity; DeepInfra.
            b"cost" | b"estimated_cost" => {
                answer.call.provider_cost = stated_cost(raw).or(answer.call.provider_cost);
            }
            // Mistral's transcriptions say it here.
            b"service_tier" => answer.tier(raw),
            // https://docs.x.ai/docs/api-reference: one tick is 10⁻¹⁰ USD.
            b"cost_in_usd_ticks" => answer.call.provider_cost = value::ticks(raw).or(answer.call.provider_cost),
            b"search_context_size" => {
                set_name(&mut answer.call.search_context_size, raw);
                if answer.counting.has_request_fee {
                    answer.call.usage.set(Dimension::Requests, 1);
                }
            }
            _ => {}
        }
    }
    if json::get(raw, "is_byok") == Some(b"true") {
        // https://openrouter.ai/docs/use-cases/usage-accounting: the user's own key pays the upstream provider besides.
        let upstream = json::get(raw, "cost_details").and_then(|details| json::get(details, "upstream_inference_cost"));
        let upstream = upstream.and_then(value::money);
        answer.call.provider_cost = answer.call.provider_cost.zip(upstream).map(|(fee, upstream)| fee + upstream);
    }
}

/// `"cost": 0.5` (`OpenRouter`), `"cost": {"total_cost": 0.5}` (Perplexity).
fn stated_cost(raw: &[u8]) -> Option<Money> {
    value::money(json::get(raw, "total_cost").unwrap_or(raw))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Operation;

    fn read(counting: Counting, usage: &str) -> Answer {
        let mut answer = Answer::new(Operation::Chat, counting);
        read_usage(&mut answer, usage.as_bytes());
        answer
    }

    fn counts(usage: &str) -> serde_json::Value {
        serde_json::to_value(read(Counting::PLAIN, usage).call.usage).unwrap()
    }

    #[test]
    fn details_are_parts_of_the_counts_that_contain_them() {
        let usage = r#"{"prompt_tokens":90,"completion_tokens":40,"total_tokens":130,
            "prompt_tokens_details":{"cached_tokens":20,"cache_write_tokens":7,"audio_tokens":9,
                "cached_tokens_details":{"audio_tokens":3}},
            "completion_tokens_details":{"reasoning_tokens":11,"audio_tokens":5,"rejected_prediction_tokens":2}}"#;
        let expected = serde_json::json!({"input":90,"output":40,"cache_read":20,"cache_write_5m":7,"audio_in":9,
            "cache_read_audio":3,"reasoning":11,"audio_out":5});
        assert_eq!(counts(usage), expected);
    }

    #[test]
    fn a_count_that_is_none_is_not_reported() {
        let usage = r#"{"prompt_tokens":-4,"completion_tokens":2.0,"total_tokens":"9",
            "prompt_tokens_details":null,"completion_tokens_details":{"reasoning_tokens":99999999999999999999}}"#;
        assert_eq!(counts(usage), serde_json::json!({}));
    }

    #[test]
    fn reasoning_that_the_total_adds_up_is_outside() {
        let added = r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":23,
            "completion_tokens_details":{"reasoning_tokens":8}}"#;
        assert_eq!(counts(added), serde_json::json!({"input":10,"output":13,"reasoning":8}));
        let inside = r#"{"prompt_tokens":10,"completion_tokens":13,"total_tokens":23,
            "completion_tokens_details":{"reasoning_tokens":8}}"#;
        assert_eq!(counts(inside), serde_json::json!({"input":10,"output":13,"reasoning":8}));
    }

    #[test]
    fn images_that_may_have_been_cached_take_the_rate_of_the_cache() {
        let uncached = r#"{"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":0,"image_tokens":6}}"#;
        assert_eq!(counts(uncached), serde_json::json!({"input":10,"cache_read":0,"image_in":6}));
        let unknown = r#"{"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":8,"image_tokens":6}}"#;
        assert_eq!(counts(unknown), serde_json::json!({"input":10,"cache_read":8}));
    }

    #[test]
    fn a_stated_cost_is_exact_and_adds_what_the_own_key_paid() {
        let cost = |usage| read(Counting::PLAIN, usage).call.provider_cost.map(|cost| cost.to_string());
        assert_eq!(cost(r#"{"prompt_tokens":1,"cost":1.13e-05}"#).as_deref(), Some("0.0000113"));
        assert_eq!(cost(r#"{"cost":{"request_cost":0.005,"total_cost":0.00502}}"#).as_deref(), Some("0.00502"));
        let byok = r#"{"cost":0.001,"is_byok":true,"cost_details":{"upstream_inference_cost":0.02}}"#;
        assert_eq!(cost(byok).as_deref(), Some("0.021"));
        assert_eq!(cost(r#"{"cost":0,"is_byok":true,"cost_details":{"upstream_inference_cost":null}}"#), None);
        assert_eq!(cost(r#"{"prompt_tokens":1}"#), None);
    }
}
