//! Anthropic.

use crate::event::{Operation, Pass};
use crate::money::Money;
use crate::provider::dialect::{Answer, Dialect, set_name};
use crate::provider::{Counting, Endpoint, Provider};
use crate::usage::{Dimension, Usage};
use crate::wire::{json, value};

/// No message has so many passes; a hostile one is read no further.
const MAX_PASSES: usize = 32 << 10;

/// <https://platform.claude.com/docs/en/api/messages>. Counting tokens is free
/// (<https://platform.claude.com/docs/en/build-with-claude/token-counting>), and its path ends otherwise.
pub(super) const ANTHROPIC: Provider = Provider {
    id: "anthropic",
    title: "Anthropic",
    docs: "https://platform.claude.com/docs/en/api/messages",
    aliases: &[],
    owns: &["claude-"],
    // The second is the same API, paid by way of Amazon:
    // https://docs.aws.amazon.com/claude-platform/latest/userguide/making-requests.html
    hosts: &["api.anthropic.com", "aws-external-anthropic.*.api.aws"],
    endpoints: &[
        Endpoint::new("/messages", Operation::Chat, &MESSAGES).if_request_has("messages"),
        // https://platform.claude.com/docs/en/api/openai-sdk
        Endpoint::new("/chat/completions", Operation::Chat, &super::openai::CHAT),
        Endpoint::results("/results", &RESULTS).below("/messages/batches/"),
    ],
    counting: Counting::PLAIN,
};

/// Messages. A stream gives usage twice: at its start, and cumulative at its end, where a field that is missing keeps its
/// first value (<https://platform.claude.com/docs/en/build-with-claude/streaming>).
pub(super) static MESSAGES: Dialect = Dialect {
    native_to: Some("anthropic"),
    usage_key: "\"usage\"",
    also_read: &["\"error\""],
    newest_usage_wins: false,
    last_words: &["\"message_stop\""],
    absorb,
};

/// The results of a batch (<https://platform.claude.com/docs/en/build-with-claude/batch-processing>). Requests that expired
/// or were cancelled were never made.
static RESULTS: Dialect = Dialect {
    native_to: Some("anthropic"),
    usage_key: "\"custom_id\"",
    also_read: &[],
    newest_usage_wins: false,
    last_words: &[],
    absorb: absorb_result,
};

fn absorb_result(answer: &mut Answer, line: &[u8]) {
    let result = json::get(line, "result").unwrap_or_default();
    let kind = json::get(result, "type");
    if matches!(kind, Some(b"\"succeeded\"" | b"\"errored\"")) && json::get(line, "custom_id").is_some() {
        answer.result(Operation::Chat, |one| {
            absorb(one, result);
            // The error of a result is an answer whose error is the one that was meant.
            if let Some(error) = json::get(result, "error").and_then(|answer| json::get(answer, "error")) {
                one.fail(error);
            }
        });
    }
}

/// A message, or an event of a stream; the first one holds the message.
fn absorb(answer: &mut Answer, body: &[u8]) {
    let (mut stop_reason, mut has_content) = (None, true);
    for (key, raw) in json::members(body) {
        match key {
            b"message" => {
                for (key, raw) in json::members(raw) {
                    absorb_member(answer, key, raw);
                }
            }
            b"error" => answer.fail(raw),
            b"stop_reason" => stop_reason = Some(raw),
            b"delta" => stop_reason = json::get(raw, "stop_reason"),
            b"content" => has_content = json::elements(raw).next().is_some(),
            _ => absorb_member(answer, key, raw),
        }
    }
    // https://platform.claude.com/docs/en/build-with-claude/refusals-and-fallback: who declines before saying anything
    // costs nothing, though the usage counts what was read.
    if stop_reason == Some(b"\"refusal\"") && (!has_content || answer.call.usage.get(Dimension::Output) == Some(0)) {
        answer.call.provider_cost = Some(Money::ZERO);
    }
}

fn absorb_member(answer: &mut Answer, key: &[u8], raw: &[u8]) {
    match key {
        b"id" => set_name(&mut answer.call.response_id, raw),
        b"model" => set_name(&mut answer.call.model, raw),
        b"usage" => read_usage(answer, raw),
        _ => {}
    }
}

/// The counts as Anthropic gives them: disjoint.
#[derive(Default)]
struct Counts {
    uncached: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    cache_write_1h: Option<u64>,
    output: Option<u64>,
    thinking: Option<u64>,
    web_searches: Option<u64>,
}

