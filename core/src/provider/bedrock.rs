//! Amazon Bedrock.

use crate::event::Operation;
use crate::provider::dialect::{Answer, Dialect, set_name};
use crate::provider::{Counting, Endpoint, Provider, anthropic, hosted, openai};
use crate::usage::{Dimension, Usage};
use crate::wire::{json, value};

/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html>. Counting tokens and
/// applying a guardrail call no model; what `async-invoke` starts is told by no answer. Prices are those of the id that was
/// asked for, whose prefix is the region (`us.`, `global.`): what a model calls itself in its own format is not taken.
pub(super) const BEDROCK: Provider = Provider {
    id: "bedrock",
    title: "Amazon Bedrock",
    docs: "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html",
    aliases: &["aws.bedrock", "aws", "bedrock_converse", "amazon-bedrock"],
    owns: &["arn:aws:bedrock:"],
    // https://docs.aws.amazon.com/general/latest/gr/bedrock.html,
    // https://docs.aws.amazon.com/bedrock/latest/userguide/vpc-interface-endpoints.html
    hosts: &[
        "bedrock-runtime.*.amazonaws.com",
        "bedrock-runtime-fips.*.amazonaws.com",
        "bedrock-runtime.*.amazonaws.com.cn",
        "bedrock-runtime.*.api.aws",
        "bedrock-runtime-fips.*.api.aws",
        "vpce-*.bedrock-runtime.*.vpce.amazonaws.com",
        "bedrock-mantle.*.api.aws",
    ],
    endpoints: &[
        model("/converse", &CONVERSE),
        model("/converse-stream", &CONVERSE).streaming(),
        model("/invoke", &hosted::HOSTED),
        model("/invoke-with-response-stream", &hosted::HOSTED).streaming(),
        // https://docs.aws.amazon.com/bedrock/latest/userguide/bedrock-mantle.html
        Endpoint::new("/chat/completions", Operation::Chat, &openai::CHAT),
        Endpoint::new("/responses", Operation::Chat, &openai::RESPONSES).if_request_has("input"),
        Endpoint::new("/anthropic/v1/messages", Operation::Chat, &anthropic::MESSAGES).if_request_has("messages"),
    ],
    counting: Counting::PLAIN,
};

const fn model(path_end: &'static str, dialect: &'static Dialect) -> Endpoint {
    Endpoint::new(path_end, Operation::Chat, dialect).below("/model/").only_of("bedrock").of_the_path()
}

/// `Converse` (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>) and the messages of
/// `ConverseStream`, of which the last is the metadata.
static CONVERSE: Dialect = Dialect {
    native_to: Some("bedrock"),
    usage_key: "\"usage\"",
    also_read: &[],
    newest_usage_wins: true,
    last_words: &["\"metrics\""],
    absorb,
};

fn absorb(answer: &mut Answer, body: &[u8]) {
    for (key, raw) in json::members(body) {
        match key {
            b"usage" => meter(answer, raw),
            b"serviceTier" => answer.tier(raw),
            // https://docs.aws.amazon.com/bedrock/latest/userguide/latency-optimized-inference.html: it has prices of its
            // own.
            b"performanceConfig" if json::get(raw, "latency") == Some(b"\"optimized\"") => answer.tier_is("optimized"),
            // https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-routing.html: the router names the model it took.
            b"trace" => {
                let routed = json::get(raw, "promptRouter").and_then(|router| json::get(router, "invokedModelId"));
                if let Some(model) = routed {
                    set_name(&mut answer.call.model, model);
                }
            }
            _ => {}
        }
    }
}

/// Takes counts in any of Bedrock's spellings. They win over what the model's own format said of the same.
pub(super) fn meter(answer: &mut Answer, raw: &[u8]) {
    let mut counts = Counts::of(&answer.call.usage);
    counts.read(raw);
    counts.lay_over(&mut answer.call.usage);
}

/// A usage object by itself.
pub(super) fn usage(token_usage: &[u8]) -> Usage {
    let (mut counts, mut usage) = (Counts::default(), Usage::new());
    counts.read(token_usage);
    counts.lay_over(&mut usage);
    usage
}

/// The counts as Bedrock gives them: the input excludes what was read from or written to a cache. `TokenUsage`
/// (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html>), the
/// `amazon-bedrock-invocationMetrics` of a stream, and the counts of Titan and Llama
/// (<https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html>).
#[derive(Default)]
struct Counts {
    uncached: Option<u64>,
    output: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    cache_write_1h: Option<u64>,
}

