//! The thread `llmlab-io`: it brings sealed segments to the sink. It sleeps while there are none.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::Shared;
use super::state::Fate;
use crate::error::{Error, ErrorCode, Result};
use crate::sink::{Batch, Sink};
use crate::spool::{self, Reach, SEGMENTS_AT_ONCE, Sealed};

const STACK_BYTES: usize = 512 * 1024;
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(300);

pub(super) fn spawn(shared: Arc<Shared>, sink: Box<dyn Sink>, woken: Receiver<()>) -> io::Result<()> {
    let body = move || run(&shared, sink, &woken);
    let start = || std::thread::Builder::new().name("llmlab-io".into()).stack_size(STACK_BYTES).spawn(body);
    without_signals(start).map(drop)
}

/// The host's signals are for the host's threads. A thread inherits the mask of its maker, so there is no moment at
/// which it could receive one.
#[cfg(unix)]
fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    use nix::sys::signal::{SigSet, SigmaskHow};
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK);
    let started = start();
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
    started
}

#[cfg(not(unix))]
fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    start()
}

fn run(shared: &Shared, mut sink: Box<dyn Sink>, woken: &Receiver<()>) {
    let mut retry = None;
    let mut orphans_wait = true;
    loop {
        let go_on = || !shared.stopping.load(Ordering::Acquire);
        let round = catch_unwind(AssertUnwindSafe(|| {
            shared.state.lock().begin_next(shared);
            deliver_waiting(shared, sink.as_mut(), &go_on)?;
            if std::mem::take(&mut orphans_wait) && go_on() {
                adopt_orphans(shared, sink.as_mut(), &go_on)?;
            }
            Ok(())
        }));
        let result = round
            .unwrap_or_else(|_| Err(Error::new(ErrorCode::Storage, "a delivery ended in a panic; please report it")));
        let in_memory = {
            let mut state = shared.state.lock();
            if let Err(error) = &result {
                state.delivery_failed(error);
            }
            !state.retry_memory(shared)
        };
        shared.settled.notify_all();
        if !go_on() {
            break;
        }
        retry = match (result.is_err() || in_memory, retry) {
            (false, _) => None,
            (true, None) => Some(FIRST_RETRY),
            (true, Some(last)) => Some(LAST_RETRY.min(last * 2)),
        };
        let ended = match retry {
            None => woken.recv().is_err(),
            Some(after) => woken.recv_timeout(after) == Err(RecvTimeoutError::Disconnected),
        };
        if ended {
            break;
        }
    }
    shared.state.lock().stop();
    shared.settled.notify_all();
}

/// Delivers every waiting segment, oldest first, several in one go.
fn deliver_waiting(shared: &Shared, sink: &mut dyn Sink, go_on: &dyn Fn() -> bool) -> Result<()> {
    loop {
        let segments = shared.state.lock().begin_round(SEGMENTS_AT_ONCE);
        if segments.is_empty() {
            return Ok(());
        }
        deliver(&segments, shared, sink)?;
        shared.settled.notify_all();
        if !go_on() {
            return Ok(());
        }
    }
}

fn deliver(segments: &[Sealed], shared: &Shared, sink: &mut dyn Sink) -> Result<()> {
    let mut contents: Vec<_> = segments.iter().map(|segment| spool::read(segment).ok()).collect();
    let batches: Vec<Batch> =
        contents.iter_mut().flatten().flatten().map(|content| std::mem::take(&mut content.batch)).collect();
    let receipts = if batches.is_empty() { Vec::new() } else { sink.deliver(&batches)? };
    let mut answers = batches.iter().zip(receipts.into_iter().map(Some).chain(std::iter::repeat(None)));
    for (segment, content) in segments.iter().zip(contents) {
        let fate = match content {
            // Unreadable for now.
            None => Fate::LeftBehind,
            // Somebody else has delivered and removed it.
            Some(None) => Fate::Delivered(u64::from(segment.events)),
            Some(Some(content)) => {
                let delivered = match answers.next() {
                    Some((batch, Some(receipt))) if receipt.accounts_for(batch.events.len()) => {
                        batch.events.len() as u64
                    }
                    _ => return Err(unaccounted(sink)),
                };
                let complete = content.is_whole() && delivered >= u64::from(segment.events);
                spool::release(segment, complete);
                Fate::Delivered(delivered)
            }
        };
        shared.state.lock().settle(&fate);
    }
    Ok(())
}

fn unaccounted(sink: &dyn Sink) -> Error {
    let name = sink.name();
    Error::new(ErrorCode::Storage, format!("the sink {name} did not account for every event; they are delivered again"))
}

/// What dead processes of the same project left.
fn adopt_orphans(shared: &Shared, sink: &mut dyn Sink, go_on: &dyn Fn() -> bool) -> Result<()> {
    let folder = spool::folder(&shared.home, &shared.header.origin.project);
    if !folder.is_dir() {
        return Ok(());
    }
    let swept = spool::sweep(&folder, Some(shared.header.writer), Reach::Orphans, sink, go_on)?;
    let mut state = shared.state.lock();
    state.adopt(swept.stored);
    if let Some(warning) = swept.warning() {
        state.warn(&warning);
    }
    Ok(())
}
