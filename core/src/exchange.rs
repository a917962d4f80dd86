//! One HTTP exchange, bytes in, call out.
//!
//! A host observes: it begins an exchange with every request its client sends, and passes on what comes back. Only this
//! side understands, so that a client in any language needs no knowledge of any provider.

use std::borrow::Cow;

use crate::event::{Facts, Status, Subject};
use crate::moment::Moment;
use crate::provider::dialect::{Answer, Dialect};
use crate::provider::{Kind, Provider};
use crate::usage::{Dimension, Usage};
use crate::wire::decode::Decoder;
use crate::wire::value;

mod asked;
mod asking;
mod body;
mod calls;
mod headers;
mod manual;
mod passage;
mod recognized;
mod sieve;

use body::Body;
pub use calls::Calls;
use headers::Metered;
pub use headers::{Header, TELLING_HEADERS};
pub use manual::{UNREAD_MEMBERS, read_response};
use passage::Passage;
use recognized::{Recognized, owner};

/// A request as the host sees it go out.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Such as `POST`.
    pub method: &'a str,
    /// Absolute.
    pub url: &'a str,
    /// The JSON body, as far as it is at hand; empty is fine.
    pub body: &'a [u8],
}

/// Whether a request may be a billable call: what a host asks first where handing over the body costs something.
///
/// ```
/// use llmlab::exchange::concerns;
/// assert!(concerns("POST", "https://api.openai.com/v1/chat/completions"));
/// assert!(!concerns("POST", "https://example.com/login"));
/// ```
pub fn concerns(method: &str, url: &str) -> bool {
    Recognized::endpoint_of(method, url).is_some()
}

/// How the host saw it end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// The body was read to its end.
    Complete,
    /// No answer, or the connection broke while the answer was read.
    Lost,
    /// Cancelled.
    Cancelled,
    /// Closed or dropped before the end.
    Closed,
}

/// A call while it happens. Keeps of the answer what tells its cost, within bounds, and never its text longer than needed.
///
/// ```
/// use llmlab::event::{Status, Subject};
/// use llmlab::exchange::{End, Exchange, Request};
/// use llmlab::moment::Moment;
/// use llmlab::Dimension;
///
/// let url = "https://api.openai.com/v1/chat/completions";
/// let body = br#"{"model":"gpt-5-mini","messages":[]}"#;
/// let mut exchange = Exchange::begin(&Request { method: "POST", url, body }, Moment::default()).unwrap();
/// exchange.head(200, [(&b"content-type"[..], &b"application/json"[..])]);
/// exchange.push(br#"{"usage":{"prompt_tokens":9,"completion_tokens":3}}"#, Moment::default);
/// let facts = exchange.finish(End::Complete, None, Moment::default()).next().unwrap();
/// assert_eq!(facts.status, Status::Ok);
/// let Subject::Call(call) = facts.subject else { panic!() };
/// assert_eq!(call.usage.get(Dimension::Input), Some(9));
/// ```
pub struct Exchange {
    start: Moment,
    /// On a host we do not know, only the answer tells whether it was a call.
    must_show: bool,
    http_status: Option<u16>,
    provider: Option<&'static Provider>,
    dialect: &'static Dialect,
    /// It is the download of the results of a batch.
    is_results: bool,
    /// Of the text that is to be spoken: what is billed if the answer tells nothing else.
    characters: Option<u64>,
    answer: Answer,
    metered: Metered,
    decoder: Decoder,
    body: Body,
    /// Its usage may be asked for.
    may_ask: bool,
    /// It was, and what that adds to the answer is taken out.
    passage: Option<Box<Passage>>,
}

impl Exchange {
    /// Begins an exchange that went out at `at`. `None`, within a fraction of a microsecond and without allocating, if it
    /// is no billable call to a model.
    pub fn begin(request: &Request<'_>, at: Moment) -> Option<Self> {
        Self::begin_at(request, || at)
    }

