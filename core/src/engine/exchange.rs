//! An exchange that belongs to a client.

use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::config::StreamUsage;
use crate::engine::Llmlab;
use crate::exchange::{End, Exchange, Header, Request};
use crate::fork;
use crate::later;
use crate::moment::Moment;
use crate::scope::{self, Scope};

/// One request to a provider and its response, observed for a client: what a tap on an HTTP client holds. It is recorded
/// exactly once: when it is finished, or else, as one that the host stopped reading, when it is dropped.
///
/// ```
/// # let home = tempfile::tempdir().unwrap();
/// # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
/// use llmlab::exchange::{End, Request};
///
/// let url = "https://api.openai.com/v1/chat/completions";
/// let body = br#"{"model":"gpt-4o-mini","messages":[]}"#;
/// // For nearly every request of an application this is `None`, in a fraction of a microsecond.
/// if let Some(mut exchange) = lab.exchange(&Request { method: "POST", url, body }) {
///     exchange.head(200, [(&b"content-type"[..], &b"application/json"[..])]);
///     exchange.push(br#"{"model":"gpt-4o-mini","usage":{"prompt_tokens":9,"completion_tokens":3}}"#);
///     exchange.finish(End::Complete, None);
/// }
/// assert_eq!(lab.stats().events.recorded, 1);
/// # Ok::<(), llmlab::Error>(())
/// ```
///
/// Nothing here fails or panics, and nothing waits: a large answer is read by a thread of the library's. One that was under
/// way at a fork is the parent's, and the child records nothing of it.
#[must_use = "what is dropped is recorded as one that nobody read"]
pub struct OpenExchange(Option<Open>);

struct Open {
    exchange: Exchange,
    lab: Llmlab,
    scope: Option<Arc<Scope>>,
    generation: u64,
}

impl Llmlab {
    /// Begins an exchange in the [current scope](crate::scope::current), whose client it belongs to; outside of every scope
    /// it is this client's. `None`, within a fraction of a microsecond, if it is no billable call to a model, and where
    /// everything is disabled.
    pub fn exchange(&self, request: &Request<'_>) -> Option<OpenExchange> {
        if self.core.config.disabled {
            return None;
        }
        let at = || self.now();
        let exchange = catch_unwind(AssertUnwindSafe(|| Exchange::begin_at(request, at))).ok().flatten()?;
        let scope = scope::current();
        let lab = scope.as_ref().and_then(|scope| scope.lab()).unwrap_or(self).clone();
        Some(OpenExchange::new(exchange, lab, scope))
    }
}

impl OpenExchange {
    /// An exchange that was begun within `scope`, for a host that keeps its scopes itself.
    pub fn new(exchange: Exchange, lab: Llmlab, scope: Option<Arc<Scope>>) -> Self {
        if let Some(scope) = &scope {
            scope.exchange_began();
        }
        Self(Some(Open { exchange, lab, scope, generation: fork::generation() }))
    }

    /// The headers of the request, in any order and case. See [`Exchange::sent`].
    pub fn sent<'h>(&mut self, headers: impl IntoIterator<Item = Header<'h>>) {
        self.attend(|open| open.exchange.sent(headers));
    }

    /// Whether [`OpenExchange::body_to_send`] may have one.
    pub fn may_ask(&self) -> bool {
        let Some(open) = &self.0 else { return false };
        open.exchange.may_ask() && open.lab.core.config.stream_usage == StreamUsage::Auto
    }

    /// The body to send instead, so that a stream tells its usage; `None` to send it as it is, as with
    /// `stream_usage = never`. See [`Exchange::body_to_send`].
    pub fn body_to_send(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        if !self.may_ask() {
            return None;
        }
        self.attend(|open| open.exchange.body_to_send(body)).flatten()
    }

    /// The head of the response. See [`Exchange::head`].
    pub fn head<'h>(&mut self, status: u16, headers: impl IntoIterator<Item = Header<'h>>) {
        self.attend(|open| open.exchange.head(status, headers));
    }

    /// Bytes of the body as they came over the connection, in any pieces. See [`Exchange::push`].
    pub fn push(&mut self, bytes: &[u8]) {
        self.attend(|Open { exchange, lab, .. }| exchange.push(bytes, || lab.now()));
    }

    /// The same, and what of them the application is to receive, where the body was sent as
    /// [`OpenExchange::body_to_send`] gave it. See [`Exchange::passed`].
    pub fn passed<'b>(&mut self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        let passed = self.attend(|Open { exchange, lab, .. }| exchange.passed(bytes, || lab.now()));
        passed.unwrap_or(Cow::Borrowed(bytes))
    }

    /// What the application is to receive after the last bytes. See [`Exchange::rest`].
    pub fn rest(&mut self) -> Vec<u8> {
        self.attend(|open| open.exchange.rest()).unwrap_or_default()
    }

    /// It is over, and is recorded. `error_type` is the host's word for what went wrong, such as the class of an error,
    /// never its message.
    pub fn finish(mut self, end: End, error_type: Option<&str>) {
        self.end(end, error_type);
    }

    /// The same with the whole body at once, which is read off this thread if it is large.
    pub fn finish_with(mut self, body: impl AsRef<[u8]> + Send + 'static) {
        let Some(mut open) = self.0.take().filter(Open::is_ours) else { return };
        let at = open.lab.now();
        let bytes = body.as_ref().len() + open.exchange.unread_bytes();
        later::read(bytes, move || {
            guarded(&open.lab.clone(), move || {
                open.exchange.push(body.as_ref(), || at);
                open.record(End::Complete, None, at);
            });
        });
    }

    /// Whether this process began it, and not one that it was forked from: for hosts that have more to do at its end.
    #[doc(hidden)]
    pub fn is_ours(&self) -> bool {
        self.0.as_ref().is_some_and(Open::is_ours)
    }

    /// The request was never sent, so there is nothing to record.
    pub fn unsent(mut self) {
        self.0 = None;
    }

    /// An exchange at which the reading fails is given up: the host's request goes on.
    fn attend<T>(&mut self, work: impl FnOnce(&mut Open) -> T) -> Option<T> {
        let open = self.0.as_mut()?;
        let done = catch_unwind(AssertUnwindSafe(|| work(open))).ok();
        if done.is_none()
            && let Some(open) = self.0.take()
        {
            open.lab.say_fault();
        }
        done
    }

    fn end(&mut self, end: End, error_type: Option<&str>) {
        let Some(open) = self.0.take().filter(Open::is_ours) else { return };
        let (at, error_type) = (open.lab.now(), error_type.map(str::to_owned));
        later::read(open.exchange.unread_bytes(), move || {
            guarded(&open.lab.clone(), move || open.record(end, error_type.as_deref(), at));
        });
    }
}

impl Open {
    fn is_ours(&self) -> bool {
        self.generation == fork::generation()
    }

    fn record(self, end: End, error_type: Option<&str>, at: Moment) {
        for facts in self.exchange.finish(end, error_type, at) {
            self.lab.record(facts, self.scope.as_ref());
        }
    }
}

/// Runs `work`; of a panic inside, the user is told and the host sees nothing.
fn guarded<T>(lab: &Llmlab, work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).inspect_err(|_| lab.say_fault()).ok()
}

/// A response that nobody read to its end.
impl Drop for OpenExchange {
    fn drop(&mut self) {
        self.end(End::Closed, None);
    }
}

impl fmt::Debug for OpenExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenExchange").finish_non_exhaustive()
    }
}