impl Counts {
    /// The counts that a usage came from, so that the end of a stream can be laid over its start.
    fn of(usage: &Usage) -> Self {
        let get = |dimension| usage.get(dimension);
        let count = |dimension| usage.count(dimension);
        let cached = [Dimension::CacheRead, Dimension::CacheWrite5m, Dimension::CacheWrite1h].map(count);
        let cached = cached.iter().fold(0, |sum: u64, &count| sum.saturating_add(count));
        let cache_write = count(Dimension::CacheWrite5m).saturating_add(count(Dimension::CacheWrite1h));
        Self {
            uncached: get(Dimension::Input).map(|input| input.saturating_sub(cached)),
            cache_read: get(Dimension::CacheRead),
            cache_write: get(Dimension::CacheWrite5m).map(|_| cache_write),
            cache_write_1h: get(Dimension::CacheWrite1h),
            output: get(Dimension::Output),
            thinking: get(Dimension::Reasoning),
            web_searches: get(Dimension::WebSearches),
        }
    }

    #[inline(never)]
    fn read(&mut self, usage: &[u8]) {
        let set = |slot: &mut Option<u64>, raw| *slot = value::count(raw).or(*slot);
        for (key, raw) in json::members(usage) {
            match key {
                b"input_tokens" => set(&mut self.uncached, raw),
                b"cache_read_input_tokens" => set(&mut self.cache_read, raw),
                b"cache_creation_input_tokens" => set(&mut self.cache_write, raw),
                b"output_tokens" => set(&mut self.output, raw),
                b"cache_creation" => {
                    if let Some(raw) = json::get(raw, "ephemeral_1h_input_tokens") {
                        set(&mut self.cache_write_1h, raw);
                    }
                }
                b"output_tokens_details" => {
                    if let Some(raw) = json::get(raw, "thinking_tokens") {
                        set(&mut self.thinking, raw);
                    }
                }
                // Fetches are free (https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-fetch-tool), and the
                // hours of a container are told by no answer.
                b"server_tool_use" => {
                    if let Some(raw) = json::get(raw, "web_search_requests") {
                        set(&mut self.web_searches, raw);
                    }
                }
                _ => {}
            }
        }
    }

    /// Translates to our vocabulary: `input_tokens` is what follows the last cache breakpoint
    /// (<https://platform.claude.com/docs/en/build-with-claude/prompt-caching#tracking-cache-performance>), thinking is
    /// inside the output.
    #[inline(never)]
    fn usage(&self) -> Usage {
        let parts = [self.uncached, self.cache_read, self.cache_write];
        let input = parts
            .iter()
            .any(Option::is_some)
            .then(|| parts.iter().flatten().try_fold(0, |a: u64, b| a.checked_add(*b)));
        // The hour is part of what was written. One that exceeds it contradicts it, and is not believed.
        let long = self.cache_write_1h.filter(|long| self.cache_write.is_some_and(|write| *long <= write));
        let mut usage = Usage::new();
        for (dimension, count) in [
            (Dimension::Input, input.flatten()),
            (Dimension::Output, self.output),
            (Dimension::CacheRead, self.cache_read),
            (Dimension::CacheWrite5m, self.cache_write.map(|write| write - long.unwrap_or(0))),
            (Dimension::CacheWrite1h, long),
            (Dimension::Reasoning, self.thinking),
            (Dimension::WebSearches, self.web_searches),
        ] {
            usage.set_if(dimension, count);
        }
        usage
    }
}

/// Takes a usage object (<https://platform.claude.com/docs/en/api/messages#usage>).
pub(super) fn read_usage(answer: &mut Answer, raw: &[u8]) {
    let mut counts = Counts::of(&answer.call.usage);
    counts.read(raw);
    answer.call.usage = counts.usage();
    for (key, raw) in json::members(raw) {
        match key {
            b"service_tier" => answer.tier(raw),
            // https://platform.claude.com/docs/en/build-with-claude/data-residency: elsewhere the price is the same.
            b"inference_geo" if !matches!(raw, b"\"global\"" | b"\"not_available\"") => {
                set_name(&mut answer.call.inference_geo, raw);
            }
            // https://platform.claude.com/docs/en/build-with-claude/fast-mode
            b"speed" if raw != b"\"standard\"" => set_name(&mut answer.call.speed, raw),
            b"iterations" if raw.starts_with(b"[") => read_iterations(answer, raw),
            _ => {}
        }
    }
}

