//! A moment: wall-clock time for people, monotonic time for durations.

use jiff::Timestamp;

use crate::error::{Error, ErrorCode, Result};

/// When something happened, on both clocks. Durations come from the monotonic one, so that a clock that is set while a
/// call runs does not change its latency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub unix_ns: i64,
    /// Nanoseconds on a clock that is never set; only differences mean anything.
    pub monotonic_ns: u64,
}

impl Moment {
    /// Nanoseconds from `start` to here; 0 if `start` is later.
    pub const fn ns_since(self, start: Self) -> u64 {
        self.monotonic_ns.saturating_sub(start.monotonic_ns)
    }
}

/// Reads an RFC 3339 text (`2026-11-19T18:22:46Z`, any offset) as nanoseconds since 1970.
///
/// # Errors
/// [`ErrorCode::InvalidTime`], naming the text.
pub fn parse_rfc3339(text: &str) -> Result<i64> {
    let wrong = || {
        Error::new(
            ErrorCode::InvalidTime,
            format!("a time is RFC 3339 with an offset, such as 2026-11-19T18:22:46Z, got {text:?}"),
        )
    };
    let timestamp: Timestamp = text.parse().map_err(|cause| wrong().caused_by(cause))?;
    i64::try_from(timestamp.as_nanosecond()).map_err(|_| wrong())
}

/// Writes nanoseconds since 1970 as RFC 3339 in UTC, with as many decimals as needed.
pub fn format_rfc3339(unix_ns: i64) -> String {
    // Every i64 of nanoseconds lies between the years 1677 and 2262, which a `Timestamp` holds.
    Timestamp::from_nanosecond(i128::from(unix_ns)).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_round_trips_and_reads_offsets() {
        let ns = parse_rfc3339("2026-06-15T19:00:00-05:00").unwrap();
        assert_eq!(format_rfc3339(ns), "2026-06-16T00:00:00Z");
        assert_eq!(parse_rfc3339(&format_rfc3339(i64::MAX)).unwrap(), i64::MAX);
        assert_eq!(parse_rfc3339(&format_rfc3339(1)).unwrap(), 1);
    }

    #[test]
    fn a_time_without_an_offset_is_refused_by_value() {
        let error = parse_rfc3339("2026-11-19 18:22").unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidTime);
        assert!(error.to_string().contains("2026-11-19 18:22"));
    }
}
