//! A request that is under way in a client, and its answer.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::engine::{Llmlab, OpenExchange};
use crate::exchange::{End, Header, Request};
use crate::transport::asking::{forget_length, is_signed};
use crate::transport::fault::Fault;

/// An exchange, and how far it has come: who drops it before there is an answer has cancelled it, who drops it later has
/// stopped reading.
pub(super) struct Observed {
    exchange: Option<OpenExchange>,
    is_answered: bool,
    /// What the application receives of the body may be less than what comes.
    is_asked: bool,
}

impl Observed {
    /// `None` for what is no call. On the heap, because nearly every request is none.
    pub(super) fn begin(lab: &Llmlab, request: &Request<'_>, headers: &HeaderMap) -> Option<Box<Self>> {
        let mut exchange = lab.exchange(request)?;
        exchange.sent(pairs(headers));
        Some(Box::new(Self { exchange: Some(exchange), is_answered: false, is_asked: false }))
    }

    /// The body to send instead, so that a stream tells its usage; `None` to send it as it is.
    pub(super) fn body_to_send(&mut self, body: &[u8], headers: &HeaderMap) -> Option<Vec<u8>> {
        let exchange = self.exchange.as_mut().filter(|exchange| exchange.may_ask() && !is_signed(headers))?;
        let asked = exchange.body_to_send(body);
        self.is_asked = asked.is_some();
        asked
    }

    /// The head of the answer is here. `None` if there is nothing to observe: a redirect is no answer of a provider.
    pub(super) fn answered(mut self: Box<Self>, status: StatusCode, headers: &mut HeaderMap) -> Option<Box<Self>> {
        if status.is_redirection() {
            self.exchange.take()?.unsent();
            return None;
        }
        self.exchange.as_mut()?.head(status.as_u16(), pairs(headers));
        self.is_answered = true;
        self.is_asked &= status.as_u16() < 400;
        if self.is_asked {
            forget_length(headers);
        }
        Some(self)
    }

    /// There was no answer.
    pub(super) fn failed(mut self: Box<Self>, fault: Fault) {
        match (self.exchange.take(), fault) {
            (Some(exchange), Fault::Unsent) => exchange.unsent(),
            (Some(exchange), Fault::Lost(word)) => exchange.finish(End::Lost, Some(word)),
            (None, _) => {}
        }
    }

    /// Whether the application may receive less than what comes.
    pub(super) const fn is_asked(&self) -> bool {
        self.is_asked
    }

    /// What the application is to receive for these bytes of the body: the same ones, but where the stream was asked.
    pub(super) fn passed(&mut self, bytes: Bytes) -> Bytes {
        let passed = self.exchange.as_mut().map(|exchange| exchange.passed(&bytes));
        match passed {
            Some(Cow::Owned(passed)) => passed.into(),
            Some(Cow::Borrowed(_)) | None => bytes,
        }
    }

    /// What the application is to receive after the last bytes.
    pub(super) fn rest(&mut self) -> Bytes {
        self.exchange.as_mut().map(OpenExchange::rest).unwrap_or_default().into()
    }

    /// The body was read to its end.
    pub(super) fn complete(mut self: Box<Self>) {
        self.end(End::Complete, None);
    }

    /// The connection broke while the body was read.
    pub(super) fn broke_off(mut self: Box<Self>, fault: Fault) {
        self.end(End::Lost, Some(fault.word()));
    }

    fn end(&mut self, end: End, error_type: Option<&str>) {
        if let Some(exchange) = self.exchange.take() {
            exchange.finish(end, error_type);
        }
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        self.end(if self.is_answered { End::Closed } else { End::Cancelled }, None);
    }
}

/// A mark of what is in the hands of a tap: one below it leaves the request alone, so that it is counted once.
#[derive(Clone, Copy)]
pub(super) struct Tapped;

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = Header<'_>> {
    headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
}
