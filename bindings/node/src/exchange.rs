//! An exchange that a transport observes.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use napi::bindgen_prelude::{Either, Uint8Array};
use napi_derive::napi;

use llmlab::Llmlab;
use llmlab::config::StreamUsage;
use llmlab::exchange::{self, End};
use llmlab::scope::Scope;

use crate::guard::guarded;
use crate::lab::Lab;
use crate::usage::bytes;

/// One request to a provider and its response. It is recorded exactly once: when it is finished, or else when it is
/// collected, or else when its thread ends.
#[napi]
pub struct Exchange(Arc<Slot>);

/// Holds an exchange until it is finished.
type Slot = Mutex<Option<Open>>;

pub(crate) struct Open {
    pub(crate) exchange: exchange::Exchange,
    pub(crate) lab: Arc<Lab>,
    pub(crate) scope: Option<Arc<Scope>>,
}

impl Open {
    /// What is left to read may be much: it is then read off the host's thread.
    fn finish(self, end: End, error_type: Option<&str>) -> Option<Vec<String>> {
        let (at, error_type) = (self.lab.now(), error_type.map(str::to_owned));
        let (lab, bytes) = (self.lab.clone(), self.exchange.unread_bytes());
        let record = move || {
            for facts in self.exchange.finish(end, error_type.as_deref(), at) {
                self.lab.record(facts, self.scope.as_ref());
            }
        };
        guarded(|| Llmlab::read(bytes, move || _ = guarded(record)));
        lab.after_record()
    }
}

/// The exchanges that are under way. A thread that ends does not collect what it still holds.
static OPEN: Mutex<Vec<Weak<Slot>>> = Mutex::new(Vec::new());

fn register(slot: &Arc<Slot>) {
    let mut slots = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    // Sweeping only where the list would grow keeps the mean cost constant.
    if slots.len() == slots.capacity() {
        slots.retain(|slot| slot.strong_count() > 0);
    }
    slots.push(Arc::downgrade(slot));
}

/// Records the exchanges that are still under way when the process exits.
pub(crate) fn abandon_all() {
    let slots = std::mem::take(&mut *OPEN.lock().unwrap_or_else(PoisonError::into_inner));
    for slot in slots.iter().filter_map(Weak::upgrade) {
        if let Some(open) = take(&slot) {
            open.finish(End::Closed, None);
        }
    }
}

fn take(slot: &Slot) -> Option<Open> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Exchange {
    pub(crate) fn new(open: Open) -> Self {
        let slot = Arc::new(Mutex::new(Some(open)));
        register(&slot);
        Self(slot)
    }

    fn with_open<T>(&self, work: impl FnOnce(&mut Open) -> T) -> Option<T> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.as_mut().and_then(|open| guarded(|| work(open)))
    }

    fn end(&self, end: End, error_type: Option<&str>) -> Option<Vec<String>> {
        take(&self.0).and_then(|open| open.finish(end, error_type))
    }
}

/// Names and values by turns, a line each: one text crosses more quickly than many.
fn pairs(headers: &str) -> impl Iterator<Item = exchange::Header<'_>> {
    let mut lines = headers.split('\n').map(str::as_bytes);
    std::iter::from_fn(move || Some((lines.next()?, lines.next()?)))
}

#[napi]
impl Exchange {
    /// It begins within a scope.
    #[napi]
    pub fn within(&self, scope: &crate::scope::Scope) {
        scope.0.exchange_began();
        self.with_open(|open| open.scope = Some(scope.0.clone()));
    }

    /// Notes the headers of the request: names and values by turns, a line each.
    #[napi]
    pub fn sent(&self, headers: String) {
        self.with_open(|open| open.exchange.sent(pairs(&headers)));
    }

    /// Notes the head of the response. Who has decoded the body leaves `content-encoding` out.
    #[napi]
    pub fn head(&self, status: u16, headers: String) {
        self.with_open(|open| open.exchange.head(status, pairs(&headers)));
    }

    /// Notes a piece of the body.
    #[napi]
    pub fn push(&self, piece: &[u8]) {
        self.with_open(|Open { exchange, lab, .. }| exchange.push(piece, || lab.now()));
    }

    /// Whether `bodyToSend` may have one: what a transport asks before it looks any further.
    #[napi(getter)]
    pub fn may_ask(&self) -> bool {
        let may_ask = |open: &mut Open| open.exchange.may_ask() && open.lab.config().stream_usage == StreamUsage::Auto;
        self.with_open(may_ask).unwrap_or(false)
    }

    /// The body to send instead, so that a stream tells its usage; `None` to send it as it is. From here on `passed` and
    /// `rest` give what the application is to receive.
    #[napi]
    pub fn body_to_send(&self, body: Either<String, Uint8Array>) -> Option<Uint8Array> {
        let ask = |open: &mut Open| {
            let wanted = open.lab.config().stream_usage == StreamUsage::Auto;
            wanted.then(|| open.exchange.body_to_send(bytes(&body))).flatten()
        };
        self.with_open(ask).flatten().map(Uint8Array::new)
    }

    /// Notes a piece of the body, and gives what of it the application is to receive; `None` if that is all of it.
    #[napi]
    pub fn passed(&self, piece: &[u8]) -> Option<Uint8Array> {
        let pass = |Open { exchange, lab, .. }: &mut Open| match exchange.passed(piece, || lab.now()) {
            Cow::Owned(passed) => Some(Uint8Array::new(passed)),
            Cow::Borrowed(_) => None,
        };
        self.with_open(pass).flatten()
    }

    /// What the application is to receive after the last piece.
    #[napi]
    pub fn rest(&self) -> Uint8Array {
        Uint8Array::new(self.with_open(|open| open.exchange.rest()).unwrap_or_default())
    }

    /// The body was read to its end. Gives what the user should be told, if anything; so do the other ends.
    #[napi]
    pub fn complete(&self) -> Option<Vec<String>> {
        self.end(End::Complete, None)
    }

    /// There was no answer, or the connection broke while it was read.
    #[napi]
    pub fn lost(&self, error_type: Option<String>) -> Option<Vec<String>> {
        self.end(End::Lost, error_type.as_deref())
    }

    /// The host cancelled it.
    #[napi]
    pub fn cancelled(&self, error_type: Option<String>) -> Option<Vec<String>> {
        self.end(End::Cancelled, error_type.as_deref())
    }

    /// The host stopped reading before the end.
    #[napi]
    pub fn closed(&self) -> Option<Vec<String>> {
        self.end(End::Closed, None)
    }

    /// The request was never sent, so there is nothing to record.
    #[napi]
    pub fn unsent(&self) {
        take(&self.0);
    }
}

/// A response that nobody read to its end and nobody closed.
impl Drop for Exchange {
    fn drop(&mut self) {
        self.end(End::Closed, None);
    }
}
