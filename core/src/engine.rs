//! The client: one configuration, one catalogue, one way out for its events.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::catalogue::Catalogue;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{Error, ErrorCode, Result};
use crate::event::{
    Attribution, Call, Charge, CostSource, CostState, Event, EventId, Facts, Origin, SpanId, Status, Subject, TraceId,
};
use crate::exchange::read_response;
use crate::ledger::Ledger;
use crate::moment::Moment;
use crate::money::Money;
use crate::notices::Notices;
use crate::outbox::{FlushReport, Outbox};
use crate::price::{Cost, Query};
use crate::report::{Summary, SummaryQuery};
use crate::scope::Scope;
use crate::stats::Stats;

/// How many response ids are remembered, to recognise a response that is recorded again.
const REMEMBERED_RESPONSES: usize = 4_096;

/// A client: records what calls cost, and answers what they cost.
///
/// Making one starts no thread and touches no file but the price file that its configuration names; the spool and the
/// I/O thread come with the first event. All methods may be called from any thread. A process that forks makes a client
/// of its own with [`Llmlab::for_forked_child`].
pub struct Llmlab {
    config: Config,
    origin: Arc<Origin>,
    base: Arc<Attribution>,
    catalogue: Arc<Catalogue>,
    clock: Arc<dyn Clock>,
    outbox: Outbox,
    recorded: AtomicU64,
    unpriced: AtomicU64,
    spans: AtomicU64,
    responses: Mutex<RecentResponses>,
    notices: Notices,
}

impl Llmlab {
    /// A client of a configuration.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidConfig`] or [`ErrorCode::InvalidPrices`] where the price file cannot be used.
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Result<Self> {
        let catalogue = match &config.prices {
            None => Catalogue::embedded(),
            Some(path) => {
                let prices = std::fs::read_to_string(path).map_err(|cause| {
                    let message = format!("the price file {} cannot be read; correct `prices`", path.display());
                    Error::new(ErrorCode::InvalidConfig, message).caused_by(cause)
                })?;
                Arc::new(Catalogue::with_overrides(&prices)?)
            }
        };
        Ok(Self::with_catalogue(config, catalogue, clock))
    }

    /// A client of a configuration and the built-in prices. Never fails.
    pub fn plain(config: Config, clock: Arc<dyn Clock>) -> Self {
        Self::with_catalogue(config, Catalogue::embedded(), clock)
    }

    fn with_catalogue(config: Config, catalogue: Arc<Catalogue>, clock: Arc<dyn Clock>) -> Self {
        let origin = Arc::new(Origin {
            project: config.project.clone(),
            run_id: config.run_id.clone(),
            environment: config.environment.clone(),
            service: config.service.clone(),
        });
        let notices = Notices::default();
        for warning in config.warnings() {
            notices.say_once(&warning, || warning.clone());
        }
        Self {
            outbox: Outbox::new(&config.home, origin.clone(), clock.clone()),
            base: Arc::new(config.attribution.clone()),
            config,
            origin,
            catalogue,
            clock,
            recorded: AtomicU64::new(0),
            unpriced: AtomicU64::new(0),
            spans: AtomicU64::new(0),
            responses: Mutex::default(),
            notices,
        }
    }

    /// A client like this one for a forked child, which shares nothing with its parent's: the parent's engine must be
    /// leaked there, never dropped or used. The child spools; what it spooled is delivered by the next process, or by
    /// whoever reads the ledger.
    #[must_use]
    pub fn for_forked_child(&self) -> Self {
        let child = Self::with_catalogue(self.config.clone(), self.catalogue.clone(), self.clock.clone());
        child.outbox.leave_delivery_to_others();
        child
    }

    /// The configuration.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The prices.
    pub const fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// The attribution of what no scope surrounds.
    pub const fn base(&self) -> &Arc<Attribution> {
        &self.base
    }

    /// Now.
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// A new trace and a new span, unique as far as the writer's nonce is.
    pub fn new_ids(&self) -> (TraceId, SpanId) {
        let mut number = self.spans.fetch_add(1, Ordering::Relaxed);
        let mut half = || {
            number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
            scrambled(number)
        };
        let nonce = u128::from_be_bytes(self.outbox.writer());
        let [high, low, span] = [half(), half(), half()];
        let trace = nonce ^ (u128::from(high) << 64 | u128::from(low));
        #[expect(clippy::cast_possible_truncation, reason = "half of the nonce is what is wanted")]
        let span = span ^ nonce as u64;
        (TraceId(trace.to_be_bytes()), SpanId(span.to_be_bytes()))
    }

    /// Records what happened within `scope`, and says what it cost. Never fails: what cannot be stored is counted in
    /// [`Llmlab::stats`]. `None` for what is no call, and where everything is disabled.
    pub fn record(&self, facts: Facts, scope: Option<&Arc<Scope>>) -> Option<Charge> {
        if self.config.disabled {
            return None;
        }
        let charge = match &facts.subject {
            Subject::Call(call) => Some(self.charge(call, facts.status, facts.unix_ns)),
            Subject::Step(_) | Subject::Rollup(_) => None,
        };
        self.record_charged(facts, charge, scope)
    }

