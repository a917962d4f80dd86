//! What would keep the host's thread waiting is read later: a thread `llmlab-reader` comes with the first large body and
//! goes with the last. It never calls the host. Whoever asks for numbers waits until what came before is read.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Condvar;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::fork::PerProcess;
use crate::io::without_signals;
use crate::lock::{Lock, wait};

/// Less is read at once: waking a thread costs about as much.
const LARGE_BYTES: usize = 256 * 1024;
/// More does not wait in memory: what comes then is read at once.
const MAX_WAITING_BYTES: usize = 64 << 20;
/// All that may wait is read in a tenth of it. A thread that takes longer is stuck, and nobody waits for it for ever.
const SETTLED_WITHIN: Duration = Duration::from_secs(5);
/// Recording may open files and start the I/O thread.
const STACK_BYTES: usize = 512 * 1024;

type Work = Box<dyn FnOnce() + Send>;

/// The large bodies of a process.
#[derive(Default)]
struct Pile {
    /// How many were ever put on it, and how many of them are read.
    put: AtomicU64,
    done: AtomicU64,
    waiting: Lock<Waiting>,
    /// Another one is read.
    progress: Condvar,
}

#[derive(Default)]
struct Waiting {
    work: VecDeque<(usize, Work)>,
    bytes: usize,
    has_thread: bool,
}

fn pile() -> &'static Pile {
    // In a forked child it is empty: what its parent has not read is the parent's.
    static PILE: PerProcess<Pile> = PerProcess::new(Pile::default);
    PILE.get()
}

/// Does `work`, which reads so many bytes: here and now, or on the thread if they are many.
pub(crate) fn read(bytes: usize, work: impl FnOnce() + Send + 'static) {
    if bytes < LARGE_BYTES {
        return work();
    }
    if let Err(work) = pile().put(bytes, Box::new(work)) {
        work();
    }
}

/// Waits until everything is done that was put off before.
pub(crate) fn settle() {
    let pile = pile();
    let target = pile.put.load(Ordering::Acquire);
    if pile.done.load(Ordering::Acquire) >= target {
        return;
    }
    let mut waiting = pile.waiting.lock();
    let mut is_over = false;
    while pile.done.load(Ordering::Acquire) < target && !is_over {
        (waiting, is_over) = wait(&pile.progress, waiting, SETTLED_WITHIN);
    }
}

impl Pile {
    /// Gives the work back where too much is waiting, or where there can be no thread.
    fn put(&'static self, bytes: usize, work: Work) -> Result<(), Work> {
        let mut waiting = self.waiting.lock();
        if waiting.bytes.saturating_add(bytes) > MAX_WAITING_BYTES && !waiting.work.is_empty() {
            return Err(work);
        }
        if !waiting.has_thread {
            let start = || {
                let reader = std::thread::Builder::new().name("llmlab-reader".into()).stack_size(STACK_BYTES);
                reader.spawn(|| self.run())
            };
            if without_signals(start).is_err() {
                return Err(work);
            }
            waiting.has_thread = true;
        }
        waiting.bytes += bytes;
        waiting.work.push_back((bytes, work));
        self.put.fetch_add(1, Ordering::Release);
        Ok(())
    }

    fn run(&self) {
        let mut waiting = self.waiting.lock();
        while let Some((bytes, work)) = waiting.work.pop_front() {
            drop(waiting);
            // What is lost in a panic was counted by whoever brought it.
            let _ = catch_unwind(AssertUnwindSafe(work));
            waiting = self.waiting.lock();
            waiting.bytes -= bytes;
            self.done.fetch_add(1, Ordering::Release);
            self.progress.notify_all();
        }
        waiting.has_thread = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    /// They share the pile of the process.
    static ALONE: Lock<()> = Lock::new(());

    #[test]
    fn what_is_small_is_read_at_once_and_what_is_large_on_another_thread() {
        let _alone = ALONE.lock();
        let here = std::thread::current().id();
        let (seen, told) = channel();
        for bytes in [LARGE_BYTES - 1, LARGE_BYTES] {
            let seen = seen.clone();
            read(bytes, move || seen.send(std::thread::current().id()).unwrap());
        }
        settle();
        let ids: Vec<_> = told.try_iter().collect();
        assert_eq!(ids.len(), 2, "settled before it was read");
        assert!(ids[0] == here && ids[1] != here);
    }

    #[test]
    fn what_no_longer_fits_is_read_at_once_and_a_panic_stops_nobody() {
        let _alone = ALONE.lock();
        let (go, gate) = channel::<()>();
        let read_here = Arc::new(AtomicU64::new(0));
        read(LARGE_BYTES, move || gate.recv().unwrap());
        read(MAX_WAITING_BYTES - LARGE_BYTES, || panic!("a fault"));
        let (count, here) = (read_here.clone(), std::thread::current().id());
        let note = move || {
            count.fetch_add(u64::from(std::thread::current().id() == here), Ordering::SeqCst);
        };
        read(LARGE_BYTES, note);
        assert_eq!(read_here.load(Ordering::SeqCst), 1);
        go.send(()).unwrap();
        settle();
        assert_eq!(pile().waiting.lock().bytes, 0);
    }
}
