//! What recording costs the thread of the host. `pwrite` alone is the machine's own share.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot prepare itself must not print a figure")]

use std::fs::File;
use std::sync::Arc;

use divan::Bencher;
use llmlab::clock::{Clock, SystemClock};
use llmlab::error::Result;
use llmlab::event::{Event, Facts, Subject};
use llmlab::io::Io;
use llmlab::outbox::{Outbox, Settings};
use llmlab::sink::{Batch, Guarantee, Receipt, Sink};
use llmlab::{Config, Llmlab, Options};

#[path = "sample.rs"]
mod sample;

fn main() {
    divan::main();
}

/// Takes everything, so that the disk does not fill up.
struct Nowhere;

impl Sink for Nowhere {
    fn name(&self) -> &'static str {
        "nowhere"
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce
    }

    fn deliver(&mut self, batches: &[Batch]) -> Result<Vec<Receipt>> {
        Ok(batches
            .iter()
            .map(|batch| Receipt { stored: batch.events.len() as u64, duplicates: 0, ..Receipt::default() })
            .collect())
    }
}

struct Recording {
    outbox: Outbox,
    event: Event,
    _home: tempfile::TempDir,
}

fn recording() -> Recording {
    let home = tempfile::tempdir().unwrap();
    let mut event = sample::call(0);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (origin, sinks) = (Arc::clone(&event.origin), vec![Box::new(Nowhere) as Box<dyn Sink>]);
    let outbox = Outbox::with_sinks(home.path(), origin, Settings::default(), clock, Arc::new(Io::default()), sinks);
    event.id.writer = outbox.writer();
    outbox.post(&event);
    Recording { outbox, event, _home: home }
}

/// One event: encode, lock, `pwrite`; the hundredth makes a new file.
#[divan::bench(sample_count = 20_000, sample_size = 10)]
fn post(bencher: Bencher) {
    let mut recording = recording();
    bencher.bench_local(|| {
        recording.event.id.counter += 1;
        recording.outbox.post(&recording.event);
    });
    assert!(recording.outbox.counters().recorded >= 200_000);
    assert_eq!(recording.outbox.counters().in_memory, 0);
}

fn client(home: &std::path::Path) -> Llmlab {
    let home = home.to_str().map(str::to_owned);
    let variable = |name: &str| home.clone().filter(|_| name == "LLMLAB_HOME");
    Llmlab::new(Config::resolve(Options::default(), &variable).unwrap(), Arc::new(SystemClock)).unwrap()
}

/// A call without an id, which would be recorded once.
fn facts() -> Facts {
    let mut facts = sample::call(0).facts;
    if let Subject::Call(call) = &mut facts.subject {
        call.response_id = None;
    }
    facts
}

/// What a client adds to that: the price, and the copies of the facts. The ledger takes the events in meanwhile.
#[divan::bench(sample_count = 20_000, sample_size = 10)]
fn record(bencher: Bencher) {
    let home = tempfile::tempdir().unwrap();
    let lab = client(home.path());
    bencher.with_inputs(facts).bench_local_values(|facts| assert!(lab.record(facts, None).is_some()));
    let events = lab.stats().events;
    assert!(events.recorded >= 200_000);
    assert_eq!(events.in_memory, 0);
}

/// A thousand calls recorded without the spool, because there is no disk for it: price, encode, keep in memory.
#[divan::bench(sample_count = 500, sample_size = 1)]
fn record_1000_without_a_disk(bencher: Bencher) {
    let inputs = || (client(std::path::Path::new("/dev/null/none")), vec![facts(); 1_000]);
    bencher.with_inputs(inputs).bench_local_values(|(lab, facts)| {
        for facts in facts {
            lab.record(facts, None);
        }
        assert_eq!(lab.stats().events.in_memory, 1_000);
        lab
    });
}

/// 100,000 events from one thread, until all are delivered.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn post_100_000_and_deliver(bencher: Bencher) {
    bencher.with_inputs(recording).bench_local_values(|mut recording| {
        for counter in 1..100_000 {
            recording.event.id.counter = counter;
            recording.outbox.post(&recording.event);
        }
        assert_eq!(recording.outbox.flush(std::time::Duration::from_secs(60)).delivered, 100_000);
    });
}

/// From the first event to the end of a short program, on a home that is made for it: what an exit adds.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn a_whole_life(bencher: Bencher) {
    bencher.with_inputs(|| tempfile::tempdir().unwrap()).bench_local_refs(|home| {
        let mut event = sample::call(0);
        let outbox = Outbox::new(home.path(), Arc::clone(&event.origin), Settings::default(), Arc::new(SystemClock));
        event.id.writer = outbox.writer();
        outbox.post(&event);
        assert_eq!(outbox.shutdown(std::time::Duration::from_secs(1)).delivered, 1);
    });
}

/// The bytes of an event, and nothing else of the machine.
#[divan::bench(sample_count = 20_000, sample_size = 10)]
fn pwrite_alone(bencher: Bencher) {
    let file: File = tempfile::tempfile().unwrap();
    let bytes = [7; 190];
    let mut offset = 0;
    bencher.bench_local(|| {
        offset = (offset + 190) % (512 * 1024);
        std::os::unix::fs::FileExt::write_at(&file, &bytes, offset).unwrap()
    });
}
