//! How every sink has to behave, on two levels: all of them account for every event and fail without harm, and those that
//! promise `ExactlyOnce` keep one copy of what comes twice. A new kind of sink does not compile until it is here.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use self::subject::Subject;
use super::{Answer, Batch, CustomSink, Endpoint, Guarantee, SinkSettings, Verdict};
use crate::event::{
    Attribution, Charge, CostSource, CostState, Event, Operation, Rollup, SpanId, Status, Step, Subject as About,
    Tally, TraceId,
};
use crate::spool::testing::{any_event, call, dear, header};
use crate::usage::Usage;

mod server;
mod subject;

const SERVER: &str = "https://a.example";

/// One of each kind, at its place.
fn every_kind(home: &Path) -> Vec<SinkSettings> {
    let endpoint =
        |path: &str| Endpoint { url: format!("{SERVER}{path}"), headers: Vec::new(), api_key: None, ca_file: None };
    let kinds = vec![
        SinkSettings::Ledger,
        SinkSettings::Llmlab(endpoint("")),
        SinkSettings::Track(endpoint(""), "/api/track"),
        SinkSettings::Traces(endpoint("")),
        SinkSettings::Otlp(endpoint("/v1/traces")),
        SinkSettings::Jsonl { path: home.join("events.jsonl"), max_bytes: u64::MAX, keep: 1 },
        SinkSettings::Console,
        SinkSettings::Callback("callback".to_owned()),
        SinkSettings::Custom(CustomSink::function("custom", |_| Ok::<_, String>(()))),
    ];
    // No arm for the rest: whoever adds a kind adds it here, and one above.
    let place = |settings: &SinkSettings| match settings {
        SinkSettings::Ledger => 0,
        SinkSettings::Llmlab(_) => 1,
        SinkSettings::Track(..) => 2,
        SinkSettings::Traces(_) => 3,
        SinkSettings::Otlp(_) => 4,
        SinkSettings::Jsonl { .. } => 5,
        SinkSettings::Console => 6,
        SinkSettings::Callback(_) => 7,
        SinkSettings::Custom(_) => 8,
    };
    assert!(kinds.iter().map(place).eq(0..9), "each kind once");
    kinds
}

/// Runs a behaviour with every sink, each in a home of its own.
fn with_every_sink(behaviour: impl Fn(&mut Subject)) {
    let mut seen = 0;
    for place in 0..every_kind(Path::new("")).len() {
        let home = tempfile::tempdir().unwrap();
        let settings = every_kind(home.path()).swap_remove(place);
        if let Some(mut subject) = Subject::new(&settings, home.path()) {
            behaviour(&mut subject);
            seen += 1;
        }
    }
    assert_eq!(seen, 7, "all but those of the application");
}

fn batch(events: Vec<Event>) -> Batch {
    Batch { id: "b1".to_owned(), origin: header().origin, events }
}

/// A feature of its own makes an event known again wherever it arrives.
fn marked(counter: u64, change: impl FnOnce(&mut Event)) -> Event {
    let mut event = call(counter);
    event.attribution = Arc::new(Attribution {
        feature: Some(format!("feature-{counter}")),
        trace_id: Some(TraceId([9; 16])),
        ..Attribution::default()
    });
    change(&mut event);
    event
}

fn charge(change: impl FnOnce(&mut Charge)) -> impl FnOnce(&mut Event) {
    |event| change(event.charge.as_mut().unwrap())
}

/// Every kind of event that there is.
fn every_event() -> Vec<Event> {
    let step = |counter, name: &'static str| {
        marked(counter, move |event| {
            let span_id = SpanId([u8::try_from(counter).unwrap(); 8]);
            event.charge = None;
            event.facts.subject = About::Step(Box::new(Step { name: name.into(), kind: "agent".into(), span_id }));
        })
    };
    let rollup = |operation| {
        About::Rollup(Box::new(Rollup {
            operation,
            usage: Usage::new(),
            tally: Tally { calls: 3, failed_attempts: 1, steps: 2 },
            ..Rollup::default()
        }))
    };
    vec![
        marked(1, |_| {}),
        step(2, "answer"),
        marked(3, charge(|charge| (charge.total, charge.state) = (None, CostState::Unpriced))),
        marked(4, charge(|charge| charge.state = CostState::Estimated)),
        marked(5, |event| {
            event.facts.status = Status::Error;
            charge(|charge| charge.source = CostSource::NotBilled)(event);
        }),
        marked(6, |event| event.facts.subject = rollup(Some(Operation::Chat))),
        step(7, ""),
        marked(8, |event| {
            event.facts.subject = rollup(None);
            event.charge = None;
        }),
    ]
}

fn expected(subject: &Subject, events: &[Event]) -> Vec<String> {
    let told = events.iter().filter(|event| subject.tells_of(event));
    let mut features: Vec<_> = told.map(|event| event.attribution.feature.clone().unwrap()).collect();
    features.sort();
    features
}

