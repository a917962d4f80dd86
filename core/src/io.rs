//! The thread `llmlab-io`: one for a process, whatever number of clients it has. Everything that may wait happens on it,
//! and it never calls the host.
//!
//! It starts with the first event and sleeps while nobody has work for it, without a timer. With the first batch for a
//! server comes a runtime of tokio's, of this thread alone; then it sleeps inside of that.

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use crate::fork::PerProcess;
use crate::lock::Lock;

pub(crate) mod lane;
pub(crate) mod parcel;

/// Enough for a handshake of TLS and a transaction of `SQLite`.
const STACK_BYTES: usize = 1024 * 1024;
/// A station whose round ended in a panic is left alone for so long.
const AFTER_PANIC: Duration = Duration::from_secs(60);

/// Somebody the thread works for.
pub(crate) trait Station: Send {
    /// Does what there is to do, and says when there may be more. Called by the thread alone.
    fn round(&mut self, hands: &mut Hands) -> Next;
}

/// When a station wants its next round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// After somebody called [`Waker::wake`].
    WhenWoken,
    /// After this, or when woken.
    In(Duration),
    /// Never again.
    Gone,
}

/// The I/O thread of a process. Clients share that of [`Io::of_process`]; a test that wants to look at its own makes one.
#[derive(Debug)]
pub struct Io {
    waker: Arc<Waker>,
    stations: Sender<Joining>,
    idle: Lock<Option<Thread>>,
}

type Joining = Box<dyn Station>;

/// What the thread starts with.
#[derive(Debug)]
struct Thread {
    waker: Arc<Waker>,
    woken: Receiver<()>,
    stations: Receiver<Joining>,
}

/// Wakes the thread; for any thread, about as cheap as two atomic operations if it is awake.
#[derive(Debug)]
pub(crate) struct Waker {
    /// It will look again before it sleeps.
    is_awake: AtomicBool,
    /// Wakes it outside of the runtime. It has room for one, because waking twice is waking.
    plain: Sender<()>,
    /// Wakes it inside.
    inside: Notify,
    rounds: AtomicU64,
    /// Nobody will bring another station.
    is_over: AtomicBool,
}

impl Waker {
    pub(crate) fn wake(&self) {
        if !self.is_awake.swap(true, Ordering::SeqCst) {
            let _ = self.plain.try_send(());
            self.inside.notify_one();
        }
    }
}

impl Default for Io {
    fn default() -> Self {
        let (plain, woken) = bounded(1);
        let (stations, joining) = unbounded();
        let waker = Arc::new(Waker {
            is_awake: AtomicBool::new(false),
            plain,
            inside: Notify::new(),
            rounds: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        });
        let thread = Thread { waker: Arc::clone(&waker), woken, stations: joining };
        Self { waker, stations, idle: Lock::new(Some(thread)) }
    }
}

impl Io {
    /// The one of this process; a forked child has its own.
    pub fn of_process() -> Arc<Self> {
        static IO: PerProcess<Arc<Io>> = PerProcess::new(Arc::default);
        Arc::clone(IO.get())
    }

    /// Makes the thread look whether there is something to do, as after an injected clock was moved.
    pub fn wake(&self) {
        self.waker.wake();
    }

    /// How often the thread has looked; it stands still while there is nothing to do.
    pub fn rounds(&self) -> u64 {
        self.waker.rounds.load(Ordering::Acquire)
    }

    pub(crate) const fn waker(&self) -> &Arc<Waker> {
        &self.waker
    }

    /// Takes a station in. The first one starts the thread.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(crate) fn serve(&self, station: Box<dyn Station>) -> io::Result<()> {
        // The thread has the other end until this is dropped.
        let _ = self.stations.send(station);
        let mut idle = self.idle.lock();
        if let Some(thread) = idle.take() {
            let body = move || run(&thread);
            let start = || std::thread::Builder::new().name("llmlab-io".into()).stack_size(STACK_BYTES).spawn(body);
            without_signals(start)?;
        }
        self.waker.wake();
        Ok(())
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        self.waker.is_over.store(true, Ordering::SeqCst);
        self.waker.wake();
    }
}

/// What the thread can do for a station besides calling it.
pub(crate) struct Hands<'a> {
    waker: &'a Arc<Waker>,
    runtime: &'a mut Option<Runtime>,
}

impl Hands<'_> {
    /// Runs a request while the thread sleeps, and wakes it when the request has ended.
    ///
    /// # Errors
    /// When there can be no runtime.
    pub(crate) fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let runtime = match &mut *self.runtime {
            Some(runtime) => runtime,
            none => {
                // Names are resolved on a thread beside it, by a call that nobody can end.
                none.insert(tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build()?)
            }
        };
        let waking = Waking(Arc::clone(self.waker));
        runtime.spawn(async move {
            let _waking = waking;
            task.await;
        });
        Ok(())
    }
}

/// Wakes the thread at the end of a request, and be it in a panic.
struct Waking(Arc<Waker>);

impl Drop for Waking {
    fn drop(&mut self) {
        self.0.wake();
    }
}

fn run(thread: &Thread) {
    let mut stations: Vec<Joining> = Vec::new();
    let mut runtime = None;
    loop {
        // Before looking, and in this order: whoever comes after it leaves a signal that nobody takes away before we sleep.
        let _ = thread.woken.try_recv();
        thread.waker.is_awake.swap(false, Ordering::SeqCst);
        let is_over = thread.waker.is_over.load(Ordering::SeqCst);
        stations.extend(thread.stations.try_iter());
        let mut hands = Hands { waker: &thread.waker, runtime: &mut runtime };
        let mut sleep = None;
        stations.retain_mut(|station| {
            let next = catch_unwind(AssertUnwindSafe(|| station.round(&mut hands))).unwrap_or(Next::In(AFTER_PANIC));
            if let Next::In(wait) = next {
                sleep = Some(sleep.map_or(wait, |sleep: Duration| sleep.min(wait)));
            }
            next != Next::Gone
        });
        thread.waker.rounds.fetch_add(1, Ordering::AcqRel);
        if is_over && stations.is_empty() {
            break;
        }
        wait(thread, runtime.as_ref(), sleep);
    }
    // Dropping it would wait for a name that is being resolved.
    if let Some(runtime) = runtime {
        runtime.shutdown_background();
    }
}

/// Until woken, and at most so long.
fn wait(thread: &Thread, runtime: Option<&Runtime>, at_most: Option<Duration>) {
    match (runtime, at_most) {
        (None, None) => drop(thread.woken.recv()),
        (None, Some(at_most)) => drop(thread.woken.recv_timeout(at_most)),
        (Some(runtime), at_most) => runtime.block_on(async {
            // However often we are woken: requests have their turn first.
            tokio::task::yield_now().await;
            let sleep = async {
                match at_most {
                    Some(at_most) => tokio::time::sleep(at_most).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = thread.waker.inside.notified() => {}
                () = sleep => {}
            }
        }),
    }
}

/// The host's signals are for the host's threads. A thread inherits the mask of its maker, so there is no moment at
/// which it could receive one.
#[cfg(unix)]
pub(crate) fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    use nix::sys::signal::{SigSet, SigmaskHow};
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK);
    let started = start();
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
    started
}

#[cfg(not(unix))]
pub(crate) fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    start()
}

#[cfg(test)]
mod tests;
