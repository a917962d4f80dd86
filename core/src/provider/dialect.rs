//! A dialect: one wire format, which several providers may speak.

use std::borrow::Cow;

use crate::catalogue::model::ServiceTier;
use crate::event::{Call, Operation};
use crate::provider::Counting;
use crate::wire::{json, value};

/// No provider makes larger batches
/// (<https://platform.claude.com/docs/en/build-with-claude/batch-processing#batch-limitations>).
const MAX_RESULTS: usize = 100_000;

/// How to read the answers of one wire format.
pub(crate) struct Dialect {
    /// The only provider whose own format it is. Others serve it too: on a host that is nobody's it names this provider
    /// only together with one of its models. `None`: everybody speaks it, so the model alone tells.
    pub(crate) native_to: Option<&'static str>,
    /// The quoted key of the usage. An event of a stream without it is not read.
    pub(crate) usage_key: &'static str,
    /// Other quoted words that make an event worth reading.
    pub(crate) also_read: &'static [&'static str],
    /// Each usage of a stream replaces the one before, so that only the last has to be read.
    pub(crate) newest_usage_wins: bool,
    /// One of these is in the last event of a stream that is whole.
    pub(crate) last_words: &'static [&'static str],
    /// Takes what a body or an event says.
    pub(crate) absorb: fn(&mut Answer, &[u8]),
}

impl Dialect {
    /// Whether a stream without its last words has been cut, although it ended in order: so it is where the one who made
    /// the format serves it. Of the format that everybody speaks, some leave out the end.
    pub(crate) fn always_ends(&self) -> bool {
        self.native_to.is_some() && !self.last_words.is_empty()
    }
}

/// What is known of an answer so far.
pub(crate) struct Answer {
    pub(crate) call: Box<Call>,
    /// The answer is an error, whatever its status.
    pub(crate) failed: bool,
    pub(crate) error_type: Option<String>,
    pub(crate) counting: Counting,
    /// The answers that it consists of, where it is the results of a batch.
    pub(crate) results: Vec<Answer>,
}

impl Answer {
    pub(crate) fn new(operation: Operation, counting: Counting) -> Self {
        Self { call: Box::new(Call::new(operation)), failed: false, error_type: None, counting, results: Vec::new() }
    }

    /// Takes one of the results of a batch.
    pub(crate) fn result(&mut self, operation: Operation, read: impl FnOnce(&mut Self)) {
        if self.results.len() < MAX_RESULTS {
            let mut result = Self::new(operation, self.counting);
            read(&mut result);
            result.call.service_tier = Some("batch".to_owned());
            self.results.push(result);
        }
    }

    /// Takes the `base_resp` that `MiniMax` puts into every answer
    /// (<https://platform.minimax.io/docs/api-reference/errorcode>).
    pub(crate) fn fail_if_not_zero(&mut self, status: &[u8]) {
        if let Some(code) = json::get(status, "status_code").and_then(value::count).filter(|&code| code > 0) {
            self.failed = true;
            self.error_type = Some(code.to_string());
        }
    }

    /// Takes an error object. Its code is the most telling word (`OpenAI` says `type: tokens, code: rate_limit_exceeded`),
    /// then its type (Anthropic), then its status (Google, whose code is the number of the HTTP status).
    pub(crate) fn fail(&mut self, error: &[u8]) {
        if error == b"null" {
            return;
        }
        self.failed = true;
        let word = |name| json::get(error, name).and_then(value::token);
        let word = word("code").or_else(|| word("type")).or_else(|| word("status")).map(str::to_owned);
        // A gateway whose upstream failed in the middle of a stream has no other word than the number.
        let number = || json::get(error, "code").and_then(value::count).filter(|code| (400..600).contains(code));
        self.error_type = word.or_else(|| number().map(|code| format!("http_{code}"))).or(self.error_type.take());
    }

    /// Takes the name of an error that came without an object.
    pub(crate) fn fail_with(&mut self, name: &str) {
        self.failed = true;
        if value::is_token(name) {
            self.error_type = Some(name.to_owned());
        }
    }

    /// Takes a service tier. Every word for the ordinary one is `None`, and the last word of a stream counts: `OpenAI`
    /// first repeats the `auto` of the request and then says what it was.
    ///
    /// A word, or Amazon's `{"type": "flex"}`.
    pub(crate) fn tier(&mut self, raw: &[u8]) {
        if let Some(word) = value::name(json::get(raw, "type").unwrap_or(raw)) {
            self.tier_is(&word);
        }
    }

    /// The same, of the word itself.
    pub(crate) fn tier_is(&mut self, word: &str) {
        let word = word.to_ascii_lowercase();
        let is_ordinary = ServiceTier::from_word(&word) == Some(ServiceTier::Standard);
        self.call.service_tier = (!is_ordinary).then_some(word);
    }
}

/// Sets a name that the answer gives; chunks repeat it, so the same name allocates once.
pub(crate) fn set_name(slot: &mut Option<String>, raw: &[u8]) {
    if let Some(name) = value::name(raw)
        && slot.as_deref() != Some(name.as_ref())
    {
        *slot = Some(Cow::into_owned(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Answer {
        Answer::new(Operation::Chat, Counting::PLAIN)
    }

    #[test]
    fn an_error_keeps_its_most_telling_word_and_never_its_message() {
        for (error, word) in [
            (
                r#"{"message":"Slow down, sk-1","type":"tokens","code":"rate_limit_exceeded"}"#,
                Some("rate_limit_exceeded"),
            ),
            (r#"{"type":"overloaded_error","message":"Overloaded"}"#, Some("overloaded_error")),
            (r#"{"code":404,"message":"no","status":"NOT_FOUND"}"#, Some("NOT_FOUND")),
            (r#"{"code":502,"message":"Upstream said no"}"#, Some("http_502")),
            (r#"{"message":"only words","type":"it is all a message"}"#, None),
            (r#""text""#, None),
        ] {
            let mut answer = answer();
            answer.fail(error.as_bytes());
            assert!(answer.failed);
            assert_eq!(answer.error_type.as_deref(), word);
        }
    }

    #[test]
    fn ordinary_tiers_are_none_and_the_last_word_counts() {
        let mut answer = answer();
        for (raw, tier) in [("\"flex\"", Some("flex")), ("null", Some("flex")), ("\"default\"", None)] {
            answer.tier(raw.as_bytes());
            assert_eq!(answer.call.service_tier.as_deref(), tier);
        }
    }
}
