//! A writer of events, and the checks of its books.
#![expect(clippy::unwrap_used, reason = "the lints know test functions, not their helpers")]

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use llmlab::clock::{Clock, SystemClock};
use llmlab::event::{
    Attribution, Call, Charge, CostSource, CostState, Event, EventId, Facts, Operation, Origin, Status, Subject,
};
use llmlab::io::Io;
use llmlab::ledger::{Filter, Ledger};
use llmlab::outbox::{Counters, Outbox, Settings};
use llmlab::report::{Summary, SummaryQuery};
use llmlab::sink::Sink;
use llmlab::{Dimension, Money, Usage};

pub(crate) const LONG: Duration = Duration::from_secs(60);
/// 0.000123456789012345 USD: its atto-dollars must survive every sum.
pub(crate) const COST: Money = Money::from_atto(123_456_789_012_345);

/// A writer of events, on an I/O thread of its own: what one test does to it is no other's business.
pub(crate) struct Recorder {
    pub(crate) outbox: Outbox,
    pub(crate) origin: Arc<Origin>,
    pub(crate) attribution: Arc<Attribution>,
    pub(crate) next: AtomicU64,
}

pub(crate) fn origin(project: &str) -> Arc<Origin> {
    Arc::new(Origin { project: project.into(), run_id: Some("run-7".into()), ..Origin::default() })
}

impl Recorder {
    /// With the ledger, as a default install has it.
    pub(crate) fn new(home: &Path) -> Self {
        let settings = Settings::default();
        let outbox = Outbox::new(home, origin("shop"), settings, Arc::new(SystemClock));
        Self::over(outbox)
    }

    pub(crate) fn with_sink(home: &Path, sink: impl Sink + 'static) -> Self {
        Self::with_sinks(home, Settings::default(), Arc::new(SystemClock), vec![Box::new(sink)])
    }

    pub(crate) fn with_sinks(
        home: &Path,
        settings: Settings,
        clock: Arc<dyn Clock>,
        sinks: Vec<Box<dyn Sink>>,
    ) -> Self {
        let io = Arc::new(Io::default());
        Self::over(Outbox::with_sinks(home, origin("shop"), settings, clock, io, sinks))
    }

    pub(crate) fn over(outbox: Outbox) -> Self {
        let attribution = Attribution { feature: Some("search".into()), ..Attribution::default() };
        Self { outbox, origin: origin("shop"), attribution: Arc::new(attribution), next: AtomicU64::new(0) }
    }

    pub(crate) fn event(&self) -> Event {
        let mut call = Call::new(Operation::Chat);
        call.provider = Some("openai".into());
        call.model = Some("gpt-5".into());
        call.usage = Usage::new().with(Dimension::Input, 10).with(Dimension::Output, 5);
        Event {
            id: EventId { writer: self.outbox.writer(), counter: self.next.fetch_add(1, Ordering::Relaxed) },
            origin: Arc::clone(&self.origin),
            attribution: Arc::clone(&self.attribution),
            facts: Facts {
                unix_ns: SystemClock.now().unix_ns,
                latency_ns: Some(1_000_000),
                status: Status::Ok,
                error_type: None,
                subject: Subject::Call(Box::new(call)),
            },
            charge: Some(Charge {
                total: Some(COST),
                state: CostState::Priced,
                source: CostSource::Catalogue,
                catalogue_version: 1,
                matched_by: None,
            }),
        }
    }

    pub(crate) fn record(&self, events: u64) {
        for _ in 0..events {
            self.outbox.post(&self.event());
        }
    }

    /// The books, which balance at any moment, for every sink.
    pub(crate) fn books(&self) -> Counters {
        let books = self.outbox.counters();
        assert!(books.recorded <= self.next.load(Ordering::SeqCst), "{books:?}");
        for sink in &books.sinks {
            let gone = sink.delivered + sink.rolled_up + sink.dropped_total();
            assert_eq!(books.recorded, gone + sink.spooled + books.in_memory, "{books:?}");
        }
        let gone = books.delivered + books.rolled_up + books.dropped_total();
        assert_eq!(books.recorded, gone + books.spooled + books.in_memory, "{books:?}");
        books
    }
}

/// The ids in the ledger; none of them twice.
pub(crate) fn stored(home: &Path) -> HashSet<String> {
    let mut times = HashMap::<String, u32>::new();
    let mut ledger = Ledger::read(&Ledger::path_in(home)).unwrap();
    let count = &mut |event: Event| {
        *times.entry(event.id.to_string()).or_default() += 1;
        Ok(())
    };
    ledger.for_each_event(&Filter::default(), count).unwrap();
    assert!(times.values().all(|&count| count == 1), "an event is stored twice");
    // The rollups tell the same story, to the atto-dollar.
    let summary = Summary::of(&mut ledger, &SummaryQuery::default()).unwrap();
    assert_eq!(summary.totals.calls, times.len() as u64);
    assert_eq!(summary.totals.cost, (0..times.len()).map(|_| COST).sum());
    times.into_keys().collect()
}

/// The files in the spool, with the folder of their destination, without the file of a living writer.
pub(crate) fn segments(home: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![home.join("spool/shop")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(home.join("spool/shop")).unwrap().display().to_string();
            match path.extension().and_then(|extension| extension.to_str()) {
                None if path.is_dir() => folders.push(path),
                Some("ready" | "open" | "fold" | "kept" | "seen") => names.push(name),
                _ => {}
            }
        }
    }
    names.sort();
    names
}

pub(crate) fn until(condition: impl Fn() -> bool) {
    let start = SystemClock.now();
    while !condition() {
        assert!(SystemClock.now().ns_since(start) < 60_000_000_000, "the condition never came");
        std::thread::yield_now();
    }
}
