//! The ledger: how fast it takes events in, how large they are in it, and how long a summary takes over a million.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot prepare itself must not print a figure"
)]

use std::sync::OnceLock;

use divan::Bencher;
use divan::counter::ItemsCount;
use llmlab::ledger::{Filter, GroupBy, Ledger};
use llmlab::report::{Summary, SummaryQuery};
use llmlab::sink::Batch;

#[path = "sample.rs"]
mod sample;

const EVENTS: u64 = 1_000_000;
/// What the thread that delivers gives to the ledger at once.
const AT_ONCE: usize = 4_000;

fn main() {
    divan::main();
}

fn batches(first: u64) -> Vec<Batch> {
    let batch = |start: u64| {
        let events: Vec<_> = (start..start + 100).map(sample::call).collect();
        Batch { id: start.to_string(), origin: events[0].origin.clone(), events }
    };
    (first..first + AT_ONCE as u64).step_by(100).map(batch).collect()
}

/// A transaction of 4,000 events, on top of those before it.
#[divan::bench(sample_count = 50, sample_size = 1)]
fn ingest(bencher: Bencher) {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(&Ledger::path_in(home.path())).unwrap();
    let mut next = 0;
    bencher
        .counter(ItemsCount::new(AT_ONCE))
        .with_inputs(|| {
            next += AT_ONCE as u64;
            batches(next)
        })
        .bench_local_values(|batches| {
            let stored: u64 = ledger.ingest(&batches).unwrap().iter().map(|receipt| receipt.stored).sum();
            assert_eq!(stored, AT_ONCE as u64);
        });
}

/// A ledger of a million events, over thirty days.
fn million() -> &'static tempfile::TempDir {
    static HOME: OnceLock<tempfile::TempDir> = OnceLock::new();
    HOME.get_or_init(|| {
        let home = tempfile::tempdir().unwrap();
        let path = Ledger::path_in(home.path());
        let mut ledger = Ledger::open(&path).unwrap();
        for first in (0..EVENTS).step_by(AT_ONCE) {
            ledger.ingest(&batches(first)).unwrap();
        }
        drop(ledger);
        let bytes = path.metadata().unwrap().len();
        println!("size of the ledger: {} bytes an event", bytes / EVENTS);
        home
    })
}

fn summary(bencher: Bencher, query: &SummaryQuery, calls: u64) {
    let path = Ledger::path_in(million().path());
    bencher.bench_local(|| {
        let mut ledger = Ledger::read(&path).unwrap();
        let summary = Summary::of(&mut ledger, query).unwrap();
        assert_eq!(summary.totals.calls, calls);
        summary
    });
}

/// What `llmlab status` asks, with the opening of the ledger.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn status_over_a_million(bencher: Bencher) {
    let group_by = vec![GroupBy::Provider, GroupBy::Model, GroupBy::Feature];
    summary(bencher, &SummaryQuery { group_by, ..SummaryQuery::default() }, EVENTS);
}

/// Counted from single events.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn users_over_a_million(bencher: Bencher) {
    summary(bencher, &SummaryQuery { group_by: vec![GroupBy::User], ..SummaryQuery::default() }, EVENTS);
}

/// The export of a million events.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn export_a_million(bencher: Bencher) {
    let path = Ledger::path_in(million().path());
    bencher.bench_local(|| {
        let mut ledger = Ledger::read(&path).unwrap();
        let mut events = 0;
        let count = &mut |_| {
            events += 1;
            Ok(())
        };
        ledger.for_each_event(&Filter::default(), count).unwrap();
        assert_eq!(events, EVENTS);
    });
}
