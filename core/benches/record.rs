//! What recording costs the thread of the host. `pwrite` alone is the machine's own share.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot prepare itself must not print a figure")]

use std::fs::File;
use std::sync::Arc;

use divan::Bencher;
use llmlab::clock::{Clock, SystemClock};
use llmlab::error::Result;
use llmlab::event::Event;
use llmlab::outbox::Outbox;
use llmlab::sink::{Batch, Guarantee, Receipt, Sink};

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
    let outbox = Outbox::with_sink(home.path(), Arc::clone(&event.origin), clock, Box::new(Nowhere));
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
        let outbox = Outbox::new(home.path(), Arc::clone(&event.origin), Arc::new(SystemClock));
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
