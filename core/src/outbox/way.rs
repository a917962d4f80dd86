//! The way of sealed segments to one sink, walked by the I/O thread: what waits, whose turn it is, and what became of it.

use std::collections::VecDeque;

use crossbeam_channel::Sender;

use super::books::Tally;
use super::counters::SinkState;
use super::outlet::Outlet;
use super::shared::Shared;
use crate::backoff::{Random, SECOND_NS};
use crate::error::Error;
use crate::io::Hands;
use crate::io::lane::{End, Lane};
use crate::moment::Moment;
use crate::sink::{Answer, Failure};
use crate::spool::{Queue, Sealed, SegmentName};

mod bounds;
mod flight;
mod host;
mod local;
mod remote;

use flight::Flight;

/// What the wait of another process may be before we take it for a clock that was set back.
const LONGEST_HOLD_NS: i64 = 4_500_000_000_000;

pub(super) struct Way {
    index: usize,
    queue: Queue,
    outlet: Outlet,
    lane: Lane,
    random: Random,
    /// Oldest first.
    waiting: VecDeque<Item>,
    /// Of what waits; those of others have not told theirs.
    waiting_bytes: u64,
    /// Below, folding would find what it found the last time.
    fold_at_bytes: u64,
    /// Could not be read; tried again when orphans are looked for.
    aside: Vec<Item>,
    flight: Option<Flight>,
    settled: u64,
    /// Flushes, with the number of settled segments that answers them.
    promises: VecDeque<(u64, u64)>,
    /// Until when the most patient of those who flush waits.
    awaited_until_ns: u64,
    /// The server takes no compressed bodies; asked again after an hour.
    plain_until_ns: u64,
    /// What we told other processes.
    held_until: i64,
    tickets: u64,
}

/// A segment that waits.
#[derive(Clone, Copy, Debug)]
struct Item {
    name: SegmentName,
    bytes: u32,
    /// How many of our events it holds; none in one that a dead writer left.
    own: u64,
    /// The sums of segments that were too many; its events are counted already.
    is_fold: bool,
}

/// What comes back to the thread, and for which way.
pub(super) struct Arrival {
    pub(super) way: usize,
    pub(super) news: News,
}

pub(super) enum News {
    Answer(Result<Answer, Failure>),
    /// The host's function has returned.
    Settled(Result<(), String>),
}

/// What a way needs of its surroundings.
pub(super) struct Round<'a, 'b> {
    pub(super) shared: &'a Shared,
    pub(super) hands: &'a mut Hands<'b>,
    pub(super) arrivals: &'a Sender<Arrival>,
}

impl Round<'_, '_> {
    fn now(&self) -> Moment {
        self.shared.clock.now()
    }
}

/// How a try ended that did not succeed.
enum Setback {
    /// May work later; not before so many nanoseconds, if the server said so.
    Later(Option<u64>),
    /// Will not work until somebody corrects the configuration.
    Refused,
}

impl Way {
    pub(super) fn new(index: usize, queue: Queue, outlet: Outlet, seed: u64) -> Self {
        Self {
            index,
            queue,
            outlet,
            lane: Lane::default(),
            random: Random(seed),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            fold_at_bytes: 0,
            aside: Vec::new(),
            flight: None,
            settled: 0,
            promises: VecDeque::new(),
            awaited_until_ns: 0,
            plain_until_ns: 0,
            held_until: i64::MIN,
            tickets: 0,
        }
    }

    /// One of our own.
    pub(super) fn push(&mut self, sealed: Sealed) {
        if self.is_elsewhere() {
            return;
        }
        self.enqueue(Item { name: sealed.name, bytes: sealed.bytes, own: u64::from(sealed.events), is_fold: false });
    }

    fn enqueue(&mut self, item: Item) {
        self.waiting_bytes += u64::from(item.bytes);
        self.waiting.push_back(item);
    }