    /// Records a call at the cost that the host gives, which goes before the catalogue's.
    pub fn record_at_cost(&self, facts: Facts, cost: Money, scope: Option<&Arc<Scope>>) -> Option<Charge> {
        if self.config.disabled {
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
        let attribution = scope.map_or(&self.base, |scope| scope.attribution()).clone();
        self.post(facts, attribution, charge);
        charge
    }

    /// Records a response that the host holds (JSON of a provider's body or of an SDK's object). `None` where it is no
    /// response of a model, and where it was recorded before, by the wire or by hand.
    pub fn record_response(&self, response: &Response<'_>, scope: Option<&Arc<Scope>>) -> Option<Charge> {
        let mut call = read_response(response.provider, response.api, response.body)?;
        if self.config.disabled || call.response_id.as_deref().is_some_and(|id| !self.responses.lock().insert(id)) {
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
        self.record(Facts { unix_ns, latency_ns, status: Status::Ok, error_type: None, subject }, scope)
    }

    /// Records the end of the step that `scope` is.
    pub fn record_step(&self, scope: &Scope, status: Status, error_type: Option<String>) {
        if self.config.disabled {
            return;
        }
        if let Some((facts, surroundings)) = scope.step(status, error_type, self.now()) {
            self.post(facts, surroundings, None);
        }
    }

    fn post(&self, facts: Facts, attribution: Arc<Attribution>, charge: Option<Charge>) {
        if let Subject::Call(call) = &facts.subject
            && let Some(id) = &call.response_id
        {
            self.responses.lock().insert(id);
        }
        let id = EventId { writer: self.outbox.writer(), counter: self.recorded.fetch_add(1, Ordering::Relaxed) };
        self.outbox.post(&Event { id, origin: self.origin.clone(), attribution, facts, charge });
    }

    fn charge(&self, call: &Call, status: Status, unix_ns: i64) -> Charge {
        let charge = self.catalogue.charge(call, status, unix_ns);
        if charge.state == CostState::Unpriced {
            self.unpriced.fetch_add(1, Ordering::Relaxed);
            if charge.matched_by.is_none() && !call.usage.is_empty() {
                self.say_unknown(call);
            }
        }
        charge
    }

    #[cold]
    fn say_unknown(&self, call: &Call) {
        let provider = call.provider.as_deref();
        let model = call.model.as_deref().or(call.model_requested.as_deref()).unwrap_or_default();
        let name = format!("{}/{model}", provider.unwrap_or("unknown provider"));
        self.notices.say_once(&name, || {
            let nearest = self.catalogue.nearest(provider, model);
            let hint =
                if nearest.is_empty() { String::new() } else { format!("; nearest known: {}", nearest.join(", ")) };
            format!("{name} has no price, so its calls count as unpriced{hint}")
        });
    }

    /// What a call would cost, line by line.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidUsage`]. An unknown model is no error but an unpriced cost.
    pub fn cost(&self, query: &Query<'_>) -> Result<Cost> {
        self.catalogue.cost(query)
    }

    /// What was spent, from the ledger of this home, which every process of the user fills. Current to the second.
    ///
    /// # Errors
    /// [`ErrorCode::Storage`] where the ledger cannot be read.
    pub fn summary(&self, query: &SummaryQuery) -> Result<Summary> {
        let (caught_up, mut ledger) = Ledger::current(&self.config.home)?;
        if let Err(error) = caught_up {
            self.notices.say_once("catch_up", || format!("the newest events are not counted: {error}"));
        }
        Summary::of(&mut ledger, query)
    }

    /// Seals what was recorded and waits until it is delivered, for `timeout` at most. What is not delivered stays in
    /// the spool.
    pub fn flush(&self, timeout: Duration) -> FlushReport {
        self.outbox.flush(timeout)
    }

    /// The same, and ends the I/O thread. What is recorded afterwards is still spooled.
    pub fn shutdown(&self, timeout: Duration) -> FlushReport {
        self.outbox.shutdown(timeout)
    }

    /// How the events of this client fared.
    pub fn stats(&self) -> Stats {
        Stats { unpriced: self.unpriced.load(Ordering::Relaxed), events: self.outbox.counters() }
    }

    /// What the user should be told since the last time; each thing once.
    pub fn take_notices(&self) -> Vec<String> {
        self.notices.take().into_iter().chain(self.outbox.take_warning()).collect()
    }
}

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

/// The last response ids, hashed.
#[derive(Default)]
struct RecentResponses {
    hasher: RandomState,
    known: HashSet<u64>,
    order: VecDeque<u64>,
}

impl RecentResponses {
    /// Remembers an id; false if it was remembered already.
    fn insert(&mut self, id: &str) -> bool {
        let hash = self.hasher.hash_one(id);
        if !self.known.insert(hash) {
            return false;
        }
        self.order.push_back(hash);
        if self.order.len() > REMEMBERED_RESPONSES
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// `SplitMix64`'s finaliser: a bijection, so different numbers stay different.
const fn scrambled(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
