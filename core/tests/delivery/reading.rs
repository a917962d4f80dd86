//! The ordinary way: record, end, ask.

use std::time::Duration;

use llmlab::event::{Charge, CostState, Status, Subject};
use llmlab::ledger::{Filter, GroupBy, Ledger, catch_up};
use llmlab::report::{Summary, SummaryQuery};
use llmlab::{Dimension, Usage};

use crate::recorder::{LONG, Recorder, segments, stored, until};

#[test]
fn an_outbox_has_no_effects_before_its_first_event() {
    let home = tempfile::tempdir().unwrap();
    let recorder = Recorder::new(&home.path().join("none"));
    assert!(recorder.outbox.flush(LONG).is_complete());
    assert!(recorder.outbox.shutdown(LONG).is_complete());
    assert!(!home.path().join("none").exists());
}

#[test]
fn a_clean_end_loses_nothing_and_leaves_no_segment() {
    let home = tempfile::tempdir().unwrap();
    let recorder = Recorder::new(home.path());
    recorder.record(250);
    let report = recorder.outbox.shutdown(LONG);
    assert_eq!((report.delivered, report.pending, report.dropped, report.last_error), (250, 0, 0, None));
    assert_eq!(recorder.books().delivered, 250);
    assert_eq!(stored(home.path()).len(), 250);
    assert_eq!(segments(home.path()), [""; 0]);
}

#[test]
fn the_segment_after_a_full_one_is_begun_before_an_event_needs_it() {
    let home = tempfile::tempdir().unwrap();
    let recorder = Recorder::new(home.path());
    recorder.record(100);
    until(|| segments(home.path()).iter().any(|name| name.ends_with("-00000001.open")));
    assert!(recorder.outbox.flush(LONG).is_complete());
    assert_eq!(segments(home.path()), [""; 0]);
}

#[test]
fn events_of_many_threads_are_all_delivered() {
    let home = tempfile::tempdir().unwrap();
    let recorder = Recorder::new(home.path());
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| recorder.record(500));
        }
        for _ in 0..50 {
            recorder.books();
        }
    });
    assert!(recorder.outbox.flush(LONG).is_complete());
    assert_eq!(recorder.books().delivered, 8_000);
    assert_eq!(stored(home.path()).len(), 8_000);
}

#[test]
fn a_reader_beside_a_living_writer_sees_every_event_and_disturbs_nothing() {
    let home = tempfile::tempdir().unwrap();
    let recorder = Recorder::new(home.path());
    for recorded in [1, 2, 40] {
        recorder.record(recorded - stored(home.path()).len() as u64);
        let caught_up = catch_up(home.path()).unwrap();
        assert!(caught_up.damaged.is_empty() && caught_up.newer.is_empty());
        assert_eq!(stored(home.path()).len() as u64, recorded);
        assert_eq!(recorder.books().spooled, recorded);
    }
    assert!(recorder.outbox.shutdown(LONG).is_complete());
    assert_eq!(stored(home.path()).len(), 40);
}

#[test]
fn events_posted_after_the_shutdown_are_found_by_the_next_reader() {
    let home = tempfile::tempdir().unwrap();
    let recorder = Recorder::new(home.path());
    recorder.record(1);
    assert!(recorder.outbox.shutdown(LONG).is_complete());
    recorder.record(150);
    assert_eq!(recorder.outbox.flush(Duration::ZERO).pending, 150);
    assert_eq!(recorder.books().spooled, 150);
    drop(recorder);
    assert_eq!(catch_up(home.path()).unwrap().stored, 150);
    assert_eq!(segments(home.path()), [""; 0]);
}

#[test]
fn a_summary_is_the_same_from_rollups_and_from_single_events() {
    let home = tempfile::tempdir().unwrap();
    let recorder = Recorder::new(home.path());
    let hour_ns = 3_600_000_000_000;
    let start = 1_790_000_000_000_000_000 / hour_ns * hour_ns;
    for number in 0..100 {
        let mut event = recorder.event();
        event.facts.unix_ns = start + number * hour_ns / 4;
        recorder.outbox.post(&event);
    }
    let mut failed = recorder.event();
    failed.facts.unix_ns = start;
    failed.facts.status = Status::Lost;
    failed.charge = Some(Charge { total: None, state: CostState::Unpriced, ..failed.charge.unwrap() });
    if let Subject::Call(call) = &mut failed.facts.subject {
        call.usage = Usage::new();
    }
    recorder.outbox.post(&failed);
    assert!(recorder.outbox.shutdown(LONG).is_complete());
    let mut ledger = Ledger::read(&Ledger::path_in(home.path())).unwrap();
    let mut ask = |since_ns, until_ns, group_by: &[GroupBy]| {
        let filter = Filter { since_ns, until_ns, ..Filter::default() };
        Summary::of(&mut ledger, &SummaryQuery { filter, group_by: group_by.to_vec() }).unwrap()
    };
    let all = ask(None, None, &[GroupBy::Provider, GroupBy::Model]);
    assert_eq!((all.totals.calls, all.totals.failed_attempts, all.totals.unpriced), (100, 1, 1));
    assert_eq!(all.totals.usage, Usage::new().with(Dimension::Input, 1_000).with(Dimension::Output, 500));
    assert_eq!(all.totals, ask(None, None, &[GroupBy::User]).totals);
    assert_eq!(all.totals, ask(None, None, &[]).totals);
    let json = serde_json::to_string(&all).unwrap();
    assert!(json.contains(r#""provider":"openai","model":"gpt-5","cost_usd":0.0123456789012345"#), "{json}");
    // Bounds that cut hours in two, inside one hour and across several.
    for (since, until, calls) in [(1, 8, 7), (0, 4, 4), (1, 3, 2), (3, 97, 94), (0, 100, 100), (50, 50, 0)] {
        let bounds = (Some(start + since * hour_ns / 4), Some(start + until * hour_ns / 4));
        assert_eq!(ask(bounds.0, bounds.1, &[GroupBy::Hour]).totals.calls, calls, "{since}..{until}");
    }
    assert_eq!(ask(None, None, &[GroupBy::Day]).groups.len(), 2);
    let of_run = |run: &str| Filter { run_id: Some(run.into()), ..Filter::default() };
    for (run, calls) in [("run-7", 100), ("run-8", 0)] {
        let query = SummaryQuery { filter: of_run(run), group_by: Vec::new() };
        assert_eq!(Summary::of(&mut ledger, &query).unwrap().totals.calls, calls);
    }
}
