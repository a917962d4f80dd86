//! One HTTP exchange, bytes in, call out.
//!
//! A host observes: it begins an exchange with every request its client sends, and passes on what comes back. Only this
//! side understands, so that a client in any language needs no knowledge of any provider.

use std::borrow::Cow;

use crate::event::{Facts, Status, Subject};
use crate::moment::Moment;
use crate::provider::dialect::{Answer, Dialect};
use crate::provider::{self, Counting, Provider};
use crate::wire::decode::Decoder;
use crate::wire::{json, value};

mod body;
mod headers;
mod manual;

use body::Body;
pub use headers::Header;
pub use manual::{UNREAD_MEMBERS, read_response};

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

/// How the host saw it end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    http_status: Option<u16>,
    provider: Option<&'static Provider>,
    dialect: &'static Dialect,
    answer: Answer,
    decoder: Decoder,
    body: Body,
}

impl Exchange {
    /// Begins an exchange that went out at `at`. `None`, within a fraction of a microsecond and without allocating, if it
    /// is no billable call to a model.
    pub fn begin(request: &Request<'_>, at: Moment) -> Option<Self> {
        let (provider, endpoint) = provider::locate(request.url)?;
        if !request.method.eq_ignore_ascii_case("POST") {
            return None;
        }
        let asked = Asked::read(request.body, endpoint.request_member);
        if provider.is_none() && endpoint.request_member.is_some() && !(asked.has_member && asked.model.is_some()) {
            return None;
        }
        let model = if endpoint.model_in_path { model_of(request.url, endpoint.path_end) } else { asked.model };
        let provider_by_model = || model.as_deref().and_then(|model| owner(endpoint.dialect, model));
        let counting = provider.or_else(provider_by_model).map_or(Counting::PLAIN, |provider| provider.counting);
        let mut answer = Answer::new(endpoint.operation, counting);
        answer.call.stream = endpoint.streams || asked.stream;
        answer.call.search_context_size = asked.search_context_size.map(Cow::into_owned);
        answer.call.model_requested = model.map(Cow::into_owned);
        if let Some(tier) = asked.service_tier {
            answer.tier(tier);
        }
        Some(Self {
            start: at,
            http_status: None,
            provider,
            dialect: endpoint.dialect,
            answer,
            decoder: Decoder::Identity,
            body: Body::default(),
        })
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
                is_stream = value.trim_ascii_start().starts_with(b"text/event-stream");
            }
        }
        self.answer.call.stream = status < 400 && (is_stream || self.answer.call.stream);
    }

    /// Bytes of the body as they came over the connection, in any pieces. `at` is asked for the time at most once in the
    /// life of an exchange: at the first event of a stream.
    pub fn push(&mut self, bytes: &[u8], at: impl FnOnce() -> Moment) {
        let Self { decoder, body, answer, dialect, .. } = self;
        let before = body.has_begun();
        decoder.push(bytes, &mut |bytes| body.push(bytes, dialect, answer));
        if !before && body.has_begun() && (body.is_events() || answer.call.stream) {
            answer.call.stream = true;
            answer.call.first_event_ns = Some(at().ns_since(self.start));
        }
    }

    /// It is over: the calls that it was. Mostly one; as many as a batch had, if this was the download of its results; none,
    /// if nothing was billed by it. `error_type` is the host's word for what went wrong, such as the class of an exception.
    pub fn finish(mut self, end: End, error_type: Option<&str>, at: Moment) -> Calls {
        let is_whole = self.body.end(self.dialect, &mut self.answer);
        let refused = self.http_status.filter(|&status| status >= 400);
        let status = match end {
            _ if refused.is_some() || self.answer.failed => Status::Error,
            _ if is_whole => Status::Ok,
            End::Complete => Status::Ok,
            End::Lost => Status::Lost,
            End::Cancelled => Status::Cancelled,
            End::Closed => Status::Aborted,
        };
        let Answer { mut call, error_type: said, .. } = self.answer;
        let error_type = (status != Status::Ok)
            .then(|| {
                said.or_else(|| refused.map(|status| format!("http_{status}")))
                    .or_else(|| error_type.filter(|word| value::is_token(word)).map(str::to_owned))
            })
            .flatten();
        if call.model.is_none() {
            call.model.clone_from(&call.model_requested);
        }
        let by_model = || call.model.as_deref().and_then(|model| owner(self.dialect, model));
        call.provider = self.provider.or_else(by_model).map(|provider| Cow::Borrowed(provider.id));
        let facts = Facts {
            unix_ns: self.start.unix_ns,
            latency_ns: Some(at.ns_since(self.start)),
            status,
            error_type,
            subject: Subject::Call(call),
        };
        Calls(Some(facts))
    }
}

/// The calls of an exchange.
pub struct Calls(Option<Facts>);

impl Iterator for Calls {
    type Item = Facts;

    fn next(&mut self) -> Option<Facts> {
        self.0.take()
    }
}

/// The provider that a model tells on a host that is nobody's.
fn owner(dialect: &Dialect, model: &str) -> Option<&'static Provider> {
    provider::owner_of(model).filter(|owner| dialect.native_to.is_none_or(|native| owner.id == native))
}

/// What a request's body says.
#[derive(Default)]
struct Asked<'a> {
    model: Option<Cow<'a, str>>,
    stream: bool,
    service_tier: Option<&'a [u8]>,
    search_context_size: Option<Cow<'a, str>>,
    has_member: bool,
}

impl<'a> Asked<'a> {
    fn read(body: &'a [u8], member: Option<&str>) -> Self {
        let mut asked = Self::default();
        for (key, raw) in json::members(body) {
            match key {
                b"model" => asked.model = value::name(raw),
                b"stream" => asked.stream = raw == b"true",
                b"service_tier" | b"serviceTier" => asked.service_tier = Some(raw),
                b"web_search_options" => {
                    asked.search_context_size = json::get(raw, "search_context_size").and_then(value::name);
                }
                _ => {}
            }
            asked.has_member |= member.is_some_and(|member| member.as_bytes() == key);
        }
        asked
    }
}

/// The model of a path such as `/v1beta/models/gemini-2.5-pro:generateContent`.
fn model_of<'a>(url: &'a str, path_end: &str) -> Option<Cow<'a, str>> {
    let (_, path) = provider::host_and_path(url)?;
    let model = path.strip_suffix(path_end)?.rsplit('/').next()?;
    (!model.is_empty()).then_some(Cow::Borrowed(model))
}

#[cfg(test)]
mod tests;