/// The passes that the top-level usage leaves out: compactions and advice
/// (<https://platform.claude.com/docs/en/build-with-claude/compaction#understanding-usage>,
/// <https://platform.claude.com/docs/en/agents-and-tools/tool-use/advisor-tool>), and what a model said before it declined
/// and another one took over, whose usage and name are those of the answer. Who declined before saying anything is not
/// billed (<https://platform.claude.com/docs/en/build-with-claude/refusals-and-fallback>).
fn read_iterations(answer: &mut Answer, iterations: &[u8]) {
    let kind_of = |pass: &[u8]| json::get(pass, "type").and_then(value::token).map(str::to_owned);
    let served = json::elements(iterations).find(|pass| kind_of(pass).as_deref() == Some("fallback_message"));
    let served_by = served.and_then(|pass| json::get(pass, "model"));
    if let Some(model) = served_by {
        set_name(&mut answer.call.model, model);
    }
    let pass_of = |pass: &[u8]| {
        let mut counts = Counts::default();
        counts.read(pass);
        let model = json::get(pass, "model").and_then(value::name).map(Into::into);
        Pass { model, usage: counts.usage() }
    };
    let beside = |pass: &&[u8]| match kind_of(pass).as_deref() {
        None | Some("fallback_message") => false,
        Some("message") => {
            let model = json::get(pass, "model");
            let has_spoken = json::get(pass, "output_tokens").and_then(value::count).is_some_and(|tokens| tokens > 0);
            served_by.is_some() && model.is_some() && model != served_by && has_spoken
        }
        Some(_) => true,
    };
    answer.call.extra_passes = json::elements(iterations).filter(beside).take(MAX_PASSES).map(pass_of).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(events: &[&str]) -> Answer {
        let mut answer = Answer::new(Operation::Chat, Counting::PLAIN);
        for event in events {
            absorb(&mut answer, event.as_bytes());
        }
        answer
    }

    fn counts(usage: &str) -> serde_json::Value {
        serde_json::to_value(read(&[&format!(r#"{{"usage":{usage}}}"#)]).call.usage).unwrap()
    }

    #[test]
    fn input_becomes_inclusive_and_the_hour_leaves_the_five_minutes() {
        let usage = r#"{"input_tokens":5,"cache_creation_input_tokens":30,"cache_read_input_tokens":200,
            "cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},"output_tokens":7,
            "output_tokens_details":{"thinking_tokens":3},"server_tool_use":{"web_search_requests":2}}"#;
        let expected = serde_json::json!({"input":235,"output":7,"cache_read":200,"cache_write_5m":10,
            "cache_write_1h":20,"reasoning":3,"web_searches":2});
        assert_eq!(counts(usage), expected);
    }

    #[test]
    fn a_write_without_its_split_is_five_minutes_and_a_contradiction_is_not_believed() {
        assert_eq!(counts(r#"{"input_tokens":1,"cache_creation_input_tokens":9}"#)["cache_write_5m"], 9);
        let more = r#"{"cache_creation_input_tokens":9,"cache_creation":{"ephemeral_1h_input_tokens":10}}"#;
        assert_eq!(counts(more), serde_json::json!({"input":9,"cache_write_5m":9}));
        let overflow = r#"{"input_tokens":18446744073709551615,"cache_read_input_tokens":1,"output_tokens":-2}"#;
        assert_eq!(counts(overflow), serde_json::json!({"cache_read":1}));
    }

    #[test]
    fn the_end_of_a_stream_lies_over_its_start() {
        let answer = read(&[
            r#"{"type":"message_start","message":{"id":"msg_1","model":"claude-x","usage":{"input_tokens":4,
                "cache_creation_input_tokens":50,"cache_creation":{"ephemeral_1h_input_tokens":50},
                "output_tokens":1,"service_tier":"batch","inference_geo":"us"}}}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":6,"output_tokens":90}}"#,
        ]);
        let expected = serde_json::json!({"input":56,"output":90,"cache_write_5m":0,"cache_write_1h":50});
        assert_eq!(serde_json::to_value(answer.call.usage).unwrap(), expected);
        assert_eq!(answer.call.model.as_deref(), Some("claude-x"));
        assert_eq!(answer.call.response_id.as_deref(), Some("msg_1"));
        assert_eq!(answer.call.service_tier.as_deref(), Some("batch"));
        assert_eq!(answer.call.inference_geo.as_deref(), Some("us"));
    }

    #[test]
    fn what_does_not_change_the_price_is_not_kept() {
        let answer =
            read(&[r#"{"usage":{"inference_geo":"not_available","speed":"standard","service_tier":"standard"}}"#]);
        assert_eq!((answer.call.inference_geo, answer.call.speed, answer.call.service_tier), (None, None, None));
    }

    #[test]
    fn passes_beside_the_message_are_extra_each_by_its_own_model() {
        let answer = read(&[r#"{"model":"claude-a","usage":{"input_tokens":3,"output_tokens":2,"iterations":[
            {"type":"message","input_tokens":3,"output_tokens":2},
            {"type":"compaction","input_tokens":70,"output_tokens":8},
            {"type":"advisor_message","model":"claude-b","input_tokens":5,"cache_read_input_tokens":6,"output_tokens":1}]}}"#]);
        let usage = |input, output| Usage::new().with(Dimension::Input, input).with(Dimension::Output, output);
        let passes = [
            Pass { model: None, usage: usage(70, 8) },
            Pass { model: Some("claude-b".to_owned()), usage: usage(11, 1).with(Dimension::CacheRead, 6) },
        ];
        assert_eq!(answer.call.extra_passes, passes);
    }

    #[test]
    fn who_declined_after_saying_something_is_billed_apart_from_who_took_over() {
        let answer = read(&[
            r#"{"type":"message_start","message":{"model":"claude-fable-5","usage":{"input_tokens":2,"output_tokens":1}}}"#,
            r#"{"type":"message_delta","usage":{"input_tokens":2,"cache_read_input_tokens":79,"output_tokens":136,"iterations":[
            {"type":"message","model":"claude-mythos-5","input_tokens":4,"output_tokens":0},
            {"type":"message","model":"claude-fable-5","input_tokens":2,"cache_read_input_tokens":70,"output_tokens":5},
            {"type":"message","model":"claude-opus-4-8","input_tokens":1,"output_tokens":30},
            {"type":"fallback_message","model":"claude-opus-4-8","input_tokens":1,"output_tokens":106}]}}"#,
        ]);
        assert_eq!(answer.call.model.as_deref(), Some("claude-opus-4-8"));
        assert_eq!(answer.call.usage.get(Dimension::Output), Some(136));
        let declined =
            Usage::new().with(Dimension::Input, 72).with(Dimension::CacheRead, 70).with(Dimension::Output, 5);
        assert_eq!(answer.call.extra_passes, [Pass { model: Some("claude-fable-5".to_owned()), usage: declined }]);
    }

    #[test]
    fn a_refusal_before_any_output_is_not_billed() {
        let cost = |events: &[&str]| read(events).call.provider_cost;
        let start =
            r#"{"type":"message_start","message":{"stop_reason":null,"usage":{"input_tokens":412,"output_tokens":1}}}"#;
        let end = |output: u64| {
            format!(
                r#"{{"type":"message_delta","delta":{{"stop_reason":"refusal"}},"usage":{{"output_tokens":{output}}}}}"#
            )
        };
        assert_eq!(cost(&[start, &end(0)]), Some(Money::ZERO));
        assert_eq!(cost(&[start, &end(7)]), None);
        let whole = r#"{"content":[],"stop_reason":"refusal","usage":{"input_tokens":106,"output_tokens":1}}"#;
        assert_eq!(cost(&[whole]), Some(Money::ZERO));
        assert_eq!(cost(&[&whole.replace("refusal", "end_turn")]), None);
        assert_eq!(cost(&[&whole.replace("[]", r#"[{"type":"text","text":"a"}]"#)]), None);
    }

    #[test]
    fn an_error_event_is_an_error_and_keeps_the_usage_so_far() {
        let answer = read(&[
            r#"{"type":"message_start","message":{"usage":{"input_tokens":4,"output_tokens":1}}}"#,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        ]);
        assert!(answer.failed);
        assert_eq!(answer.error_type.as_deref(), Some("overloaded_error"));
        assert_eq!(answer.call.usage.get(Dimension::Input), Some(4));
    }
}