fn arrived(subject: &Subject) -> Vec<String> {
    let mut features = subject.arrived();
    features.sort();
    features
}

#[test]
fn a_sink_is_named_after_its_kind() {
    with_every_sink(|sink| assert_eq!(sink.name(), sink.settings.kind()));
}

#[test]
fn every_kind_of_event_is_accounted_for_and_arrives_where_there_is_a_place_for_it() {
    with_every_sink(|sink| {
        let batch = batch(every_event());
        let receipt = sink.deliver(&batch).unwrap();
        assert!(receipt.accounts_for(batch.events.len()), "{}: {receipt:?}", sink.name());
        assert_eq!((receipt.duplicates, receipt.rejected.len()), (0, 0), "{}", sink.name());
        assert_eq!(arrived(sink), expected(sink, &batch.events), "{}", sink.name());
    });
}

#[test]
fn what_comes_twice_is_kept_once_where_that_is_promised() {
    with_every_sink(|sink| {
        let batch = batch(every_event());
        let receipts = [sink.deliver(&batch), sink.deliver(&batch)].map(Result::unwrap);
        assert!(receipts.iter().all(|receipt| receipt.accounts_for(batch.events.len())), "{}", sink.name());
        let mut arrived = arrived(sink);
        match sink.guarantee() {
            Guarantee::ExactlyOnce => assert_eq!(receipts[1].duplicates, batch.events.len() as u64),
            Guarantee::AtLeastOnce => arrived.dedup(),
        }
        assert_eq!(arrived, expected(sink, &batch.events), "{}", sink.name());
    });
}

#[test]
fn a_destination_that_fails_is_an_error_and_takes_everything_once_it_is_back() {
    with_every_sink(|sink| {
        let batch = batch(every_event());
        sink.set_broken(true);
        for _ in 0..2 {
            let error = sink.deliver(&batch).expect_err(sink.name());
            assert!(!error.is_empty());
        }
        sink.set_broken(false);
        assert!(sink.deliver(&batch).unwrap().accounts_for(batch.events.len()), "{}", sink.name());
        assert_eq!(arrived(sink), expected(sink, &batch.events), "{}", sink.name());
    });
}

#[test]
fn a_batch_longer_than_one_request_arrives_whole() {
    with_every_sink(|sink| {
        let batch = batch((0..250).map(|counter| marked(counter, |_| {})).collect());
        assert!(sink.deliver(&batch).unwrap().accounts_for(250), "{}", sink.name());
        assert_eq!(arrived(sink), expected(sink, &batch.events), "{}", sink.name());
    });
}

#[test]
fn an_empty_batch_is_no_trouble() {
    with_every_sink(|sink| assert!(sink.deliver(&batch(Vec::new())).unwrap().accounts_for(0), "{}", sink.name()));
}

/// A portal that wants a login, or a proxy, answers for the server: nothing was stored, and nothing may be given up.
// Sabotage: a `judge` that takes every 2xx for a receipt.
#[test]
fn no_refusal_and_no_page_is_a_receipt() {
    with_every_sink(|sink| {
        let batch = batch(every_event());
        for status in (100..200).chain(300..600) {
            let verdict = sink.verdict(&batch, &Answer { status, ..Answer::default() });
            assert!(!matches!(verdict, Some(Verdict::Receipt(_))), "{} takes a {status} for a receipt", sink.name());
        }
        for page in ["<!doctype html><title>Log in</title>", "\r\n <html>"] {
            let verdict = sink.verdict(&batch, &Answer { status: 200, retry_after: None, body: page.into() });
            assert!(matches!(verdict, None | Some(Verdict::Retry { .. })), "{} takes a page", sink.name());
        }
    });
}

proptest! {
    #![proptest_config(dear(24))]

    #[test]
    fn hostile_events_pass(events in proptest::collection::vec(any_event(), 1..8)) {
        let mut events = events;
        for (counter, event) in (0..).zip(&mut events) {
            event.id.counter = counter;
        }
        with_every_sink(|sink| {
            let batch = batch(events.clone());
            let receipt = sink.deliver(&batch).unwrap();
            assert!(receipt.accounts_for(batch.events.len()), "{}: {receipt:?}", sink.name());
        });
    }

    // Sabotage: a `judge` that does not add up what the server says it stored, knew and rejected.
    #[test]
    fn a_receipt_accounts_for_what_was_sent_whatever_the_server_says(
        status in 100..600_u16, retry_after in proptest::option::of("\\PC{0,20}"), body in any::<Vec<u8>>(),
    ) {
        let answer = Answer { status, retry_after, body };
        with_every_sink(|sink| {
            let batch = batch(every_event());
            if let Some(Verdict::Receipt(receipt)) = sink.verdict(&batch, &answer) {
                assert!(receipt.accounts_for(batch.events.len()), "{}: {receipt:?}", sink.name());
                assert!(receipt.rejected.iter().all(|rejection| rejection.index < batch.events.len()));
            }
        });
    }
}
