//! What happened becomes an event: priced, attributed, posted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::Llmlab;
use crate::event::{Attribution, Call, Charge, CostSource, CostState, Event, EventId, Facts, Status, Subject};
use crate::exchange::read_response;
use crate::later;
use crate::moment::Moment;
use crate::money::Money;
use crate::scope::Scope;

/// A response that the host holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Response<'a> {
    /// Who gave it; guessed from its shape if not told.
    pub provider: Option<&'a str>,
    /// The model, if the response does not name one.
    pub model: Option<&'a str>,
    /// Such as `chat` or `responses`; guessed from its shape if not told.
    pub api: Option<&'a str>,
    /// JSON.
    pub body: &'a [u8],
    /// When the call began.
    pub start: Option<Moment>,
}

/// Of the process.
static FAULTS: AtomicU64 = AtomicU64::new(0);

impl Llmlab {
    /// How many exchanges were given up in this process because of a fault of this library's.
    #[doc(hidden)]
    pub fn faults() -> u64 {
        FAULTS.load(Ordering::Relaxed)
    }

    /// Does `work`, which reads so many bytes and records what they tell: at once, or on a thread of the library's if they
    /// are so many that the caller would notice. [`Llmlab::flush`] and whatever else gives numbers waits for it.
    #[doc(hidden)]
    pub fn read(bytes: usize, work: impl FnOnce() + Send + 'static) {
        later::read(bytes, work);
    }

    /// Records what happened within `scope`, and says what it cost. Never fails: what cannot be stored is counted in
    /// [`Llmlab::stats`]. `None` for what is no call, and where everything is disabled.
    ///
    /// A result of a batch that is among the last 4,096 responses of this process is not recorded again. A larger file that
    /// is downloaded twice, or one that two processes download, is counted twice.
    ///
    /// ```
    /// # let home = tempfile::tempdir().unwrap();
    /// # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
    /// use llmlab::event::{Call, Facts, Operation, Status, Subject};
    /// use llmlab::{Dimension, Usage, scope};
    ///
    /// let mut call = Call::new(Operation::Embeddings);
    /// call.provider = Some("openai".into());
    /// call.model = Some("text-embedding-3-small".to_owned());
    /// call.usage = Usage::new().with(Dimension::Input, 1_000_000);
    /// let subject = Subject::Call(Box::new(call));
    /// let (unix_ns, latency_ns) = (lab.now().unix_ns, Some(300_000_000));
    /// let facts = Facts { unix_ns, latency_ns, status: Status::Ok, error_type: None, subject };
    /// let charge = lab.record(facts, scope::current().as_ref()).unwrap();
    /// assert_eq!(charge.total.unwrap().to_string(), "0.02");
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    pub fn record(&self, facts: Facts, scope: Option<&Arc<Scope>>) -> Option<Charge> {
        if self.core.config.disabled || self.is_old_result(&facts) {
            return None;
        }
        self.record_new(facts, scope)
    }

    fn record_new(&self, facts: Facts, scope: Option<&Arc<Scope>>) -> Option<Charge> {
        let charge = match &facts.subject {
            Subject::Call(call) => Some(self.charge(call, facts.status, facts.unix_ns)),
            Subject::Step(_) | Subject::Rollup(_) => None,
        };
        self.record_charged(facts, charge, scope)
    }

    /// Records a call at the cost that the host gives, which goes before the catalogue's.
    pub fn record_at_cost(&self, facts: Facts, cost: Money, scope: Option<&Arc<Scope>>) -> Option<Charge> {
        if self.core.config.disabled {
            return None;
        }
        let charge = Charge {
            total: Some(cost),
            state: CostState::Priced,
            source: CostSource::Host,
            catalogue_version: 0,
            matched_by: None,
        };
        self.record_charged(facts, Some(charge), scope)
    }

