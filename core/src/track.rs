//! Who pays for what happens in a part of the program, and what it cost: the scopes of a client, and its steps.

use std::sync::Arc;

use crate::engine::Llmlab;
use crate::event::{Attribution, SpanId, TraceId};
use crate::scope::{self, Entered, Instrumented, Labels, Scope};

mod call;
mod step;

pub use call::{TrackCall, TrackResponse};
pub use step::{Step, Trace, Traced, TryTraced};

/// The labels of a part of the program, and the client that it belongs to: what [`Llmlab::track`] gives. Each of
/// [`open`](Track::open), [`enter`](Track::enter), [`in_scope`](Track::in_scope) and [`instrument`](Track::instrument) opens
/// a new scope within the [current one](scope::current). The inner label wins, the rest is inherited.
///
/// It may be kept and used again, by any thread: a second scope in the same surroundings allocates little.
#[derive(Debug)]
#[must_use = "nothing is tracked until a scope is opened"]
pub struct Track {
    pub(crate) lab: Llmlab,
    pub(crate) labels: Labels,
    trace: Option<(TraceId, Option<SpanId>)>,
}

impl Llmlab {
    /// Attributes what is spent in a part of the program, and counts it.
    ///
    /// ```
    /// # let home = tempfile::tempdir().unwrap();
    /// # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
    /// let search = lab.track().feature("search").user("u1").tag("tier", "free").enter();
    /// lab.track_call("openai", "gpt-4o-mini").input_tokens(1_000).output_tokens(500).record();
    /// assert_eq!(search.calls(), 1);
    /// assert_eq!(search.cost().unwrap().to_string(), "0.00045");
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    pub fn track(&self) -> Track {
        Track { lab: self.clone(), labels: Labels::default(), trace: None }
    }
}

impl Track {
    /// The feature of the product.
    pub fn feature(mut self, feature: impl Into<String>) -> Self {
        self.labels.own_mut().feature = Some(feature.into());
        self
    }

    /// The user who is served.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.labels.own_mut().user = Some(user.into());
        self
    }

    /// The session or conversation.
    pub fn session(mut self, session: impl Into<String>) -> Self {
        self.labels.own_mut().session = Some(session.into());
        self
    }

    /// Anything else. Of two tags with the same key the later one stays.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.tag(key.into(), value.into());
        self
    }

    /// Several tags.
    pub fn tags<K: Into<String>, V: Into<String>>(self, tags: impl IntoIterator<Item = (K, V)>) -> Self {
        tags.into_iter().fold(self, |this, (key, value)| this.tag(key, value))
    }

    /// Joins a trace that somebody else keeps, such as OpenTelemetry's: what is recorded inside belongs to that trace, below
    /// that span.
    ///
    /// With `tracing-opentelemetry` the ids are those of `tracing::Span::current().context().span().span_context()`, by their
    /// `to_bytes()`. The other way round, a cost becomes a field of a span by
    /// `span.record("llm_cost_usd", tracing::field::display(cost))`.
    ///
    /// ```
    /// # let home = tempfile::tempdir().unwrap();
    /// # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
    /// use llmlab::event::{SpanId, TraceId};
    ///
    /// let request = lab.track().in_trace(TraceId([7; 16]), Some(SpanId([1; 8]))).enter();
    /// let plan = lab.trace("plan").start();
    /// assert_eq!(plan.scope().attribution().trace_id, Some(TraceId([7; 16])));
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    pub const fn in_trace(mut self, trace: TraceId, parent: Option<SpanId>) -> Self {
        self.trace = Some((trace, parent));
        self
    }

    /// Opens a scope, which is not entered yet: for whoever wants to read it afterwards, or to enter it more than once.
    pub fn open(&self) -> Arc<Scope> {
        let parent = scope::current();
        Arc::new(Scope::of(&self.lab, parent.as_ref(), &self.surroundings(parent.as_ref()), &self.labels))
    }

    /// Opens a scope and enters it on this thread, until the guard is dropped. See [`Scope::enter`].
    pub fn enter(&self) -> Entered {
        self.open().enter()
    }

    /// Opens a scope and runs `work` inside.
    pub fn in_scope<T>(&self, work: impl FnOnce() -> T) -> T {
        self.open().in_scope(work)
    }

    /// Opens a scope, now, and gives a future that enters it whenever it is polled.
    pub fn instrument<F: Future>(&self, future: F) -> Instrumented<F> {
        self.open().instrument(future)
    }

    pub(crate) fn surroundings(&self, parent: Option<&Arc<Scope>>) -> Arc<Attribution> {
        let around = parent.map_or_else(|| self.lab.base(), |parent| parent.attribution());
        match self.trace {
            None => Arc::clone(around),
            Some((trace, parent)) => {
                Arc::new(Attribution { trace_id: Some(trace), parent_id: parent, ..(**around).clone() })
            }
        }
    }
}
