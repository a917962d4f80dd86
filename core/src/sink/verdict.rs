//! What a status means, the same for every sink behind HTTP.

use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::StatusCode;

use super::{Answer, Receipt, Verdict};

/// Enough of a server's words to act on.
const MAX_WORDS: usize = 200;

/// The verdict of a status that is no success; `None` for 2xx, whose body decides.
///
/// Nothing is ever given up for a status: what is not the server's passing trouble or the fault of single events waits for
/// somebody to correct the configuration.
pub(crate) fn of_status(answer: &Answer, now_unix_ns: i64) -> Option<Verdict> {
    if (200..300).contains(&answer.status) {
        return None;
    }
    let reason = reason(answer);
    Some(match answer.status {
        // Below 200 is no final answer; 409 is somebody else at the same batch.
        ..300 | 408 | 409 | 425 | 429 | 500.. => {
            Verdict::Retry { after: retry_after(answer.retry_after.as_deref(), now_unix_ns), reason }
        }
        400 | 413 | 422 => Verdict::Split { reason },
        415 => Verdict::Uncompressed,
        300..=499 => Verdict::Pause { reason },
    })
}

/// The verdict of a server that has no receipts: any success is one for all of so many events.
pub(crate) fn of_success(answer: &Answer, events: usize, now_unix_ns: i64) -> Verdict {
    let receipt = || Verdict::Receipt(Receipt { stored: events as u64, ..Receipt::default() });
    of_status(answer, now_unix_ns).or_else(|| of_page(&answer.body)).unwrap_or_else(receipt)
}

/// A page of HTML is what a portal that wants a login, or a proxy, says in the server's place, with a 200.
pub(crate) fn of_page(body: &[u8]) -> Option<Verdict> {
    let reason = "a page instead of an answer: something between here and the server sent it".to_owned();
    body.trim_ascii_start().starts_with(b"<").then_some(Verdict::Retry { after: None, reason })
}

/// The status, and what the server says about it unless that is a page.
fn reason(answer: &Answer) -> String {
    let name = StatusCode::from_u16(answer.status).ok().and_then(|status| status.canonical_reason());
    let reason = format!("{} {}", answer.status, name.unwrap_or_default());
    let said = words(&String::from_utf8_lossy(&answer.body));
    let said = if said.starts_with('<') { "" } else { &said };
    let reason = if said.is_empty() { reason } else { format!("{reason}: {said}") };
    reason.trim_end().to_owned()
}

/// What a server says, as far as it is printable and short.
pub(crate) fn words(text: &str) -> String {
    let letters = text.trim().chars().take(MAX_WORDS);
    letters.map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// Whole seconds, or a date that is still to come in the one form that servers may send
/// (<https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3>). Bounds are the business of whoever waits.
fn retry_after(value: Option<&str>, now_unix_ns: i64) -> Option<Duration> {
    let value = value?.trim();
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        return value.parse().ok().map(Duration::from_secs);
    }
    let date = DateTimeParser::new().parse_timestamp(value).ok()?.as_nanosecond();
    let wait = u64::try_from(date - i128::from(now_unix_ns)).ok()?;
    (wait > 0).then(|| Duration::from_nanos(wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000_000_000; // 2023-11-14T22:13:20Z

    fn answer(status: u16) -> Answer {
        Answer { status, ..Answer::default() }
    }

    fn word(verdict: Option<&Verdict>) -> &'static str {
        match verdict {
            None => "body",
            Some(Verdict::Retry { .. }) => "retry",
            Some(Verdict::Split { .. }) => "split",
            Some(Verdict::Uncompressed) => "uncompressed",
            Some(Verdict::Pause { .. }) => "pause",
            Some(Verdict::Receipt(_)) => "receipt",
        }
    }

    #[test]
    fn every_status_has_its_meaning() {
        for status in 100..=599 {
            let expected = match status {
                200..300 => "body",
                100..300 | 408 | 409 | 425 | 429 | 500..600 => "retry",
                400 | 413 | 422 => "split",
                415 => "uncompressed",
                300..400 | 401..500 => "pause",
                _ => "none",
            };
            assert_eq!(word(of_status(&answer(status), NOW).as_ref()), expected, "{status}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_to_come_and_anything_else_is_nothing() {
        for (text, seconds) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("Tue, 14 Nov 2023 22:14:20 GMT", Some(60)),
            ("Tue, 14 Nov 2023 22:13:20 GMT", None),
            ("Tue, 14 Nov 2023 22:12:20 GMT", None),
            ("Fri, 31 Dec 9999 23:59:59 GMT", None),
            ("-1", None),
            ("1.5", None),
            ("NaN", None),
            ("1e99", None),
            ("99999999999999999999999", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after(Some(text), NOW), seconds.map(Duration::from_secs), "{text:?}");
        }
        assert_eq!(retry_after(None, NOW), None);
    }

    #[test]
    fn retry_after_counts_wherever_a_retry_is_meant() {
        for status in [408, 429, 500, 503] {
            let verdict = of_status(&Answer { retry_after: Some("3".to_owned()), ..answer(status) }, NOW);
            assert!(matches!(verdict, Some(Verdict::Retry { after: Some(after), .. }) if after.as_secs() == 3));
        }
    }

    #[test]
    fn the_reason_is_the_servers_words_but_not_its_page() {
        let with = |body: &[u8]| reason(&Answer { body: body.to_vec(), ..answer(503) });
        assert_eq!(with(b""), "503 Service Unavailable");
        assert_eq!(with(b"<html>..."), "503 Service Unavailable");
        assert_eq!(with(b"disk\x1b[2J full\n"), "503 Service Unavailable: disk [2J full");
        assert_eq!(with(&[0xff; 5000]).chars().count(), "503 Service Unavailable: ".len() + MAX_WORDS);
        assert_eq!(reason(&answer(599)), "599");
    }
}
