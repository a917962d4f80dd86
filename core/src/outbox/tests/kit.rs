//! An outbox with everything around it in the hands of the test.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};

use crate::clock::tests::ManualClock;
use crate::clock::{Clock, SystemClock};
use crate::error::Result;
use crate::event::{Event, EventId};
use crate::io::Io;
use crate::money::Money;
use crate::outbox::outlet::{Courier, Delivery, Outlet, Route};
use crate::outbox::settings::Settings;
use crate::outbox::{Counters, Kept, Outbox, Parts};
use crate::sink::{Answer, Batch, Failure, Guarantee, Message, Receipt, Remote, Verdict};
use crate::spool::testing::{call, header};
use crate::spool::{Disk, RealDisk};

pub(super) const SECOND_NS: u64 = 1_000_000_000;
pub(super) const LONG: std::time::Duration = std::time::Duration::from_secs(60);

/// An outbox, its thread, its clock.
pub(super) struct Kit {
    pub(super) outbox: Outbox,
    pub(super) io: Arc<Io>,
    pub(super) clock: Arc<ManualClock>,
    next: AtomicU64,
}

impl Kit {
    pub(super) fn new(home: &Path, outlets: Vec<(String, Outlet)>) -> Self {
        Self::with(home, Settings::default(), Arc::new(RealDisk), outlets)
    }

    pub(super) fn with(home: &Path, settings: Settings, disk: Arc<dyn Disk>, outlets: Vec<(String, Outlet)>) -> Self {
        Self::on(home, settings, disk, outlets, Arc::default())
    }

    pub(super) fn on(
        home: &Path,
        settings: Settings,
        disk: Arc<dyn Disk>,
        outlets: Vec<(String, Outlet)>,
        io: Arc<Io>,
    ) -> Self {
        let clock = Arc::new(ManualClock::default());
        clock.set_unix_ns(call(0).facts.unix_ns);
        let its_clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let parts =
            Parts { home, origin: header().origin, settings, clock: its_clock, io: Arc::clone(&io), disk, outlets };
        Self { outbox: Outbox::of(parts), io, clock, next: AtomicU64::new(0) }
    }

    pub(super) fn event(&self) -> Event {
        let mut event = call(self.next.fetch_add(1, Ordering::SeqCst));
        event.id.writer = self.outbox.writer();
        event
    }

    pub(super) fn post(&self, events: u64) -> Vec<Kept> {
        (0..events).map(|_| self.outbox.post(&self.event())).collect()
    }

    /// The books, which balance for every sink.
    pub(super) fn books(&self) -> Counters {
        let books = self.outbox.counters();
        assert!(books.recorded <= self.next.load(Ordering::SeqCst), "{books:?}");
        for sink in &books.sinks {
            let gone = sink.delivered + sink.rolled_up + sink.dropped_total();
            assert_eq!(books.recorded, gone + sink.spooled + books.in_memory, "{books:?}");
        }
        books
    }

    /// Waits until the thread has looked at everything once, from beginning to end.
    pub(super) fn look(&self) -> Counters {
        let rounds = self.io.rounds();
        self.io.wake();
        // One may have been under way.
        until(|| self.io.rounds() > rounds);
        self.io.wake();
        until(|| self.io.rounds() > rounds + 1);
        self.books()
    }

    pub(super) fn pass(&self, seconds: u64) -> Counters {
        self.clock.advance_ns(seconds * SECOND_NS);
        self.look()
    }
}

pub(super) fn settings() -> Settings {
    Settings::default()
}

pub(super) fn until(condition: impl Fn() -> bool) {
    let start = SystemClock.now();
    while !condition() {
        assert!(SystemClock.now().ns_since(start) < 60 * SECOND_NS, "the condition never came");
        std::thread::yield_now();
    }
}

/// A server, and what is said to it and carried to it.
#[derive(Clone, Default)]
pub(super) struct Server(Arc<(Mutex<Inside>, Condvar)>);

#[derive(Default)]
struct Inside {
    mood: Mood,
    /// What was asked of the translator and is on its way.
    asked: VecDeque<Vec<Event>>,
    stored: HashMap<EventId, (u64, Option<Money>)>,
    requests: Vec<usize>,
    is_compressed: Vec<bool>,
}