impl Counts {
    /// The counts that a usage came from.
    fn of(usage: &Usage) -> Self {
        let cache_read = usage.get(Dimension::CacheRead);
        let cache_write_1h = usage.get(Dimension::CacheWrite1h);
        let cache_write =
            usage.get(Dimension::CacheWrite5m).map(|short| short.saturating_add(cache_write_1h.unwrap_or(0)));
        let cached = cache_read.unwrap_or(0).saturating_add(cache_write.unwrap_or(0));
        let uncached = usage.get(Dimension::Input).map(|input| input.saturating_sub(cached));
        Self { uncached, output: usage.get(Dimension::Output), cache_read, cache_write, cache_write_1h }
    }

    #[inline(never)]
    fn read(&mut self, counts: &[u8]) {
        for (key, raw) in json::members(counts) {
            let slot = match key {
                b"inputTokens" | b"inputTokenCount" | b"inputTextTokenCount" | b"prompt_token_count" => {
                    &mut self.uncached
                }
                b"outputTokens" | b"outputTokenCount" | b"totalOutputTextTokenCount" | b"generation_token_count" => {
                    &mut self.output
                }
                b"cacheReadInputTokens" | b"cacheReadInputTokenCount" => &mut self.cache_read,
                b"cacheWriteInputTokens" | b"cacheWriteInputTokenCount" => &mut self.cache_write,
                b"cacheDetails" => {
                    self.cache_write_1h = long_lived(raw).or(self.cache_write_1h);
                    continue;
                }
                _ => continue,
            };
            *slot = value::count(raw).or(*slot);
        }
    }

    fn lay_over(&self, usage: &mut Usage) {
        let cached = self.cache_read.unwrap_or(0).checked_add(self.cache_write.unwrap_or(0));
        let input = self.uncached.zip(cached).and_then(|(uncached, cached)| uncached.checked_add(cached));
        let long = self.cache_write_1h.filter(|long| self.cache_write.is_some_and(|write| *long <= write));
        usage.set_if(Dimension::Input, input);
        usage.set_if(Dimension::Output, self.output);
        usage.set_if(Dimension::CacheRead, self.cache_read);
        usage.set_if(Dimension::CacheWrite5m, self.cache_write.map(|write| write - long.unwrap_or(0)));
        usage.set_if(Dimension::CacheWrite1h, long);
    }
}

/// Tokens written to a cache for an hour
/// (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CacheDetail.html>).
fn long_lived(cache_details: &[u8]) -> Option<u64> {
    json::elements(cache_details)
        .filter(|entry| json::get(entry, "ttl") == Some(b"\"1h\""))
        .filter_map(|entry| json::get(entry, "inputTokens").and_then(value::count))
        .reduce(u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Answer {
        let mut answer = Answer::new(Operation::Chat, Counting::PLAIN);
        absorb(&mut answer, body.as_bytes());
        answer
    }

    #[test]
    fn cached_tokens_are_added_to_the_input() {
        let read = usage(
            br#"{"inputTokens":10,"outputTokens":4,"totalTokens":46,"cacheReadInputTokens":20,"cacheWriteInputTokens":12,
            "cacheReadInputTokenCount":20,"cacheDetails":[{"inputTokens":9,"ttl":"1h"},{"inputTokens":3,"ttl":"5m"}]}"#,
        );
        let expected = serde_json::json!({"input":42,"output":4,"cache_read":20,"cache_write_5m":3,"cache_write_1h":9});
        assert_eq!(serde_json::to_value(read).unwrap(), expected);
    }

    #[test]
    fn the_meter_keeps_what_it_does_not_count_itself() {
        let mut answer = read("{}");
        answer.call.usage = Usage::new()
            .with(Dimension::Input, 100)
            .with(Dimension::CacheRead, 60)
            .with(Dimension::CacheWrite5m, 10)
            .with(Dimension::CacheWrite1h, 20)
            .with(Dimension::Output, 1);
        meter(&mut answer, br#"{"inputTokenCount":10,"outputTokenCount":7,"invocationLatency":3042}"#);
        let expected =
            serde_json::json!({"input":100,"output":7,"cache_read":60,"cache_write_5m":10,"cache_write_1h":20});
        assert_eq!(serde_json::to_value(answer.call.usage).unwrap(), expected);
    }

    #[test]
    fn the_tier_the_latency_and_the_router_are_told_beside_the_usage() {
        assert_eq!(read(r#"{"serviceTier":{"type":"flex"}}"#).call.service_tier.as_deref(), Some("flex"));
        assert_eq!(read(r#"{"serviceTier":{"type":"default"}}"#).call.service_tier, None);
        let optimized = read(r#"{"performanceConfig":{"latency":"optimized"}}"#).call.service_tier;
        assert_eq!(optimized.as_deref(), Some("optimized"));
        let routed =
            read(r#"{"trace":{"promptRouter":{"invokedModelId":"arn:aws:bedrock:us-east-1::foundation-model/a.b"}}}"#);
        assert_eq!(routed.call.model.as_deref(), Some("arn:aws:bedrock:us-east-1::foundation-model/a.b"));
    }
}