    /// The same, and asks for the time only where there is an exchange.
    pub fn begin_at(request: &Request<'_>, at: impl FnOnce() -> Moment) -> Option<Self> {
        let recognized = Recognized::of(request)?;
        Some(Self {
            start: at(),
            must_show: recognized.must_show,
            http_status: None,
            provider: recognized.provider,
            dialect: recognized.endpoint.dialect,
            is_results: recognized.endpoint.kind == Kind::Results,
            characters: recognized.characters(),
            may_ask: recognized.may_ask(request.url),
            answer: recognized.answer(),
            metered: Metered::default(),
            decoder: Decoder::Identity,
            body: Body::default(),
            passage: None,
        })
    }

    /// Whether [`Exchange::body_to_send`] may have one. Mostly it has not, and a host need not look any further.
    pub fn may_ask(&self) -> bool {
        self.may_ask
    }

    /// The body to send instead of the application's, so that a stream tells its usage; `None` to send it as it is. It has
    /// `stream_options.include_usage` besides, and differs in nothing else. From here on, what the application is to
    /// receive is what [`Exchange::passed`] and [`Exchange::rest`] give.
    ///
    /// To be asked only where the answer is a provider's and the request nobody else's business: not for a mock or a
    /// recording, nor where the body has been signed.
    pub fn body_to_send(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        let asked = self.may_ask.then(|| asking::asked(body)).flatten()?;
        self.passage = Some(Box::default());
        Some(asked)
    }

