//! Homes, disks, ledgers and sinks that fail.

use std::sync::Arc;
use std::time::Duration;

use llmlab::ErrorCode;
use llmlab::event::{Attribution, Event, EventId};
use llmlab::ledger::{Ledger, catch_up};
use llmlab::outbox::Outbox;

use crate::fickle::Fickle;
use crate::recorder::{LONG, Recorder, segments, stored, until};

/// A flush that goes on trying ends here; the first try is made at once.
const SOON: Duration = Duration::from_secs(2);

#[test]
fn a_home_that_cannot_be_written_degrades_to_memory_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    // A file in the place of the home: not even root can make a folder in it.
    std::fs::write(&home, "").unwrap();
    assert_eq!(Outbox::check(&home).unwrap_err().code(), ErrorCode::Storage);
    let recorder = Recorder::new(&home);
    recorder.record(10);
    let books = recorder.books();
    assert_eq!((books.in_memory, books.spooled), (10, 0));
    let warning = recorder.outbox.take_warning().unwrap();
    assert!(warning.contains("home") && warning.contains("LLMLAB_HOME"), "{warning}");
    assert_eq!(recorder.outbox.take_warning(), None, "a warning is given once");
    assert_eq!(recorder.outbox.flush(Duration::ZERO).pending, 10);
    std::fs::remove_file(&home).unwrap();
    Outbox::check(&home).unwrap();
    let report = recorder.outbox.flush(LONG);
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(report.last_error, None);
    assert_eq!(stored(&home).len(), 10);
    recorder.books();
}

#[test]
fn the_memory_for_events_without_a_spool_is_bounded_and_what_is_dropped_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    std::fs::write(&home, "").unwrap();
    let recorder = Recorder::new(&home);
    let tags = vec![("note".to_owned(), "x".repeat(40_000))];
    let attribution = Arc::new(Attribution { tags, ..Attribution::default() });
    for _ in 0..200 {
        recorder.outbox.post(&Event { attribution: Arc::clone(&attribution), ..recorder.event() });
    }
    let books = recorder.books();
    assert_eq!(books.dropped, [("memory_full", 200 - books.in_memory)]);
    assert!((90..110).contains(&books.in_memory), "{books:?}");
}

#[test]
fn an_event_too_long_for_a_frame_loses_its_tags_and_the_ends_of_its_texts_and_not_its_cost() {
    let home = tempfile::tempdir().unwrap();
    let recorder = Recorder::new(home.path());
    let tags = vec![("prompt".to_owned(), "x".repeat(100_000))];
    let attribution = Arc::new(Attribution { tags, ..Attribution::default() });
    recorder.outbox.post(&Event { attribution, ..recorder.event() });
    let mut too_long = recorder.event();
    too_long.facts.error_type = Some("x".repeat(100_000));
    recorder.outbox.post(&too_long);
    let foreign = Event { id: EventId { writer: [0; 16], counter: 0 }, ..recorder.event() };
    recorder.outbox.post(&foreign);
    let report = recorder.outbox.shutdown(LONG);
    assert_eq!((report.delivered, report.dropped), (2, 1));
    assert_eq!(recorder.books().dropped, [("foreign", 1)]);
    assert_eq!(stored(home.path()).len(), 2);
}

#[test]
fn a_flush_tells_of_a_failure_and_the_next_one_delivers() {
    let home = tempfile::tempdir().unwrap();
    let sink = Fickle::default();
    sink.plan(|plan| plan.failing = true);
    let recorder = Recorder::with_sink(home.path(), sink.clone());
    recorder.record(5);
    let report = recorder.outbox.flush(SOON);
    assert_eq!((report.delivered, report.pending, report.last_error.as_deref()), (0, 5, Some("failed as planned")));
    recorder.books();
    sink.plan(|plan| plan.failing = false);
    let report = recorder.outbox.flush(LONG);
    assert_eq!((report.delivered, report.pending, report.last_error), (5, 0, None));
    assert_eq!(sink.unique(), 5);
}

#[test]
fn a_segment_stays_until_a_receipt_accounts_for_every_event() {
    let home = tempfile::tempdir().unwrap();
    let sink = Fickle::default();
    sink.plan(|plan| plan.short_receipts = true);
    let recorder = Recorder::with_sink(home.path(), sink.clone());
    recorder.record(5);
    let report = recorder.outbox.flush(SOON);
    assert_eq!(report.pending, 5);
    assert_eq!(segments(home.path()).iter().filter(|name| name.contains(".ready")).count(), 1);
    assert!(report.last_error.unwrap().contains("account for every event"));
    sink.plan(|plan| plan.short_receipts = false);
    assert!(recorder.outbox.flush(LONG).is_complete());
    assert_eq!(segments(home.path()), [""; 0]);
    recorder.books();
}

