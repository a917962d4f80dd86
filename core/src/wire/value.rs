//! What a raw JSON value says, or `None`: a count that is no count is not reported, never guessed.

use std::borrow::Cow;

use crate::money::{ATTO_PER_USD, Money};

/// Longer texts are no names. The names of models, which may be paths, stay far below.
const MAX_NAME_BYTES: usize = 512;
const MAX_TOKEN_BYTES: usize = 64;
const DECIMALS: i32 = 18;

/// A non-negative integer that fits; negative, fractional and larger ones are none.
#[inline(never)]
pub(crate) fn count(raw: &[u8]) -> Option<u64> {
    if raw.is_empty() {
        return None;
    }
    raw.iter().try_fold(0_u64, |sum, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// A string that is not empty and short enough to name something.
#[inline(never)]
pub(crate) fn name(raw: &[u8]) -> Option<Cow<'_, str>> {
    let inside = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if inside.is_empty() || inside.len() > MAX_NAME_BYTES {
        return None;
    }
    if inside.contains(&b'\\') {
        return serde_json::from_slice(raw).ok().map(Cow::Owned);
    }
    std::str::from_utf8(inside).ok().map(Cow::Borrowed)
}

/// A short word of letters, digits and `_ - . :`, such as `rate_limit_exceeded`. Whatever else an error carries may echo
/// prompts and keys.
pub(crate) fn token(raw: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?).ok()?;
    is_token(text).then_some(text)
}

/// Whether a text may be kept as the type of an error.
pub(crate) fn is_token(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
    !text.is_empty() && text.len() <= MAX_TOKEN_BYTES && text.bytes().all(plain)
}

/// A non-negative amount of US dollars, read from the digits of the number (`1.13e-05`) and never by way of a float.
/// Decimals beyond the eighteenth are rounded half-even: providers print floats.
#[inline(never)]
pub(crate) fn money(raw: &[u8]) -> Option<Money> {
    let (mantissa, exponent) = match raw.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&raw[..at], std::str::from_utf8(&raw[at + 1..]).ok()?.parse::<i32>().ok()?),
        None => (raw, 0),
    };
    let point = mantissa.iter().position(|&byte| byte == b'.').unwrap_or(mantissa.len());
    let (whole, fraction) = (&mantissa[..point], mantissa.get(point + 1..).unwrap_or_default());
    if whole.is_empty() {
        return None;
    }
    let mut digits = 0_i128;
    for &byte in whole.iter().chain(fraction) {
        let digit = byte.is_ascii_digit().then(|| i128::from(byte - b'0'))?;
        digits = digits.checked_mul(10)?.checked_add(digit)?;
    }
    let shift = DECIMALS.checked_add(exponent)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    scale(digits, shift).map(Money::from_atto)
}

/// A number of seconds, rounded to whole ones, whether it stands as a number or as a text.
pub(crate) fn seconds(raw: &[u8]) -> Option<u64> {
    let raw = unquoted(raw);
    let point = raw.iter().position(|&byte| byte == b'.').unwrap_or(raw.len());
    let fraction = raw.get(point + 1..).unwrap_or_default();
    let up = fraction.first().is_some_and(|&digit| digit >= b'5');
    let is_number = fraction.iter().all(u8::is_ascii_digit);
    count(&raw[..point]).filter(|_| is_number)?.checked_add(up.into())
}

/// What stands between the quotes, if there are any.
pub(crate) fn unquoted(raw: &[u8]) -> &[u8] {
    raw.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(raw)
}

/// A count of ten-billionths of a dollar.
pub(crate) fn ticks(raw: &[u8]) -> Option<Money> {
    i128::from(count(raw)?).checked_mul(ATTO_PER_USD / 10_000_000_000).map(Money::from_atto)
}

fn scale(digits: i128, shift: i32) -> Option<i128> {
    let power = 10_i128.checked_pow(shift.unsigned_abs());
    if shift >= 0 {
        return if digits == 0 { Some(0) } else { digits.checked_mul(power?) };
    }
    let Some(power) = power else { return Some(0) };
    let (quotient, rest) = (digits / power, digits % power);
    let up = rest > power / 2 || (rest == power / 2 && quotient % 2 == 1);
    Some(quotient + i128::from(up))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_counts_are_counts() {
        assert_eq!(count(b"18446744073709551615"), Some(u64::MAX));
        for raw in ["", "-1", "1.0", "1e3", "18446744073709551616", "\"12\"", "null", "true", "[]"] {
            assert_eq!(count(raw.as_bytes()), None, "{raw}");
        }
    }

    #[test]
    fn seconds_are_rounded_to_whole_ones() {
        for (raw, whole) in [("9", 9), ("8.47", 8), ("\"8.5\"", 9), ("0.2", 0)] {
            assert_eq!(seconds(raw.as_bytes()), Some(whole), "{raw}");
        }
        for raw in ["", "null", "-1", "1e3", "1.x", ".5", "18446744073709551615.9"] {
            assert_eq!(seconds(raw.as_bytes()), None, "{raw}");
        }
    }

    #[test]
    fn names_are_short_and_never_empty() {
        assert_eq!(name(br#""gpt-4o""#).as_deref(), Some("gpt-4o"));
        assert_eq!(name(br#""a\/b""#).as_deref(), Some("a/b"));
        assert_eq!(name(br#""""#), None);
        assert_eq!(name(b"\"\xFF\xFE\""), None);
        assert_eq!(name(format!("\"{}\"", "x".repeat(513)).as_bytes()), None);
    }

    #[test]
    fn a_message_is_no_token() {
        assert_eq!(token(br#""rate_limit_exceeded""#), Some("rate_limit_exceeded"));
        for raw in [&br#""Incorrect API key provided: sk-123""#[..], b"429", b"\"\"", b"\"a\\u0041\""] {
            assert_eq!(token(raw), None);
        }
    }

    #[test]
    fn amounts_are_exact_whatever_their_notation() {
        for (raw, amount) in [
            ("0.00205875", "0.00205875"),
            ("1.13e-05", "0.0000113"),
            ("5E-3", "0.005"),
            ("12", "12"),
            ("1e+2", "100"),
            ("0", "0"),
            ("0.0004970133333333335", "0.000497013333333334"),
            ("0.0000000000000000025", "0.000000000000000002"),
            ("0.0000000000000000035", "0.000000000000000004"),
            ("1e-400", "0"),
            ("0e400", "0"),
        ] {
            assert_eq!(money(raw.as_bytes()).unwrap().to_string(), amount, "{raw}");
        }
        for raw in ["-0.5", "NaN", "1e99", "", ".5", "\"0.5\"", "1.2.3", "1e", "{}"] {
            assert_eq!(money(raw.as_bytes()), None, "{raw}");
        }
        assert_eq!(ticks(b"2488500").unwrap().to_string(), "0.00024885");
    }
}
