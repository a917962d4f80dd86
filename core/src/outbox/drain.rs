//! Delivering now what dead processes left, for whoever has the time to wait for it.

use std::mem;
use std::sync::MutexGuard;
use std::time::Duration;

use super::Outbox;
use super::books::Books;
use super::counters::{FlushReport, SinkState};

/// After a failure the next try comes sooner than by itself, because somebody waits for it; and, where tries go on failing,
/// later and later, because a server in trouble has enough of it.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LAST_PAUSE: Duration = Duration::from_secs(5);

impl Outbox {
    /// Delivers what dead processes of the same project left, to every sink, and returns when nothing of it waits any more;
    /// after `timeout` at the latest, and early where every sink that has something to come refuses it. What living
    /// processes have in hand is left to them.
    pub fn drain(&self, timeout: Duration) -> FlushReport {
        if !self.shared.is_here() {
            return FlushReport::default();
        }
        self.start_thread();
        let start_ns = self.shared.clock.monotonic_ns();
        let left = || {
            let passed = self.shared.clock.monotonic_ns().saturating_sub(start_ns);
            timeout.saturating_sub(Duration::from_nanos(passed))
        };
        let (mut pause, mut gone) = (FIRST_PAUSE, 0);
        loop {
            let mut books = self.shared.books.lock();
            if !is_hopeful(&books) {
                drop(books);
                books = self.look(left());
            }
            if books.is_stopped || !is_hopeful(&books) || left().is_zero() {
                return books.counters().into();
            }
            drop(books);
            self.flush_once(left(), left());
            let books = self.shared.books.lock();
            let gone_before =
                mem::replace(&mut gone, books.sinks.iter().map(|sink| sink.delivered + sink.adopted).sum());
            pause = if gone > gone_before { FIRST_PAUSE } else { LAST_PAUSE.min(pause * 2) };
            if is_hopeful(&books) {
                let at_most = pause.min(left());
                drop(self.wait(books, |_| at_most, |books| books.is_stopped));
            }
        }
    }

    /// Looks for what others left.
    fn look(&self, timeout: Duration) -> MutexGuard<'_, Books> {
        let mut books = self.shared.books.lock();
        books.looks += 1;
        let look = books.looks;
        self.io.wake();
        self.wait(books, |_| timeout, |books| books.is_stopped || books.looked >= look)
    }
}

/// Something waits that a try could deliver.
fn is_hopeful(books: &Books) -> bool {
    books.sinks.iter().any(|sink| sink.is_pending && sink.state != SinkState::Paused)
}
