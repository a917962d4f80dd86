//! `OpenAI`, and the chat dialect that everybody else speaks too.

use crate::event::Operation;
use crate::money::Money;
use crate::provider::dialect::{Answer, Dialect, set_name};
use crate::provider::{Counting, Endpoint, Provider};
use crate::usage::{Dimension, Usage};
use crate::wire::{json, value};

mod responses;

pub(super) use responses::RESPONSES;

/// <https://platform.openai.com/docs/api-reference>. Hosts below `api.openai.com` are those of data residency.
pub(super) const OPENAI: Provider = Provider {
    id: "openai",
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
        "sora-",
        "codex-",
    ],
    hosts: &["api.openai.com", ".api.openai.com"],
    endpoints: &[
        Endpoint::new("/chat/completions", Operation::Chat, &CHAT),
        Endpoint::new("/responses", Operation::Chat, &RESPONSES).if_request_has("input"),
        Endpoint::new("/completions", Operation::TextCompletion, &CHAT).if_request_has("prompt"),
        Endpoint::new("/embeddings", Operation::Embeddings, &CHAT).if_request_has("input"),
    ],
    counting: Counting::PLAIN,
};

/// Chat completions, completions and embeddings
/// (<https://platform.openai.com/docs/api-reference/chat/object>,
/// <https://platform.openai.com/docs/api-reference/chat-streaming>).
pub(super) static CHAT: Dialect = Dialect {
    native_to: None,
    usage_key: "\"usage\"",
    also_read: &["\"error\""],
    newest_usage_wins: true,
    last_words: &["[DONE]"],
    absorb,
};

fn absorb(answer: &mut Answer, body: &[u8]) {
    for (key, raw) in json::members(body) {
        match key {
            b"id" => set_name(&mut answer.call.response_id, raw),
            b"model" => set_name(&mut answer.call.model, raw),
            b"service_tier" => answer.tier(raw),
            b"usage" => read_usage(answer, raw),
            b"error" => answer.fail(raw),
            _ => {}
        }
    }
}

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
    /// Cached tokens as others than `OpenAI` tell them.
    cached_beside: Option<u64>,
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
                b"prompt_tokens_details" | b"input_tokens_details" => counts.read_input(raw),
                b"completion_tokens_details" | b"output_tokens_details" => counts.read_output(raw),
                // DeepSeek; Together and Moonshot; Mistral.
                b"prompt_cache_hit_tokens" | b"cached_tokens" | b"num_cached_tokens" => {
                    counts.cached_beside = value::count(raw).or(counts.cached_beside);
                }
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
        if counting.research_outside {
            self.reasoning = self.reasoning.or(self.reasoning_beside);
            let beside = self.reasoning_beside.unwrap_or(0).saturating_add(self.citation.unwrap_or(0));
            self.output = self.output.map(|output| output.saturating_add(beside));
        } else if chat && counting.reasoning_in_total {
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
            let unsaid = self.total.is_none() && counting.reasoning_outside;
            if chat && (added_up || unsaid || reasoning > output) {
                self.output = Some(output.saturating_add(reasoning));
            }
        }
        if self.input.is_none() && self.output.is_none() {
            // Embeddings of Voyage.
            self.input = self.total;
        }
        let cache_read = self.cache_read.or(self.cached_beside);
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
            (Dimension::CacheWrite5m, self.cache_write),
            (Dimension::AudioIn, self.audio_in),
            (Dimension::ImageIn, image_in),
            (Dimension::CacheReadAudio, self.cache_read_audio),
            (Dimension::Reasoning, self.reasoning),
            (Dimension::AudioOut, self.audio_out),
            (Dimension::ImageOut, self.image_out),
            (Dimension::Citation, self.citation),
            (Dimension::WebSearches, self.web_searches),
        ] {
            usage.set_if(dimension, count);
        }
        usage
    }
}

/// Takes a usage object of chat completions, completions or embeddings
/// (<https://platform.openai.com/docs/api-reference/completions/object#completions/object-usage>).
pub(super) fn read_usage(answer: &mut Answer, raw: &[u8]) {
    take_usage(answer, raw, true);
}

/// Takes a usage object of responses, where reasoning is inside at everybody's
/// (<https://platform.openai.com/docs/api-reference/responses/object#responses/object-usage>).
pub(super) fn read_responses_usage(answer: &mut Answer, raw: &[u8]) {
    take_usage(answer, raw, false);
}

fn take_usage(answer: &mut Answer, raw: &[u8], chat: bool) {
    let usage = Counts::read(raw).usage(answer.counting, chat);
    if !usage.is_empty() {
        answer.call.usage = usage;
    }
    for (key, raw) in json::members(raw) {
        match key {
            b"cost" => answer.call.provider_cost = stated_cost(raw).or(answer.call.provider_cost),
            // https://docs.x.ai/docs/api-reference: one tick is 10⁻¹⁰ USD.
            b"cost_in_usd_ticks" => answer.call.provider_cost = value::ticks(raw).or(answer.call.provider_cost),
            b"search_context_size" => set_name(&mut answer.call.search_context_size, raw),
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

    fn read(counting: Counting, usage: &str) -> Answer {
        let mut answer = Answer::new(Operation::Chat, counting);
        absorb(&mut answer, format!(r#"{{"id":"c1","model":"m","usage":{usage}}}"#).as_bytes());
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
