//! What every status of HTTP does to a lane, with the translator of our own protocol, on virtual time.

use super::kit::{Kit, LONG, Mood, SECOND_NS, Server, until};
use crate::outbox::SinkState;
use crate::sink::{self, Answer, Endpoint, SinkSettings};
use crate::spool::testing::is_soak;

const FORMS: [Option<&str>; 6] =
    [None, Some("7"), Some("999999999"), Some("-3"), Some("soon"), Some("Fri, 31 Dec 1999 23:59:59 GMT")];

/// How long the lane has to wait, at least and at most; `None`: the event is given up, with its reason counted.
fn expected(status: u16, form: Option<&str>) -> Option<(u64, u64, SinkState)> {
    Some(match (status, form) {
        (400 | 413 | 422, _) => return None,
        // 415: plain bodies are refused as well.
        (300..=407 | 410..=412 | 414..=424 | 426..=428 | 430..=499, _) => (300, 300, SinkState::Paused),
        // A success without a receipt is none, and its header is not about us.
        (200..=299, _) => (0, 1, SinkState::Waiting),
        (_, Some("7")) => (7, 9, SinkState::Waiting),
        (_, Some("999999999")) => (3_600, 4_320, SinkState::Waiting),
        // Full jitter up to a second; or to two, where the same request was tried before.
        _ => (0, 1, SinkState::Waiting),
    })
}

// Sabotage: any row of the table; a Retry-After that is not bounded; a pause of another length.
#[test]
fn every_status_and_every_retry_after_leads_where_the_table_says() {
    for status in
        (100..=599).step_by(if is_soak() { 1 } else { 3 }).chain([400, 408, 409, 413, 415, 422, 425, 429, 503])
    {
        for form in FORMS {
            // What one server said holds for whoever has the same home.
            let home = tempfile::tempdir().unwrap();
            check(home.path(), status, form);
        }
    }
}

fn check(home: &std::path::Path, status: u16, form: Option<&str>) {
    let server = Server::default();
    let url = "https://cost.example.com".to_owned();
    let endpoint = Endpoint { url, headers: Vec::new(), api_key: None, ca_file: None };
    let remote = sink::remote(&SinkSettings::Llmlab(endpoint), home).unwrap();
    let kit = Kit::new(home, vec![server.outlet_of(remote)]);
    let retry_after = form.map(str::to_owned);
    server.mood(Mood::Says(Answer { status, retry_after, body: Vec::new() }));
    kit.post(1);
    let context = format!("{status} {form:?}");
    let report = kit.outbox.flush_once(LONG, LONG);
    let tries = server.requests().len();
    let Some((least, most, state)) = expected(status, form) else {
        assert_eq!((report.pending, kit.books().dropped), (0, vec![("rejected", 1)]), "{context}");
        return;
    };
    assert_eq!((report.pending, report.dropped), (1, 0), "{context}");
    until(|| kit.books().sinks[0].state == state || least == 0);
    if least > 0 {
        kit.clock.advance_ns(least * SECOND_NS - 1);
        kit.look();
        assert_eq!(server.requests().len(), tries, "{context}: asked before its time");
    }
    kit.clock.advance_ns((most - least) * SECOND_NS + 1);
    until(|| {
        kit.io.wake();
        server.requests().len() > tries
    });
    assert_eq!(kit.look().recorded, 1);
}
