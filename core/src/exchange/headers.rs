//! The headers that tell something of a call. All others pass unread, keys among them.

/// The name and the value of a header, as they came.
pub type Header<'a> = (&'a [u8], &'a [u8]);

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

fn number(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

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