#[test]
fn a_sink_that_panics_costs_no_event_and_not_the_thread() {
    let home = tempfile::tempdir().unwrap();
    let sink = Fickle::default();
    sink.plan(|plan| plan.panicking = true);
    let recorder = Recorder::with_sink(home.path(), sink.clone());
    recorder.record(5);
    assert!(recorder.outbox.flush(SOON).last_error.unwrap().contains("panic"));
    sink.plan(|plan| plan.panicking = false);
    assert!(recorder.outbox.flush(LONG).is_complete());
    assert_eq!(sink.unique(), 5);
}

#[test]
fn a_silent_sink_holds_up_neither_the_host_nor_the_exit() {
    let home = tempfile::tempdir().unwrap();
    let sink = Fickle::default();
    sink.plan(|plan| plan.closed = true);
    let recorder = Recorder::with_sink(home.path(), sink.clone());
    recorder.record(1_000);
    let report = recorder.outbox.shutdown(Duration::from_millis(1));
    assert_eq!((report.delivered, report.pending), (0, 1_000));
    assert_eq!(recorder.books().spooled, 1_000);
    drop(recorder);
    // What is left is found by the next reader, while the first sink still has it in hand.
    assert_eq!(catch_up(home.path()).unwrap().stored, 1_000);
    sink.plan(|plan| plan.closed = false);
}

#[test]
fn what_a_dead_writer_left_is_adopted_by_the_next_one_of_its_project() {
    let home = tempfile::tempdir().unwrap();
    let sink = Fickle::default();
    sink.plan(|plan| plan.failing = true);
    let dead = Recorder::with_sink(home.path(), sink.clone());
    dead.record(250);
    drop(dead);
    // Its thread holds on to the lock for a moment.
    until(|| llmlab::spool::status(home.path())[0].living == 0);
    sink.plan(|plan| plan.failing = false);
    let recorder = Recorder::with_sink(home.path(), sink.clone());
    recorder.record(1);
    until(|| recorder.outbox.counters().adopted == 250);
    assert!(recorder.outbox.shutdown(LONG).is_complete());
    assert_eq!(recorder.books().recorded, 1);
    assert_eq!(sink.unique(), 251);
    assert_eq!(segments(home.path()), [""; 0]);
}

#[test]
fn a_segment_that_was_damaged_on_disk_is_counted_as_corrupt() {
    let home = tempfile::tempdir().unwrap();
    let sink = Fickle::default();
    sink.plan(|plan| plan.failing = true);
    let recorder = Recorder::with_sink(home.path(), sink.clone());
    recorder.record(5);
    recorder.outbox.flush(SOON);
    let path = home.path().join("spool/shop").join(&segments(home.path())[0]);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    sink.plan(|plan| plan.failing = false);
    let report = recorder.outbox.flush(LONG);
    assert_eq!((report.delivered, report.dropped), (4, 1));
    assert_eq!(recorder.books().dropped, [("corrupt", 1)]);
    assert_eq!(segments(home.path())[0].rsplit('.').next(), Some("kept"));
}

#[test]
fn a_ledger_that_cannot_be_opened_loses_nothing() {
    let home = tempfile::tempdir().unwrap();
    let ledger = Ledger::path_in(home.path());
    std::fs::write(&ledger, "no database at all, but long enough to look at".repeat(100)).unwrap();
    let recorder = Recorder::new(home.path());
    recorder.record(120);
    let report = recorder.outbox.flush(SOON);
    assert_eq!((report.delivered, report.pending), (0, 120));
    assert!(report.last_error.unwrap().contains("move it away"));
    std::fs::rename(&ledger, home.path().join("moved")).unwrap();
    assert!(recorder.outbox.flush(LONG).is_complete());
    assert_eq!(stored(home.path()).len(), 120);
}

// Sabotage: without `is_adrift` every event goes into a file that has no name any more, and counts as delivered.
#[cfg(unix)]
#[test]
fn a_ledger_that_is_removed_under_its_writer_is_made_anew() {
    let home = tempfile::tempdir().unwrap();
    let recorder = Recorder::new(home.path());
    recorder.record(10);
    assert!(recorder.outbox.flush(LONG).is_complete());
    let ledger = Ledger::path_in(home.path());
    for ending in ["", "-wal", "-shm"] {
        std::fs::remove_file(format!("{}{ending}", ledger.display())).unwrap();
    }
    recorder.record(150);
    assert!(recorder.outbox.flush(LONG).is_complete());
    assert_eq!(stored(home.path()).len(), 150);
    recorder.record(1);
    assert!(recorder.outbox.shutdown(LONG).is_complete());
    assert_eq!((recorder.books().delivered, stored(home.path()).len()), (161, 151));
}