    fn record_charged(&self, facts: Facts, charge: Option<Charge>, scope: Option<&Arc<Scope>>) -> Option<Charge> {
        if let (Some(scope), Some(charge)) = (scope, &charge) {
            scope.spend(charge);
        }
        let attribution = scope.map_or(&self.core.base, |scope| scope.attribution()).clone();
        self.post(facts, attribution, charge);
        charge
    }

    /// Records a response that the host holds (JSON of a provider's body or of an SDK's object). `None` where it is no
    /// response of a model, and where it was recorded before, by the wire or by hand.
    pub fn record_response(&self, response: &Response<'_>, scope: Option<&Arc<Scope>>) -> Option<Charge> {
        let mut call = read_response(response.provider, response.api, response.body)?;
        if self.core.config.disabled
            || call.response_id.as_deref().is_some_and(|id| !self.core.own.get().responses.lock().insert(id))
        {
            return None;
        }
        if call.model.is_none() {
            call.model = response.model.map(str::to_owned);
        }
        if call.model_requested.is_none() {
            call.model_requested = response.model.map(str::to_owned);
        }
        let latency_ns = response.start.map(|start| self.now().ns_since(start));
        let unix_ns = response.start.unwrap_or_else(|| self.now()).unix_ns;
        let subject = Subject::Call(Box::new(call));
        self.record_new(Facts { unix_ns, latency_ns, status: Status::Ok, error_type: None, subject }, scope)
    }

    /// Records the end of the step that `scope` is.
    #[doc(hidden)]
    pub fn record_step(&self, scope: &Scope, status: Status, error_type: Option<String>) {
        if self.core.config.disabled {
            return;
        }
        if let Some((facts, surroundings)) = scope.step(status, error_type, self.now()) {
            self.post(facts, surroundings, None);
        }
    }

    fn post(&self, facts: Facts, attribution: Arc<Attribution>, charge: Option<Charge>) {
        let own = self.core.own.get();
        if let Subject::Call(call) = &facts.subject
            && let Some(id) = &call.response_id
        {
            own.responses.lock().insert(id);
        }
        let id = EventId { writer: own.outbox.writer(), counter: own.recorded.fetch_add(1, Ordering::Relaxed) };
        own.outbox.post(&Event { id, origin: self.core.origin.clone(), attribution, facts, charge });
    }

    /// The results of a batch may be downloaded again, and are billed once. On the wire, answers of batches come in no other
    /// way.
    fn is_old_result(&self, facts: &Facts) -> bool {
        let Subject::Call(call) = &facts.subject else { return false };
        call.service_tier.as_deref() == Some("batch")
            && call.response_id.as_deref().is_some_and(|id| !self.core.own.get().responses.lock().insert(id))
    }

    fn charge(&self, call: &Call, status: Status, unix_ns: i64) -> Charge {
        let charge = self.core.catalogue.load().charge(call, status, unix_ns);
        if charge.state == CostState::Unpriced {
            self.core.own.get().unpriced.fetch_add(1, Ordering::Relaxed);
            if charge.matched_by.is_none() && !call.usage.is_empty() {
                self.say_unknown(call);
            }
        }
        charge
    }

    /// A fault of this library's, which has cost the user an event.
    #[cold]
    pub(super) fn say_fault(&self) {
        FAULTS.fetch_add(1, Ordering::Relaxed);
        let message = || "an exchange was not recorded because of a fault in llmlab; please report it".to_owned();
        self.core.own.get().notices.say_once("fault", message);
    }

    #[cold]
    fn say_unknown(&self, call: &Call) {
        let provider = call.provider.as_deref();
        let model = call.model.as_deref().or(call.model_requested.as_deref()).unwrap_or_default();
        let name = format!("{}/{model}", provider.unwrap_or("unknown provider"));
        self.core.own.get().notices.say_once(&name, || {
            let nearest = self.core.catalogue.load().nearest(provider, model);
            let hint = match nearest.as_slice() {
                [] => "name its model with set_model, or its price with set_price".to_owned(),
                nearest => format!("nearest known: {}", nearest.join(", ")),
            };
            format!("{name} has no price, so its calls count as unpriced; {hint}")
        });
    }
}
