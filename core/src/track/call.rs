//! What is recorded by hand.

use std::borrow::Cow;
use std::time::Duration;

use crate::engine::{Llmlab, Response};
use crate::event::{Call, Charge, Facts, Operation, Status, Subject};
use crate::money::Money;
use crate::provider;
use crate::scope;
use crate::track::Track;
use crate::usage::{Dimension, Usage};

/// A call that the program records itself: what [`Llmlab::track_call`] gives.
#[derive(Debug)]
#[must_use = "the call is not recorded until `record` is called"]
pub struct TrackCall {
    track: Track,
    is_labelled: bool,
    call: Call,
    cost: Option<Money>,
    latency: Option<Duration>,
    status: Status,
    error_type: Option<String>,
}

impl Llmlab {
    /// Records a call that no tap has seen: by a client of your own, over a WebSocket, in another process.
    ///
    /// ```
    /// # let home = tempfile::tempdir().unwrap();
    /// # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
    /// use llmlab::{Dimension, Usage};
    ///
    /// let usage = Usage::new().with(Dimension::Input, 1_200).with(Dimension::CacheRead, 1_000).with(Dimension::Output, 30);
    /// let charge = lab.track_call("openai", "gpt-4o-mini").usage(usage).feature("search").record().unwrap();
    /// assert_eq!(charge.total.unwrap().to_string(), "0.000123");
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    pub fn track_call(&self, provider: impl Into<String>, model: impl Into<String>) -> TrackCall {
        let (provider, model) = (provider.into(), model.into());
        let mut call = Call::new(Operation::Chat);
        call.provider = (!provider.is_empty()).then(|| match provider::by_name(&provider) {
            Some(known) => Cow::Borrowed(known.id),
            None => Cow::Owned(provider),
        });
        call.model = Some(model).filter(|model| !model.is_empty());
        call.model_requested.clone_from(&call.model);
        let (track, status) = (self.track(), Status::Ok);
        TrackCall { track, is_labelled: false, call, cost: None, latency: None, status, error_type: None }
    }

    /// Records a response that the program holds: the JSON of a provider's body. A response that was recorded before, by
    /// the wire or by hand, is not recorded again.
    ///
    /// ```
    /// # let home = tempfile::tempdir().unwrap();
    /// # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
    /// let body = r#"{"id":"c1","model":"gpt-4o-mini","usage":{"prompt_tokens":1000,"completion_tokens":500}}"#;
    /// let charge = lab.track_response(body).provider("openai").record().unwrap();
    /// assert_eq!(charge.total.unwrap().to_string(), "0.00045");
    /// assert!(lab.track_response(body).record().is_none());
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    pub fn track_response<'a>(&'a self, body: &'a (impl AsRef<[u8]> + ?Sized)) -> TrackResponse<'a> {
        TrackResponse { lab: self, response: Response { body: body.as_ref(), ..Response::default() } }
    }
}

impl TrackCall {
    /// All that it read: cached parts included.
    pub fn input_tokens(mut self, count: u64) -> Self {
        self.call.usage = self.call.usage.with(Dimension::Input, count);
        self
    }

    /// All that it wrote: reasoning included.
    pub fn output_tokens(mut self, count: u64) -> Self {
        self.call.usage = self.call.usage.with(Dimension::Output, count);
        self
    }

    /// All that it used, in the place of what was said of it before. Without any the cost is unknown, not 0.
    pub fn usage(mut self, usage: Usage) -> Self {
        self.call.usage = usage;
        self
    }

    /// What it cost in US dollars, which goes before the catalogue's prices.
    pub const fn cost_usd(mut self, cost: Money) -> Self {
        self.cost = Some(cost);
        self
    }

    /// How long it took; it then began so long ago.
    pub const fn latency(mut self, latency: Duration) -> Self {
        self.latency = Some(latency);
        self
    }

    /// `batch`, `flex`, `priority`…; `standard` if not given.
    pub fn service_tier(mut self, tier: impl Into<String>) -> Self {
        self.call.service_tier = Some(tier.into());
        self
    }

    /// What was asked; a chat if not given.
    pub const fn operation(mut self, operation: Operation) -> Self {
        self.call.operation = operation;
        self
    }

    /// It failed. `error_type` is the class or the code of the error, never its message: messages echo prompts and keys.
    /// What a provider refuses costs nothing.
    pub fn failed(mut self, error_type: impl Into<String>) -> Self {
        (self.status, self.error_type) = (Status::Error, Some(error_type.into()));
        self
    }

    /// The feature of the product, for this call alone.
    pub fn feature(self, feature: impl Into<String>) -> Self {
        self.labelled(|track| track.feature(feature))
    }

    /// The user who is served, for this call alone.
    pub fn user(self, user: impl Into<String>) -> Self {
        self.labelled(|track| track.user(user))
    }

    /// The session or conversation, for this call alone.
    pub fn session(self, session: impl Into<String>) -> Self {
        self.labelled(|track| track.session(session))
    }

    /// Anything else, for this call alone.
    pub fn tag(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labelled(|track| track.tag(key, value))
    }

    fn labelled(mut self, label: impl FnOnce(Track) -> Track) -> Self {
        self.track = label(self.track);
        self.is_labelled = true;
        self
    }

    /// Records the call in the [current scope](crate::scope::current), and says what it cost. Never fails: what cannot be
    /// stored is counted in [`Llmlab::stats`]. `None` where everything is disabled.
    pub fn record(self) -> Option<Charge> {
        let lab = &self.track.lab;
        let scope = if self.is_labelled { Some(self.track.open()) } else { scope::current() };
        let latency_ns = self.latency.map(|latency| u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
        let before_ns = i64::try_from(latency_ns.unwrap_or(0)).unwrap_or(i64::MAX);
        let facts = Facts {
            unix_ns: lab.now().unix_ns.saturating_sub(before_ns),
            latency_ns,
            status: self.status,
            error_type: self.error_type,
            subject: Subject::Call(Box::new(self.call)),
        };
        match self.cost {
            Some(cost) => lab.record_at_cost(facts, cost, scope.as_ref()),
            None => lab.record(facts, scope.as_ref()),
        }
    }
}

/// A response that the program records itself: what [`Llmlab::track_response`] gives.
#[derive(Debug)]
#[must_use = "the response is not recorded until `record` is called"]
pub struct TrackResponse<'a> {
    lab: &'a Llmlab,
    response: Response<'a>,
}

impl<'a> TrackResponse<'a> {
    /// Who gave it, in any spelling; told by its model and its shape if not given.
    pub const fn provider(mut self, provider: &'a str) -> Self {
        self.response.provider = Some(provider);
        self
    }

    /// The model, where the response names none.
    pub const fn model(mut self, model: &'a str) -> Self {
        self.response.model = Some(model);
        self
    }

    /// Such as `chat`, `messages` or `embeddings`; told by its shape if not given.
    pub const fn api(mut self, api: &'a str) -> Self {
        self.response.api = Some(api);
        self
    }

    /// Records it in the [current scope](crate::scope::current), and says what it cost. `None` where it is no response of a
    /// model, where it was recorded before, and where everything is disabled.
    pub fn record(self) -> Option<Charge> {
        self.lab.record_response(&self.response, scope::current().as_ref())
    }
}
