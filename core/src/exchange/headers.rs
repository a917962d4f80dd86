//! The headers that tell something of a call. All others pass unread, keys among them.

use crate::usage::{Dimension, Usage};
use crate::wire::value;

/// The name and the value of a header, as they came.
pub type Header<'a> = (&'a [u8], &'a [u8]);

/// The names of all headers that tell something, of requests and answers: where handing one over costs something, others
/// need not be.
pub const TELLING_HEADERS: [&str; 10] = [
    "x-stainless-retry-count",
    "amz-sdk-request",
    "content-type",
    "content-encoding",
    "x-amzn-bedrock-input-token-count",
    "x-amzn-bedrock-output-token-count",
    "x-amzn-bedrock-cache-read-input-token-count",
    "x-amzn-bedrock-cache-write-input-token-count",
    "x-amzn-bedrock-service-tier",
    "x-amzn-errortype",
];

/// Which try of an SDK a request is, from 1, if this header tells: `x-stainless-retry-count: 2`, or
/// `amz-sdk-request: attempt=3; max=4`.
pub(super) fn attempt(name: &[u8], value: &[u8]) -> Option<u32> {
    if name.eq_ignore_ascii_case(b"x-stainless-retry-count") {
        return number(value)?.checked_add(1);
    }
    if !name.eq_ignore_ascii_case(b"amz-sdk-request") {
        return None;
    }
    let attempt = value.split(|&byte| byte == b';').find_map(|part| part.trim_ascii().strip_prefix(b"attempt="));
    attempt.and_then(number).filter(|&attempt| attempt > 0)
}

/// What the headers of an answer tell of its cost: a cloud counts there what its models' own formats do not.
#[derive(Default)]
#[cfg_attr(test, derive(Clone, PartialEq))]
pub(super) struct Metered {
    uncached: Option<u64>,
    output: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    tier: Option<String>,
    exception: Option<String>,
}

/// The same, in our words.
pub(super) struct Told {
    pub(super) usage: Usage,
    pub(super) service_tier: Option<String>,
    pub(super) error_type: Option<String>,
}

impl Metered {
    /// Takes a header, if it is one of Amazon Bedrock's
    /// (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html>).
    pub(super) fn read(&mut self, name: &[u8], value: &[u8]) {
        const PREFIX: &[u8] = b"x-amzn-";
        if !name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX)) {
            return;
        }
        let Ok(value) = std::str::from_utf8(value.trim_ascii()) else { return };
        let is = |known: &[u8]| name[PREFIX.len()..].eq_ignore_ascii_case(known);
        if is(b"bedrock-input-token-count") {
            self.uncached = value.parse().ok();
        } else if is(b"bedrock-output-token-count") {
            self.output = value.parse().ok();
        } else if is(b"bedrock-cache-read-input-token-count") {
            self.cache_read = value.parse().ok();
        } else if is(b"bedrock-cache-write-input-token-count") {
            self.cache_write = value.parse().ok();
        } else if is(b"bedrock-service-tier") {
            self.tier = Some(value.to_owned()).filter(|word| value::is_token(word));
        } else if is(b"errortype") {
            // `ValidationException:http://internal.amazon.com/...`
            let word = value.split(':').next().unwrap_or_default();
            self.exception = Some(word.to_owned()).filter(|word| value::is_token(word));
        }
    }

    /// The input does not contain what was cached.
    pub(super) fn told(self) -> Told {
        let cached = self.cache_read.unwrap_or(0).checked_add(self.cache_write.unwrap_or(0));
        let input = self.uncached.zip(cached).and_then(|(uncached, cached)| uncached.checked_add(cached));
        let mut usage = Usage::new();
        usage.set_if(Dimension::Input, input);
        usage.set_if(Dimension::Output, self.output);
        usage.set_if(Dimension::CacheRead, self.cache_read.filter(|_| input.is_some()));
        usage.set_if(Dimension::CacheWrite5m, self.cache_write.filter(|_| input.is_some()));
        Told { usage, service_tier: self.tier, error_type: self.exception }
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(headers: &[(&str, &str)]) -> Told {
        let mut metered = Metered::default();
        for (name, value) in headers {
            metered.read(name.as_bytes(), value.as_bytes());
        }
        metered.told()
    }

    #[test]
    fn the_list_names_what_is_read_and_nothing_else() {
        let mut metered = Metered::default();
        for name in TELLING_HEADERS {
            let name = name.as_bytes();
            let before = metered.clone();
            metered.read(name, b"7");
            let is_of_bodies = [&b"content-type"[..], b"content-encoding"].contains(&name);
            let is_try = attempt(name, b"7").or(attempt(name, b"attempt=7")).is_some();
            assert!(is_of_bodies || is_try || metered != before, "{name:?}");
        }
        let full = Metered {
            uncached: Some(7),
            output: Some(7),
            cache_read: Some(7),
            cache_write: Some(7),
            tier: Some("7".into()),
            exception: Some("7".into()),
        };
        assert!(metered == full, "a header that is read is not in the list");
    }

    #[test]
    fn counts_of_the_headers_are_disjoint() {
        let counted = told(&[
            ("X-Amzn-Bedrock-Input-Token-Count", "4"),
            ("x-amzn-bedrock-output-token-count", " 50 "),
            ("x-amzn-bedrock-cache-read-input-token-count", "0"),
            ("x-amzn-bedrock-cache-write-input-token-count", "18131"),
        ]);
        let expected = serde_json::json!({"input":18135,"output":50,"cache_read":0,"cache_write_5m":18131});
        assert_eq!(serde_json::to_value(counted.usage).unwrap(), expected);
    }

    #[test]
    fn what_is_no_count_is_not_told() {
        for value in ["", "-1", "1.0", "18446744073709551616", "a"] {
            assert!(told(&[("x-amzn-bedrock-input-token-count", value)]).usage.is_empty(), "{value}");
        }
        let most = u64::MAX.to_string();
        let counted =
            told(&[("x-amzn-bedrock-input-token-count", &most), ("x-amzn-bedrock-cache-read-input-token-count", "1")]);
        assert!(counted.usage.is_empty());
    }

    #[test]
    fn an_exception_has_the_first_word_of_its_header() {
        let word = |value| told(&[("x-amzn-ErrorType", value)]).error_type;
        assert_eq!(word("ThrottlingException").as_deref(), Some("ThrottlingException"));
        assert_eq!(word("ValidationException:http://internal.amazon.com/").as_deref(), Some("ValidationException"));
        assert_eq!(word("sk-1 is no key"), None);
    }

    #[test]
    fn the_sdks_count_their_tries_in_their_own_ways() {
        for (name, value, expected) in [
            ("X-Stainless-Retry-Count", "0", Some(1)),
            ("x-stainless-retry-count", "2", Some(3)),
            ("amz-sdk-request", "attempt=3; max=4", Some(3)),
            ("Amz-Sdk-Request", "ttl=20260101T000000Z; attempt=2; max=3", Some(2)),
            ("amz-sdk-request", "attempt=0", None),
            ("x-stainless-retry-count", "-1", None),
            ("x-stainless-retry-count", "4294967295", None),
            ("x-retry-count", "2", None),
        ] {
            assert_eq!(attempt(name.as_bytes(), value.as_bytes()), expected, "{name}: {value}");
        }
    }
}
