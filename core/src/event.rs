//! The record of one thing that happened: a call to a model, or a step of a traced program. Or of many: a rollup.
//!
//! An [`Event`] holds facts, which never change, and apart from them a [`Charge`], which is derived from the facts by a
//! version of the catalogue and may be derived again.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::money::Money;
use crate::usage::Usage;

mod abridged;
mod json;
mod rollup;

pub(crate) use json::milliseconds;
pub use rollup::{Rollup, Tally};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum $name { $($(#[$variant_doc])* $variant = $number),* }

        impl $name {
            /// Every word. Numbers are stored in the spool and the ledger: append, never renumber.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word in JSON and every language.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The value of a stored number.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)* _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// How something ended.
    Status {
        /// It ended as it should.
        Ok = 0 "ok",
        /// The provider answered with an error, or the function raised.
        Error = 1 "error",
        /// The connection was lost after the request was sent: whether it was billed is unknown.
        Lost = 2 "lost",
        /// The host cancelled it.
        Cancelled = 3 "cancelled",
        /// The host stopped reading before the end of a stream.
        Aborted = 4 "aborted",
    }
}

words! {
    /// What was asked of the provider: the words of OpenTelemetry's `gen_ai.operation.name`
    /// (<https://opentelemetry.io/docs/specs/semconv/gen-ai/>), which has none for the last four.
    Operation {
        /// A conversation: chat completions, responses, messages.
        Chat = 0 "chat",
        /// A completion of a text.
        TextCompletion = 1 "text_completion",
        /// Vectors of texts.
        Embeddings = 2 "embeddings",
        /// Google's generation of content of any kind.
        GenerateContent = 3 "generate_content",
        /// The order of documents by a query.
        Rerank = 4 "rerank",
        /// Images made or changed.
        ImageGeneration = 5 "image_generation",
        /// Speech of a text.
        Speech = 6 "speech",
        /// The text of speech, or of scanned pages.
        Transcription = 7 "transcription",
    }
}

words! {
    /// What is known of a cost.
    CostState {
        /// The number on the invoice.
        Priced = 0 "priced",
        /// A lower bound or a guess: a stream that broke off, a dimension without a price.
        Estimated = 1 "estimated",
        /// Nothing is known. The amount is null, never 0.
        Unpriced = 2 "unpriced",
    }
}

words! {
    /// Where a cost comes from.
    CostSource {
        /// Usage multiplied by the catalogue's rates.
        Catalogue = 0 "catalogue",
        /// The provider stated it.
        Provider = 1 "provider",
        /// Providers do not bill a refused request.
        NotBilled = 2 "not_billed",
        /// The host gave it.
        Host = 3 "host",
    }
}

words! {
    /// How a model's name was found in the catalogue.
    MatchedBy {
        /// As it stands.
        Exact = 0 "exact",
        /// Under a name that the catalogue lists as another one of the same model, or in another spelling.
        Alias = 1 "alias",
        /// A dated snapshot that is not listed, by the model it is a snapshot of.
        Snapshot = 2 "snapshot",
        /// A fine-tuned model, by its base.
        FineTune = 3 "fine_tune",
        /// The user's own prices or names.
        Override = 4 "override",
    }
}

/// The identity of an event, given at its creation and the same in every place it reaches: sixteen random bytes of the
/// engine that made it, and a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// The nonce of the writing engine.
    pub writer: [u8; 16],
    /// The number of the event within that engine.
    pub counter: u64,
}

/// Forty-eight hexadecimal digits.
impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}{:016x}", u128::from_be_bytes(self.writer), self.counter)
    }
}

/// A W3C trace id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceId(pub [u8; 16]);

/// A W3C span id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpanId(pub [u8; 8]);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// What all events of one engine share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The project that pays.
    pub project: String,
    /// The run of `llmlab run`, inherited by its child processes.
    pub run_id: Option<String>,
    /// Such as `production`.
    pub environment: Option<String>,
    /// The name of the application.
    pub service: Option<String>,
}

/// Who and what in the host an event belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attribution {
    /// The feature of the product.
    pub feature: Option<String>,
    /// The user served.
    pub user: Option<String>,
    /// The session or conversation.
    pub session: Option<String>,
    /// Anything else, sorted by key, keys unique.
    pub tags: Vec<(String, String)>,
    /// The trace that surrounds the event.
    pub trace_id: Option<TraceId>,
    /// The step that surrounds the event.
    pub parent_id: Option<SpanId>,
}