    /// The headers of the request, in any order and case: which try of the SDK it is.
    pub fn sent<'h>(&mut self, headers: impl IntoIterator<Item = Header<'h>>) {
        for (name, value) in headers {
            if let Some(attempt) = headers::attempt(name, value) {
                self.answer.call.attempt = attempt;
            }
        }
    }

    /// The head of the response is here, with its headers in any order and case. A host that has decoded the body leaves
    /// `content-encoding` out. The content type is asked only whether a stream was meant: servers mislabel bodies, so what a
    /// body is, its first byte tells.
    pub fn head<'h>(&mut self, status: u16, headers: impl IntoIterator<Item = Header<'h>>) {
        self.http_status = Some(status);
        let mut is_stream = false;
        for (name, value) in headers {
            if name.eq_ignore_ascii_case(b"content-encoding") {
                self.decoder = Decoder::of(std::str::from_utf8(value).ok());
            } else if name.eq_ignore_ascii_case(b"content-type") {
                let kind = value.trim_ascii_start();
                is_stream = kind.starts_with(b"text/event-stream");
                if kind.starts_with(b"audio/") {
                    self.body = Body::Passing;
                }
            } else {
                self.metered.read(name, value);
            }
        }
        self.answer.call.stream = status < 400 && (is_stream || self.answer.call.stream);
        if status >= 400 {
            self.passage = None;
        }
    }

    /// Bytes of the body as they came over the connection, in any pieces. `at` is asked for the time at most once in the
    /// life of an exchange: at the first event of a stream.
    pub fn push(&mut self, bytes: &[u8], at: impl FnOnce() -> Moment) {
        self.read(bytes, at, None);
    }

    /// The same, for an exchange whose body was sent as [`Exchange::body_to_send`] gave it: what the application is to
    /// receive for these bytes, maybe nothing yet. An event of a stream passes when it has ended; one that is longer than
    /// a megabyte is not kept waiting. The coding stays the one of the head. For any other exchange, it is the same
    /// bytes. Borrowed means the same bytes, always.
    pub fn passed<'b>(&mut self, bytes: &'b [u8], at: impl FnOnce() -> Moment) -> Cow<'b, [u8]> {
        let mut passage = self.passage.take();
        self.read(bytes, at, passage.as_deref_mut());
        let passed = passage.as_mut().map_or(Cow::Borrowed(bytes), |passage| passage.passed(bytes, &self.decoder));
        self.passage = passage;
        passed
    }

    /// What the application is to receive after the last bytes: what [`Exchange::passed`] has kept back, such as an event
    /// that broke off.
    pub fn rest(&mut self) -> Vec<u8> {
        self.passage.take().map(|mut passage| passage.rest()).unwrap_or_default()
    }

    fn read(&mut self, bytes: &[u8], at: impl FnOnce() -> Moment, mut passage: Option<&mut Passage>) {
        let Self { decoder, body, answer, dialect, .. } = self;
        decoder.push(bytes, &mut |bytes| {
            body.push(bytes, dialect, answer);
            if let Some(passage) = &mut passage {
                passage.sift(bytes);
            }
        });
        // Not even at its first event can one tell of every stream that it is one: it may be a text that stands alone.
        if answer.call.first_event_ns.is_none() && body.has_begun() && (body.is_events() || answer.call.stream) {
            answer.call.stream = true;
            answer.call.first_event_ns = Some(at().ns_since(self.start));
        }
    }

    /// How many bytes [`Exchange::finish`] has left to read: a host that must not wait lets another thread do it
    /// (`Llmlab::read`).
    pub fn unread_bytes(&self) -> usize {
        self.body.unread_bytes()
    }

    /// It is over: the calls that it was. Mostly one; as many as a batch had, if this was the download of its results; none,
    /// if nothing was billed by it. `error_type` is the host's word for what went wrong, such as the class of an exception.
    pub fn finish(mut self, end: End, error_type: Option<&str>, at: Moment) -> Calls {
        let is_whole = self.body.end(self.dialect, &mut self.answer);
        if self.is_results {
            return Calls::of_results(self.answer.results, self.provider, self.start.unix_ns);
        }
        let status = self.status(end, is_whole);
        let told = std::mem::take(&mut self.metered).told();
        if let Some(word) = told.service_tier.as_deref().filter(|_| self.answer.call.service_tier.is_none()) {
            self.answer.tier_is(word);
        }
        if self.must_show && self.answer.call.model.is_none() && self.answer.call.usage.is_empty() {
            return Calls::none();
        }
        self.complete_usage(status, told.usage);
        let error_type = self.error_type(status, told.error_type, error_type);
        let mut call = self.answer.call;
        if call.model.is_none() {
            call.model.clone_from(&call.model_requested);
        }
        let by_model = || call.model.as_deref().and_then(|model| owner(self.dialect, model));
        call.provider = self.provider.or_else(by_model).map(|provider| Cow::Borrowed(provider.id));
        Calls::one(Facts {
            unix_ns: self.start.unix_ns,
            latency_ns: Some(at.ns_since(self.start)),
            status,
            error_type,
            subject: Subject::Call(call),
        })
    }

    /// The HTTP status of a refusal.
    fn refused(&self) -> Option<u16> {
        self.http_status.filter(|&status| status >= 400)
    }

    fn status(&self, end: End, is_whole: bool) -> Status {
        match end {
            _ if self.refused().is_some() || self.answer.failed => Status::Error,
            _ if is_whole => Status::Ok,
            // What was told of its usage is not all of it.
            End::Complete
                if self.body.is_events() && self.dialect.always_ends() && !self.answer.call.usage.is_empty() =>
            {
                Status::Lost
            }
            End::Complete => Status::Ok,
            End::Lost => Status::Lost,
            End::Cancelled => Status::Cancelled,
            End::Closed => Status::Aborted,
        }
    }

    /// Where the body tells no usage, the headers may, and what was to be spoken is billed by its length.
    fn complete_usage(&mut self, status: Status, metered: Usage) {
        let is_refused = self.refused().is_some();
        let call = &mut self.answer.call;
        if call.usage.is_empty() && !is_refused {
            call.usage = metered;
        }
        // Who streams events of speech, tells its tokens at the end. Of what was never answered, nothing may have been said.
        if call.usage.is_empty() && self.http_status.is_some() && status != Status::Error && !call.stream {
            call.usage.set_if(Dimension::Characters, self.characters);
        }
    }

    /// The most telling word for what went wrong: the body's, the headers', the HTTP status, the host's.
    fn error_type(&mut self, status: Status, metered: Option<String>, host: Option<&str>) -> Option<String> {
        if status == Status::Ok {
            return None;
        }
        let said = self.answer.error_type.take().or(metered);
        said.or_else(|| self.refused().map(|status| format!("http_{status}")))
            .or_else(|| host.filter(|word| value::is_token(word)).map(str::to_owned))
    }
}

#[cfg(test)]
mod tests;
