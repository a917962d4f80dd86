//! Times as people name them: `2026-11-01`, `7d`, `today`. Days and months are those of the local time zone.

use std::str::FromStr;

use jiff::civil::Date;
use jiff::{Span, Timestamp, ToSpan, Zoned};
use llmlab::error::{Error, ErrorCode, Result};
use llmlab::moment::parse_rfc3339;

/// The end of `--help` of the commands that take a time.
pub(crate) const HELP: &str = "\
Times: RFC 3339 (2026-11-19T18:22:46Z), a day (2026-11-01), a month (2026-11), a span back from now (30m, 24h, 7d, 2w), \
`today`, `yesterday` or `month` (this one). Days and months are those of the local time zone (TZ). `--since` takes the \
start of what is named, `--until` its end.";

/// What a text names: a stretch of time, of which `--since` takes the start and `--until` the end. An instant is its own
/// start and end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Time {
    Instant(i64),
    Ago(SpanText),
    Today,
    Yesterday,
    ThisMonth,
    Day(Date),
    Month(Date),
}

/// Back from now: a count of calendar weeks or days, or of hours or minutes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SpanText {
    count: i32,
    unit: char,
}

impl SpanText {
    fn parse(text: &str) -> Option<Self> {
        let unit = text.chars().last().filter(|unit| "wdhm".contains(*unit))?;
        let digits = text.strip_suffix(unit)?;
        let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        Some(Self { count: digits.parse().ok().filter(|_| all_digits)?, unit })
    }

    fn span(&self) -> std::result::Result<Span, jiff::Error> {
        let span = Span::new();
        match self.unit {
            'w' => span.try_weeks(self.count),
            'd' => span.try_days(self.count),
            'h' => span.try_hours(self.count),
            _ => span.try_minutes(self.count),
        }
    }
}

impl FromStr for Time {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let named = match text {
            "today" => Some(Self::Today),
            "yesterday" => Some(Self::Yesterday),
            "month" => Some(Self::ThisMonth),
            _ => None,
        };
        let day = |text: &str| Date::strptime("%Y-%m-%d", text).ok();
        named
            .or_else(|| SpanText::parse(text).map(Self::Ago))
            .or_else(|| day(text).map(Self::Day))
            .or_else(|| day(&format!("{text}-01")).map(Self::Month))
            .or_else(|| parse_rfc3339(text).ok().map(Self::Instant))
            .ok_or_else(|| {
                Error::new(
                    ErrorCode::InvalidTime,
                    format!(
                        "a time is RFC 3339 with an offset, a day (2026-11-01), a month (2026-11), a span back from now \
                         (7d, 24h), today, yesterday or month, got {text:?}"
                    ),
                )
            })
    }
}

impl Time {
    /// The first nanosecond since 1970 of the stretch.
    pub(crate) fn start_ns(&self, now: &Zoned) -> Result<i64> {
        self.stretch(now).map(|(start, _)| start).map_err(out_of_range)
    }

    /// The first nanosecond after the stretch; for an instant the instant itself.
    pub(crate) fn end_ns(&self, now: &Zoned) -> Result<i64> {
        self.stretch(now).map(|(_, end)| end).map_err(out_of_range)
    }

    fn stretch(&self, now: &Zoned) -> std::result::Result<(i64, i64), jiff::Error> {
        let between = |first: Date, after: Date| {
            let start_of = |date: Date| date.to_zoned(now.time_zone().clone())?.start_of_day();
            Ok((unix_ns(&start_of(first)?), unix_ns(&start_of(after)?)))
        };
        let day = |date: Date| between(date, date.checked_add(1.day())?);
        let month = |date: Date| between(date.first_of_month(), date.first_of_month().checked_add(1.month())?);
        match self {
            Self::Instant(unix_ns) => Ok((*unix_ns, *unix_ns)),
            Self::Ago(span) => {
                let then = unix_ns(&now.checked_sub(span.span()?)?);
                Ok((then, then))
            }
            Self::Today => day(now.date()),
            Self::Yesterday => day(now.date().checked_sub(1.day())?),
            Self::ThisMonth => month(now.date()),
            Self::Day(date) => day(*date),
            Self::Month(date) => month(*date),
        }
    }
}

fn out_of_range(cause: jiff::Error) -> Error {
    Error::new(ErrorCode::InvalidTime, "a time must lie between the years 1677 and 2262").caused_by(cause)
}

fn unix_ns(zoned: &Zoned) -> i64 {
    saturated(zoned.timestamp())
}

/// Beyond the years 1677 and 2262, which no event leaves, the bound is as good as the time itself.
fn saturated(timestamp: Timestamp) -> i64 {
    let ns = timestamp.as_nanosecond();
    i64::try_from(ns).unwrap_or(if ns < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;
    use llmlab::moment::format_rfc3339;

    /// The last Sunday of October 2026 has 25 hours in Berlin.
    fn stretch(text: &str) -> (String, String) {
        let now: Zoned = "2026-10-25T13:30:00+01:00[Europe/Berlin]".parse().unwrap();
        let time: Time = text.parse().unwrap();
        (format_rfc3339(time.start_ns(&now).unwrap()), format_rfc3339(time.end_ns(&now).unwrap()))
    }

    #[test]
    fn a_time_names_a_stretch_in_the_local_zone() {
        for (text, start, end) in [
            ("today", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            ("yesterday", "2026-10-23T22:00:00Z", "2026-10-24T22:00:00Z"),
            ("month", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"),
            ("2026-11", "2026-10-31T23:00:00Z", "2026-11-30T23:00:00Z"),
            ("2026-11-01", "2026-10-31T23:00:00Z", "2026-11-01T23:00:00Z"),
            ("1d", "2026-10-24T11:30:00Z", "2026-10-24T11:30:00Z"),
            ("24h", "2026-10-24T12:30:00Z", "2026-10-24T12:30:00Z"),
            ("2w", "2026-10-11T11:30:00Z", "2026-10-11T11:30:00Z"),
            ("30m", "2026-10-25T12:00:00Z", "2026-10-25T12:00:00Z"),
            ("2026-11-01T12:00:00-05:00", "2026-11-01T17:00:00Z", "2026-11-01T17:00:00Z"),
        ] {
            assert_eq!(stretch(text), (start.to_owned(), end.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_by_value() {
        for text in ["", "7", "d", "-7d", "7y", "2026-13", "2026-02-30", "2026-11-19 18:22", "now"] {
            let error = text.parse::<Time>().unwrap_err();
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
        let now: Zoned = "2026-10-25T13:30:00+01:00[Europe/Berlin]".parse().unwrap();
        assert!("999999999w".parse::<Time>().unwrap().start_ns(&now).is_err());
    }
}
