//! Forks in the middle of everything.
#![expect(clippy::unwrap_used, reason = "the lints know test functions, not their helpers")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Options, SinkChoice};
use crate::engine::Llmlab;
use crate::error::ErrorCode;
use crate::event::{Call, Facts, Operation, Status, Subject};
use crate::fork::tests::{Way, alone, holds_in_child};
use crate::ledger::{Ledger, catch_up};
use crate::report::{Summary, SummaryQuery};
use crate::spool::testing::is_soak;
use crate::usage::{Dimension, Usage};

const LONG: Duration = Duration::from_secs(60);

fn until(condition: impl Fn() -> bool) {
    let start = SystemClock.now();
    while !condition() {
        assert!(SystemClock.now().ns_since(start) < 60_000_000_000, "the condition never came");
        std::thread::yield_now();
    }
}

fn client(home: &Path, options: &str) -> Llmlab {
    let variable = |name: &str| (name == "LLMLAB_HOME").then(|| home.display().to_string());
    let config = Config::resolve(Options::from_json(options).unwrap(), &variable).unwrap();
    Llmlab::new(config, Arc::new(SystemClock)).unwrap()
}

fn record(lab: &Llmlab, calls: u64) {
    for _ in 0..calls {
        let mut call = Call::new(Operation::Chat);
        call.provider = Some("openai".into());
        call.model = Some("gpt-4o-mini".to_owned());
        call.usage = Usage::new().with(Dimension::Input, 1_000).with(Dimension::Output, 500);
        let subject = Subject::Call(Box::new(call));
        let unix_ns = 1_790_000_000_000_000_000;
        lab.record(Facts { unix_ns, latency_ns: None, status: Status::Ok, error_type: None, subject }, None);
    }
}

/// What the ledger says, after everything that lies about was taken in.
fn calls_in_ledger(home: &Path) -> u64 {
    catch_up(home).unwrap();
    let mut ledger = Ledger::read(&Ledger::path_in(home)).unwrap();
    Summary::of(&mut ledger, &SummaryQuery::default()).unwrap().totals.calls
}

// Sabotage: an outbox that is not made anew; a child that opens the ledger; a lock of `parking_lot` around the intake.
#[test]
fn parent_and_children_record_while_threads_do_and_every_call_counts_once() {
    let forks = if is_soak() { 300 } else { 30 };
    let _alone = alone();
    let home = tempfile::tempdir().unwrap();
    let lab = client(home.path(), "{}");
    let is_over = AtomicBool::new(false);
    let by_threads = std::thread::scope(|scope| {
        let hammer = || {
            let mut recorded = 0;
            while !is_over.load(Ordering::SeqCst) {
                record(&lab, 10);
                recorded += 10;
                std::thread::yield_now();
            }
            recorded
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(hammer)).collect();
        until(|| lab.stats().events.recorded > 100);
        for fork in 0..forks {
            let way = if fork % 2 == 0 { Way::Fork } else { Way::Clone };
            let held = holds_in_child(way, || {
                record(&lab, 100);
                let pending = lab.flush(LONG).pending;
                // The child's child, and the numbers of its own.
                let grandchild = holds_in_child(way, || {
                    record(&lab, 1);
                    lab.stats().events.recorded == 1 && lab.exit_flush().pending == 1
                });
                let stats = lab.exit_flush();
                pending == 100 && grandchild && stats.pending == 100 && stats.dropped == 0
            });
            assert!(held, "{fork} {way:?}");
        }
        is_over.store(true, Ordering::SeqCst);
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u64>()
    });
    let report = lab.shutdown(LONG);
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(report.delivered, by_threads);
    assert_eq!(calls_in_ledger(home.path()), by_threads + forks * 101);
}

// Sabotage: a summary that opens `SQLite` in the child.
#[test]
fn a_child_says_at_once_that_it_cannot_read_the_ledger() {
    let _alone = alone();
    let home = tempfile::tempdir().unwrap();
    let lab = client(home.path(), "{}");
    record(&lab, 1);
    assert_eq!(lab.summary(&SummaryQuery::default()).unwrap().totals.calls, 1);
    for way in [Way::Fork, Way::Clone] {
        assert!(holds_in_child(way, || {
            let error = lab.summary(&SummaryQuery::default()).unwrap_err();
            error.code() == ErrorCode::Storage && error.to_string().contains("llmlab status")
        }));
    }
    assert_eq!(lab.summary(&SummaryQuery::default()).unwrap().totals.calls, 1);
}

// Sabotage: an outlet that takes the sink in the child as well.
#[test]
fn a_child_leaves_a_sink_of_the_applications_to_its_parent() {
    let _alone = alone();
    let home = tempfile::tempdir().unwrap();
    let (sender, events) = std::sync::mpsc::channel();
    let sink = SinkChoice::function("here", move |batch| sender.send(batch.events.len()));
    let lab = Llmlab::builder().home(home.path()).sink(sink).build().unwrap();
    record(&lab, 1);
    for way in [Way::Fork, Way::Clone] {
        assert!(holds_in_child(way, || {
            record(&lab, 2);
            lab.exit_flush().pending == 2
        }));
    }
    lab.drain(LONG);
    assert_eq!(events.try_iter().sum::<usize>(), 5);
}

#[test]
fn a_child_delivers_to_what_needs_no_ledger() {
    let _alone = alone();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("calls.jsonl");
    let options = serde_json::json!({"sinks": ["ledger", format!("jsonl:{}", file.display())]}).to_string();
    let lab = client(home.path(), &options);
    record(&lab, 1);
    for way in [Way::Fork, Way::Clone] {
        assert!(holds_in_child(way, || {
            record(&lab, 100);
            lab.flush(LONG);
            let sinks = lab.stats().events.sinks;
            lab.exit_flush();
            sinks[0].delivered == 0 && sinks[1].delivered == 100
        }));
    }
    assert!(lab.shutdown(LONG).is_complete());
    assert_eq!(std::fs::read_to_string(file).unwrap().lines().count(), 201);
    assert_eq!(calls_in_ledger(home.path()), 201);
}