    const fn is_elsewhere(&self) -> bool {
        matches!(self.outlet, Outlet::Elsewhere(_))
    }

    /// Something waits that we could deliver.
    pub(super) fn is_pending(&self) -> bool {
        !self.is_elsewhere() && (self.flight.is_some() || !self.waiting.is_empty() || !self.aside.is_empty())
    }

    /// When there is something to try; `None` while nothing waits, or an answer is awaited.
    pub(super) fn due_ns(&self) -> Option<u64> {
        let is_work = !self.is_elsewhere() && (self.flight.is_some() || !self.waiting.is_empty());
        self.lane.due_ns().filter(|_| is_work)
    }

    /// Somebody flushes, and is answered when all that waits now is settled; or when no try will be made in time.
    pub(super) fn promise(&mut self, flush: u64, until_ns: u64, round: &Round<'_, '_>) {
        self.awaited_until_ns = until_ns;
        let under_way = u64::from(self.flight.is_some()) + self.waiting.len() as u64;
        self.promises.push_back((flush, self.settled + under_way));
        if under_way == 0 {
            self.keep_promises(round);
        } else if self.is_elsewhere() || !self.lane.hurry(round.now().monotonic_ns) {
            self.disappoint(round);
        }
    }

    fn keep_promises(&mut self, round: &Round<'_, '_>) {
        while let Some(&(flush, goal)) = self.promises.front()
            && goal <= self.settled
        {
            self.promises.pop_front();
            self.tell(round, |tally| tally.answered = flush);
        }
    }

    /// A try has failed, or none can be made now: whoever flushes waits for the next one only if it comes in time.
    fn disappoint(&mut self, round: &Round<'_, '_>) {
        let Some(&(flush, _)) = self.promises.back() else { return };
        let is_in_time = self.lane.due_ns().is_some_and(|due| due <= self.awaited_until_ns);
        let is_over = self.is_elsewhere() || self.lane.is_paused() || !is_in_time;
        if is_over {
            self.promises.clear();
        }
        self.tell(round, |tally| {
            tally.failed = flush;
            tally.answered = if is_over { flush } else { tally.answered };
        });
    }

    /// Takes the next step, if it is time for one. `true`: there may be another one at once.
    pub(super) fn step(&mut self, round: &mut Round<'_, '_>) -> bool {
        let now_ns = round.now().monotonic_ns;
        if self.due_ns().is_none_or(|due| due > now_ns) {
            return false;
        }
        match self.outlet {
            Outlet::Local(_) => self.step_local(round),
            Outlet::Remote(..) => self.step_remote(round),
            Outlet::Host(_) => self.step_host(round),
            Outlet::Elsewhere(_) => false,
        }
    }

    /// What came back.
    pub(super) fn arrived(&mut self, news: News, round: &mut Round<'_, '_>) {
        match news {
            News::Answer(answer) => self.answered(&answer, round),
            News::Settled(outcome) => self.settled_by_host(outcome, round),
        }
    }

    /// Takes the next segment from what waits.
    fn pick(&mut self) -> Option<Item> {
        // While somebody waits for a flush, and while one batch decides, it is the oldest.
        let end =
            if self.promises.is_empty() && !self.lane.is_half_open() { self.lane.next_end() } else { End::Oldest };
        let item = match end {
            End::Oldest => self.waiting.pop_front(),
            End::Newest => self.waiting.pop_back(),
        }?;
        self.waiting_bytes -= u64::from(item.bytes);
        Some(item)
    }

    fn put_back(&mut self, item: Item) {
        self.waiting_bytes += u64::from(item.bytes);
        self.waiting.push_front(item);
    }

    fn count_settled(&mut self, round: &Round<'_, '_>) {
        self.settled += 1;
        self.keep_promises(round);
    }

    fn succeeded(&mut self, round: &Round<'_, '_>) {
        self.lane.succeeded();
        if self.held_until > round.now().unix_ns {
            self.tell_others(round.now().unix_ns);
        }
    }