/// One exchange of a billable operation, or a manual record of one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// Who was called; `None` where the wire does not tell (a self-hosted server).
    pub provider: Option<Cow<'static, str>>,
    /// The model that answered, as the provider names it; the one asked for if the answer names none.
    pub model: Option<String>,
    /// The model that was asked for.
    pub model_requested: Option<String>,
    /// What was asked.
    pub operation: Operation,
    /// The answer came as a stream.
    pub stream: bool,
    /// Which try of the SDK this was, from 1.
    pub attempt: u32,
    /// What it used. Empty is unknown.
    pub usage: Usage,
    /// Billed passes that the top-level usage leaves out, each by its own model
    /// (<https://platform.claude.com/docs/en/build-with-claude/compaction>).
    pub extra_passes: Vec<Pass>,
    /// `standard`, `batch`, `flex`, `priority`…, as the response says. `None` is standard.
    pub service_tier: Option<String>,
    /// The region that inference was bound to, if it changes the price.
    pub inference_geo: Option<String>,
    /// `fast`, if it changes the price.
    pub speed: Option<String>,
    /// `low`, `medium` or `high`, if it changes the price.
    pub search_context_size: Option<String>,
    /// The cost that the provider itself states.
    pub provider_cost: Option<Money>,
    /// The provider's id of the response.
    pub response_id: Option<String>,
    /// Nanoseconds from the start to the first event of a stream.
    pub first_event_ns: Option<u64>,
}

impl Call {
    /// A call of which only the operation is known.
    pub const fn new(operation: Operation) -> Self {
        Self {
            provider: None,
            model: None,
            model_requested: None,
            operation,
            stream: false,
            attempt: 1,
            usage: Usage::new(),
            extra_passes: Vec::new(),
            service_tier: None,
            inference_geo: None,
            speed: None,
            search_context_size: None,
            provider_cost: None,
            response_id: None,
            first_event_ns: None,
        }
    }
}

/// A billed pass of a call beside its top-level usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// The model of the pass; `None` is the call's.
    pub model: Option<String>,
    /// What the pass used.
    pub usage: Usage,
}

/// One traced function. It has children and no cost of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The name of the agent, tool or function.
    pub name: String,
    /// `agent`, `tool`, `function`, or the host's own word.
    pub kind: Cow<'static, str>,
    /// Made at the start; the `parent_id` of its children.
    pub span_id: SpanId,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// A call to a model.
    Call(Box<Call>),
    /// A step of a traced program.
    Step(Box<Step>),
    /// Sums over calls and steps whose detail had to be given up.
    Rollup(Box<Rollup>),
}

/// What happened. Never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// When it started, in nanoseconds since 1970; for a rollup, the start of its UTC day.
    pub unix_ns: i64,
    /// How long it took.
    pub latency_ns: Option<u64>,
    /// How it ended.
    pub status: Status,
    /// The class or code of the error, never its message: messages echo prompts and keys.
    pub error_type: Option<String>,
    /// What it is about.
    pub subject: Subject,
}

/// What a call cost, derived from its facts by one version of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The amount; `None` exactly when the state is unpriced.
    pub total: Option<Money>,
    /// What is known of it.
    pub state: CostState,
    /// Where it comes from.
    pub source: CostSource,
    /// The version of the catalogue that was asked; 0 for none.
    pub catalogue_version: u64,
    /// How the model's name was found; `None` if it was not.
    pub matched_by: Option<MatchedBy>,
}

impl Charge {
    /// An amount beyond ±9.2 billion USD fits into no sum, and is no amount.
    pub(crate) fn bounded(self) -> Self {
        match self.total.map(Money::to_nano_atto) {
            Some(None) => Self { total: None, state: CostState::Unpriced, ..self },
            _ => self,
        }
    }
}

/// A call, a step or a rollup, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its identity.
    pub id: EventId,
    /// The engine's share.
    pub origin: Arc<Origin>,
    /// The host's share.
    pub attribution: Arc<Attribution>,
    /// What happened.
    pub facts: Facts,
    /// What it cost; `None` for a step.
    pub charge: Option<Charge>,
}

impl Event {
    /// The span of the event: a step's own, and else one derived from its id, so that it is the same at every
    /// delivery.
    pub fn span_id(&self) -> SpanId {
        match &self.facts.subject {
            Subject::Step(step) => step.span_id,
            Subject::Call(_) | Subject::Rollup(_) => {
                let mut half = [0; 8];
                half.copy_from_slice(&self.id.writer[..8]);
                SpanId((u64::from_be_bytes(half) ^ self.id.counter.rotate_left(32)).to_be_bytes())
            }
        }
    }
}
