//! Chat completions, completions and embeddings.

use crate::provider::dialect::{Answer, Dialect, set_name};
use crate::provider::openai::read_usage;
use crate::usage::Dimension;
use crate::wire::{json, value};

/// <https://platform.openai.com/docs/api-reference/chat/object>,
/// <https://platform.openai.com/docs/api-reference/chat-streaming>, with what others add.
pub(in crate::provider) static CHAT: Dialect = Dialect {
    native_to: None,
    usage_key: "\"usage\"",
    also_read: &["\"error\""],
    newest_usage_wins: true,
    last_words: &["[DONE]"],
    absorb,
};

fn absorb(answer: &mut Answer, body: &[u8]) {
    let (mut has_usage, mut choices, mut cached) = (false, None, None);
    for (key, raw) in json::members(body) {
        match key {
            b"id" => set_name(&mut answer.call.response_id, raw),
            b"model" => set_name(&mut answer.call.model, raw),
            b"service_tier" => answer.tier(raw),
            b"usage" => {
                has_usage = raw != b"null";
                read_usage(answer, raw);
            }
            b"error" => answer.fail(raw),
            b"choices" => choices = Some(raw),
            // https://console.groq.com/docs/api-reference#chat-create: the usage of a stream, in its last chunk.
            b"x_groq" => {
                if let Some(usage) = json::get(raw, "usage").filter(|_| !has_usage) {
                    has_usage = true;
                    read_usage(answer, usage);
                }
            }
            // https://docs.fireworks.ai/guides/prompt-caching
            b"perf_metrics" => cached = json::get(raw, "cached-prompt-tokens").and_then(value::count),
            // https://vercel.com/docs/ai-gateway/openai-compat: a text, such as "0.0006766".
            b"provider_metadata" | b"providerMetadata" => {
                let cost = json::get(raw, "gateway").and_then(|gateway| json::get(gateway, "cost"));
                let cost = cost.and_then(|cost| value::money(value::unquoted(cost)));
                answer.call.provider_cost = answer.call.provider_cost.or(cost);
            }
            b"base_resp" => answer.fail_if_not_zero(raw),
            _ => {}
        }
    }
    if !has_usage {
        // https://platform.moonshot.ai/docs/api/chat: the last chunk of a stream has its usage in its choice.
        let usage = choices.and_then(|choices| json::get(json::elements(choices).next()?, "usage"));
        if let Some(usage) = usage {
            read_usage(answer, usage);
        }
    }
    if cached.is_some() && answer.call.usage.get(Dimension::CacheRead).is_none() {
        answer.call.usage.set_if(Dimension::CacheRead, cached);
    }
}
