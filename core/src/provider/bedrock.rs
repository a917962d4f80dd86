//! Amazon Bedrock: how the usage of its converse API is read.

use crate::usage::{Dimension, Usage};
use crate::wire::{json, value};

/// `TokenUsage` (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html>): the input excludes
/// what was read from or written to a cache; `cacheDetails` tells how long the writes live.
pub(super) fn usage(token_usage: &[u8]) -> Usage {
    let (mut input, mut read, mut write, mut long) = (None, None, None, None);
    let mut usage = Usage::new();
    for (key, raw) in json::members(token_usage) {
        match key {
            b"inputTokens" => input = value::count(raw),
            b"outputTokens" => usage.set_if(Dimension::Output, value::count(raw)),
            b"cacheReadInputTokens" | b"cacheReadInputTokenCount" => read = value::count(raw).or(read),
            b"cacheWriteInputTokens" | b"cacheWriteInputTokenCount" => write = value::count(raw).or(write),
            b"cacheDetails" => {
                long = json::elements(raw)
                    .filter(|entry| json::get(entry, "ttl") == Some(b"\"1h\""))
                    .filter_map(|entry| json::get(entry, "inputTokens").and_then(value::count))
                    .reduce(u64::saturating_add);
            }
            _ => {}
        }
    }
    let long = long.filter(|long| write.is_some_and(|write| *long <= write));
    let cached = read.unwrap_or(0).checked_add(write.unwrap_or(0));
    usage.set_if(Dimension::Input, input.zip(cached).and_then(|(input, cached)| input.checked_add(cached)));
    usage.set_if(Dimension::CacheRead, read);
    usage.set_if(Dimension::CacheWrite5m, write.map(|write| write - long.unwrap_or(0)));
    usage.set_if(Dimension::CacheWrite1h, long);
    usage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_tokens_are_added_to_the_input() {
        let read = usage(
            br#"{"inputTokens":10,"outputTokens":4,"totalTokens":46,"cacheReadInputTokens":20,"cacheWriteInputTokens":12,
            "cacheReadInputTokenCount":20,"cacheDetails":[{"inputTokens":9,"ttl":"1h"},{"inputTokens":3,"ttl":"5m"}]}"#,
        );
        let expected = serde_json::json!({"input":42,"output":4,"cache_read":20,"cache_write_5m":3,"cache_write_1h":9});
        assert_eq!(serde_json::to_value(read).unwrap(), expected);
    }
}
