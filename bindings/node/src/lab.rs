//! The core's client, and the threads that its functions of the host need.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Status, bindgen_prelude::FnArgs};

use llmlab::Llmlab;
use llmlab::sink::HandedBatch;

use crate::convert::number;
use crate::guard::guarded;

/// How long a thread sleeps at most where nothing happens; it is woken by batches and by the end of the client.
const WAIT: Duration = Duration::from_secs(3_600);

const EXITS: &str = "the process exits";

/// Sink, ticket and events: what the host is handed of a batch.
pub(crate) type Handed = FnArgs<(String, i64, String)>;

/// Hands a batch to the thread that made the client. It does not keep that thread alive.
pub(crate) type Hand = ThreadsafeFunction<Handed, (), Handed, Status, false, true>;

/// A client of the core. Where functions of the host are among its sinks, the threads that wait for their batches begin
/// with the first record, not at `init`.
pub(crate) struct Lab {
    core: Llmlab,
    functions: Vec<String>,
    hand: Option<Arc<Hand>>,
    is_started: AtomicBool,
    is_closing: AtomicBool,
    is_leaving: AtomicBool,
    /// The tickets of batches that the host has.
    in_hand: Mutex<Vec<u64>>,
}

impl Lab {
    pub(crate) fn new(core: Llmlab) -> Self {
        Self::with_functions(core, Vec::new(), None)
    }

    pub(crate) fn with_functions(core: Llmlab, functions: Vec<String>, hand: Option<Hand>) -> Self {
        let [is_started, is_closing, is_leaving] = [(); 3].map(|()| AtomicBool::new(false));
        let in_hand = Mutex::default();
        Self { core, functions, hand: hand.map(Arc::new), is_started, is_closing, is_leaving, in_hand }
    }

    /// To be called after every record. Gives what the user should be told, if anything.
    pub(crate) fn after_record(self: &Arc<Self>) -> Option<Vec<String>> {
        self.start();
        self.notices()
    }

    /// Starts the threads that wait for batches, once.
    pub(crate) fn start(self: &Arc<Self>) {
        if let Some(hand) = &self.hand
            && !self.is_started.load(Ordering::Relaxed)
            && !self.is_started.swap(true, Ordering::Relaxed)
        {
            for name in &self.functions {
                let (lab, name, hand) = (self.clone(), name.clone(), hand.clone());
                let thread = std::thread::Builder::new().name(format!("llmlab {name}"));
                // What no thread takes stays on disk.
                let _ = thread.spawn(move || guarded(|| lab.serve(&name, &hand)));
            }
        }
    }

    /// What the user should be told since the last time, if anything.
    pub(crate) fn notices(&self) -> Option<Vec<String>> {
        guarded(|| self.core.take_notices()).filter(|notices| !notices.is_empty())
    }

    /// Lets the threads end once there is nothing left to take.
    pub(crate) fn close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
    }

    /// The process exits: functions of the host run no more, so nobody waits for them. What they have goes to the next
    /// process.
    pub(crate) fn leave(&self) {
        self.close();
        self.is_leaving.store(true, Ordering::SeqCst);
        let in_hand = std::mem::take(&mut *self.in_hand());
        for ticket in in_hand {
            self.core.settle_batch(ticket, &Err(EXITS.to_owned()));
        }
        self.core.exit_flush();
    }

    /// Says what became of a batch.
    pub(crate) fn settle(&self, ticket: u64, outcome: &Result<(), String>) {
        self.in_hand().retain(|other| *other != ticket);
        self.core.settle_batch(ticket, outcome);
    }

    fn in_hand(&self) -> MutexGuard<'_, Vec<u64>> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, name: &str, hand: &Hand) {
        loop {
            let Some(HandedBatch { ticket, batch, .. }) = self.core.next_batch(name, WAIT) else {
                if self.is_closing.load(Ordering::Relaxed) {
                    return;
                }
                continue;
            };
            self.in_hand().push(ticket);
            if self.is_leaving.load(Ordering::SeqCst) {
                self.settle(ticket, &Err(EXITS.to_owned()));
                continue;
            }
            let events = serde_json::to_string(&batch.events).unwrap_or_else(|_| "[]".to_owned());
            let handed = (name.to_owned(), number(ticket), events).into();
            if hand.call(handed, ThreadsafeFunctionCallMode::NonBlocking) != Status::Ok {
                self.settle(ticket, &Err("the thread that made the client has ended".to_owned()));
                return;
            }
        }
    }
}

impl Deref for Lab {
    type Target = Llmlab;

    fn deref(&self) -> &Llmlab {
        &self.core
    }
}