/// What the server does with a request.
#[derive(Clone, Default)]
pub(super) enum Mood {
    #[default]
    Stores,
    /// Stores, and the answer is lost.
    Swallows,
    /// There is nobody.
    Gone,
    /// Answers as told.
    Says(Answer),
    /// The client has an error of its own.
    Panics,
    /// Does not take requests with one of these events in them.
    Chokes(Vec<u64>),
}

impl Server {
    pub(super) fn mood(&self, mood: Mood) {
        self.0.0.lock().mood = mood;
    }

    pub(super) fn requests(&self) -> Vec<usize> {
        self.0.0.lock().requests.clone()
    }

    pub(super) fn compressions(&self) -> Vec<bool> {
        self.0.0.lock().is_compressed.clone()
    }

    pub(super) fn has(&self) -> u64 {
        self.0.0.lock().stored.len() as u64
    }

    /// The calls that everything stored stands for, and what they cost: each event once, however often it was sent.
    pub(super) fn totals(&self) -> (u64, Money) {
        let inside = self.0.0.lock();
        let calls = inside.stored.values().map(|(calls, _)| calls).sum();
        (calls, inside.stored.values().filter_map(|(_, cost)| *cost).sum())
    }

    pub(super) fn outlet(&self, guarantee: Guarantee) -> (String, Outlet) {
        let remote = Translator { server: self.clone(), guarantee };
        ("llmlab-test".into(), Outlet::Remote(Box::new(remote), Route::Open(Arc::new(self.clone()))))
    }

    /// The real translator of our protocol in front of this server.
    pub(super) fn outlet_of(&self, remote: Box<dyn Remote>) -> (String, Outlet) {
        ("llmlab-test".into(), Outlet::Remote(remote, Route::Open(Arc::new(self.clone()))))
    }
}

struct Translator {
    server: Server,
    guarantee: Guarantee,
}

impl Remote for Translator {
    fn name(&self) -> &'static str {
        "test"
    }

    fn guarantee(&self) -> Guarantee {
        self.guarantee
    }

    fn max_events(&self) -> usize {
        1_000
    }

    fn request(&mut self, batch: &Batch, events: Range<usize>) -> Result<Option<Message>> {
        self.server.0.0.lock().asked.push_back(batch.events[events].to_vec());
        Ok(Some(Message { url: String::new(), headers: Vec::new(), body: Vec::new() }))
    }

    fn judge(&self, _batch: &Batch, events: Range<usize>, answer: &Answer, _now_unix_ns: i64) -> Verdict {
        match answer.status {
            200 => Verdict::Receipt(Receipt { stored: events.len() as u64, ..Receipt::default() }),
            413 => Verdict::Split { reason: "too large".into() },
            415 => Verdict::Uncompressed,
            401 => Verdict::Pause { reason: "no such key".into() },
            _ => {
                let seconds = answer.retry_after.as_deref().and_then(|seconds| seconds.parse().ok());
                Verdict::Retry { after: seconds.map(std::time::Duration::from_secs), reason: "busy".into() }
            }
        }
    }
}

impl Courier for Server {
    fn send(self: Arc<Self>, _message: Message, is_compressed: bool) -> Delivery {
        let mut inside = self.0.0.lock();
        let events = inside.asked.pop_front().unwrap_or_default();
        inside.requests.push(events.len());
        inside.is_compressed.push(is_compressed);
        let status = |status| Ok(Answer { status, ..Answer::default() });
        let lost = || Err(Failure::Transient("connection lost".into()));
        let mood = inside.mood.clone();
        let mut store = || {
            for event in &events {
                let (calls, cost) = (event.facts.tally().calls, event.charge.and_then(|charge| charge.total));
                let before = inside.stored.insert(event.id, (calls, cost));
                assert!(before.is_none_or(|before| before == (calls, cost)), "two events of one id");
            }
        };
        let answer = match mood {
            Mood::Swallows => {
                store();
                lost()
            }
            Mood::Gone => lost(),
            Mood::Panics => return Box::pin(async { panic!("a panic that a test wants") }),
            Mood::Says(answer) => Ok(answer),
            Mood::Chokes(ref on) if events.iter().any(|event| on.contains(&event.id.counter)) => status(413),
            Mood::Stores | Mood::Chokes(_) => {
                store();
                status(200)
            }
        };
        Box::pin(std::future::ready(answer))
    }
}