    fn set_back(&mut self, setback: &Setback, reason: &str, round: &Round<'_, '_>) {
        let now = round.now();
        let asks = match setback {
            Setback::Later(asked_ns) => {
                self.lane.failed(now.monotonic_ns, *asked_ns, self.random.next());
                false
            }
            Setback::Refused => {
                self.lane.refused(now.monotonic_ns);
                // Another process may have a key that is accepted.
                self.disown();
                self.lane.should_warn(now.monotonic_ns)
            }
        };
        if let Some(until_ns) = self.lane.open_until_ns().filter(|_| !self.outlet.is_local()) {
            let wait_ns = i64::try_from(until_ns.saturating_sub(now.monotonic_ns)).unwrap_or(i64::MAX);
            self.tell_others(now.unix_ns.saturating_add(wait_ns));
        }
        let mut books = round.shared.books.lock();
        if let Some(tally) = books.sinks.get_mut(self.index) {
            let is_new = tally.last_error.replace(reason.to_owned()).is_none();
            let name = tally.name.clone();
            if asks || is_new && matches!(setback, Setback::Later(_)) && self.outlet.is_local() {
                books.warn(format!("events wait for the sink {name}: {reason}"));
            }
        }
        drop(books);
        self.disappoint(round);
    }

    /// Leaves what we adopted to others; it is looked for again.
    fn disown(&mut self) {
        let is_ours = |item: &Item| item.own > 0 || item.is_fold;
        let before = self.waiting.len();
        self.waiting.retain(is_ours);
        self.waiting_bytes = self.waiting.iter().map(|item| u64::from(item.bytes)).sum();
        self.settled += (before - self.waiting.len()) as u64;
        if self.flight.as_ref().is_some_and(|flight| !is_ours(&flight.item)) {
            self.flight = None;
            self.settled += 1;
        }
        self.queue.disown();
    }

    fn tell_others(&mut self, until_unix_ns: i64) {
        if self.queue.hold_until(until_unix_ns).is_ok() {
            self.held_until = until_unix_ns;
        }
    }

    /// Another process has found out that it is no use trying.
    fn obey_others(&mut self, round: &Round<'_, '_>) -> bool {
        let now = round.now();
        let until = self.queue.held_until();
        let wait_ns = until.saturating_sub(now.unix_ns);
        let is_held = until != self.held_until && (1..=LONGEST_HOLD_NS).contains(&wait_ns);
        if is_held {
            self.lane.hold(now.monotonic_ns.saturating_add(wait_ns.unsigned_abs()));
            self.disappoint(round);
        }
        is_held
    }

    /// Tells the books how this sink is doing.
    pub(super) fn show_state(&self, round: &Round<'_, '_>) {
        let state = match () {
            () if self.is_elsewhere() => SinkState::Elsewhere,
            () if self.lane.is_paused() => SinkState::Paused,
            () if self.lane.is_waiting() => SinkState::Waiting,
            () => SinkState::Ready,
        };
        let is_pending = self.is_pending();
        self.tell(round, |tally| {
            tally.state = state;
            tally.is_pending = is_pending;
        });
    }

    fn tell(&self, round: &Round<'_, '_>, tell: impl FnOnce(&mut Tally)) {
        if let Some(tally) = round.shared.books.lock().sinks.get_mut(self.index) {
            tell(tally);
        }
    }

    /// What was given up, for servers that can be told.
    pub(super) fn note_dropped(&mut self, writer: [u8; 16], events: &[(&'static str, u64)]) {
        if let Outlet::Remote(remote, _) = &mut self.outlet {
            remote.note_dropped(writer, events);
        }
    }
}

fn asked_ns(after: Option<std::time::Duration>) -> Option<u64> {
    after.map(|after| after.as_secs().saturating_mul(SECOND_NS).saturating_add(u64::from(after.subsec_nanos())))
}

fn reason_of(error: &Error) -> String {
    error.to_string()
}
