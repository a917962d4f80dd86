//! The client: one configuration, one catalogue, one way out for its events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::catalogue::Catalogue;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{Error, ErrorCode, Result};
use crate::event::{
    Attribution, Call, Charge, CostSource, CostState, Event, EventId, Facts, Origin, SpanId, Status, Subject, TraceId,
};
use crate::exchange::read_response;
use crate::fork::{self, PerProcess};
use crate::ledger::Ledger;
use crate::lock::Lock;
use crate::moment::Moment;
use crate::money::Money;
use crate::notices::Notices;
use crate::outbox::{FlushReport, Outbox, is_lost_with_the_machine};
use crate::price::{Cost, Query};
use crate::report::{Summary, SummaryQuery};
use crate::scope::Scope;
use crate::sink::HandedBatch;
use crate::stats::Stats;

#[cfg(all(test, target_os = "linux"))]
mod forks;
mod responses;

use responses::RecentResponses;

/// A client: records what calls cost, and answers what they cost.
///
/// Making one starts no thread and touches no file but the price file that its configuration names; the spool and the
/// I/O thread come with the first event. All methods may be called from any thread, and in a forked child as well: what
/// must not cross a fork is made anew there, and the child's numbers begin at nothing. A child leaves the ledger to its
/// parent, to a sibling, or to whoever reads it.
pub struct Llmlab {
    config: Config,
    origin: Arc<Origin>,
    base: Arc<Attribution>,
    catalogue: Arc<Catalogue>,
    clock: Arc<dyn Clock>,
    own: PerProcess<Own, Box<dyn Fn() -> Own + Send + Sync>>,
}

/// What belongs to one process.
struct Own {
    outbox: Outbox,
    recorded: AtomicU64,
    unpriced: AtomicU64,
    spans: AtomicU64,
    responses: Lock<RecentResponses>,
    notices: Notices,
}

impl Own {
    fn new(outbox: Outbox) -> Self {
        Self {
            outbox,
            recorded: AtomicU64::new(0),
            unpriced: AtomicU64::new(0),
            spans: AtomicU64::new(0),
            responses: Lock::default(),
            notices: Notices::default(),
        }
    }
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
        let (home, settings) = (config.home.clone(), config.outbox.clone());
        let (its_origin, its_clock) = (Arc::clone(&origin), Arc::clone(&clock));
        let make = move || Own::new(Outbox::new(&home, its_origin.clone(), settings.clone(), its_clock.clone()));
        let this = Self {
            base: Arc::new(config.attribution.clone()),
            config,
            origin,
            catalogue,
            clock,
            own: PerProcess::new(Box::new(make)),
        };
        let notices = &this.own.get().notices;
        for warning in &this.config.warnings {
            notices.say_once(warning, || warning.clone());
        }
        this
    }

    fn outbox(&self) -> &Outbox {
        &self.own.get().outbox
    }

    /// Tells whether events can be kept as configured, for a clear error at the start: the home can be written to and is
    /// the user's own, and the files that the sinks name are there. Makes the folder of the spool.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidConfig`], naming the folder or the file, and the fix.
    pub fn check(&self) -> Result<()> {
        if self.config.disabled {
            return Ok(());
        }
        Outbox::check(&self.config.home)
            .map_err(|cause| Error::new(ErrorCode::InvalidConfig, "events cannot be kept").caused_by(cause))?;
        for (sink, file) in self.config.outbox.sinks.iter().filter_map(|sink| Some((sink, sink.ca_file()?))) {
            std::fs::File::open(file).map_err(|cause| {
                let message = format!("ca_file {} of the sink {} cannot be read", file.display(), sink.kind());
                Error::new(ErrorCode::InvalidConfig, message).caused_by(cause)
            })?;
        }
        Ok(())
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
        let own = self.own.get();
        let mut number = own.spans.fetch_add(1, Ordering::Relaxed);
        let mut half = || {
            number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
            scrambled(number)
        };
        let nonce = u128::from_be_bytes(own.outbox.writer());
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
        if self.config.disabled
            || call.response_id.as_deref().is_some_and(|id| !self.own.get().responses.lock().insert(id))
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
        let own = self.own.get();
        if let Subject::Call(call) = &facts.subject
            && let Some(id) = &call.response_id
        {
            own.responses.lock().insert(id);
        }
        let id = EventId { writer: own.outbox.writer(), counter: own.recorded.fetch_add(1, Ordering::Relaxed) };
        own.outbox.post(&Event { id, origin: self.origin.clone(), attribution, facts, charge });
    }

    fn charge(&self, call: &Call, status: Status, unix_ns: i64) -> Charge {
        let charge = self.catalogue.charge(call, status, unix_ns);
        if charge.state == CostState::Unpriced {
            self.own.get().unpriced.fetch_add(1, Ordering::Relaxed);
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
        self.own.get().notices.say_once(&name, || {
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
    /// [`ErrorCode::Storage`] where the ledger cannot be read; as in a process that was forked from one that had it open,
    /// where a thread of the parent may hold a lock of `SQLite` for ever.
    pub fn summary(&self, query: &SummaryQuery) -> Result<Summary> {
        let (caught_up, mut ledger) = Ledger::current(&self.config.home)?;
        if let Err(error) = caught_up {
            self.own.get().notices.say_once("catch_up", || format!("the newest events are not counted: {error}"));
        }
        Summary::of(&mut ledger, query)
    }

    /// Seals what was recorded and waits until it is delivered, for `timeout` at most. A delivery that fails is tried
    /// again, with growing pauses. Returns early where nothing can happen before the time is over: where the next try comes
    /// later, or a sink refuses everything (a wrong key), or another process serves it. What is not delivered stays in the
    /// spool.
    pub fn flush(&self, timeout: Duration) -> FlushReport {
        self.outbox().flush(timeout)
    }

    /// Delivers now what dead processes of this project left, to every sink of this client, and returns when nothing of it
    /// waits any more; after `timeout` at the latest, and early where every sink that has something to come refuses it.
    pub fn drain(&self, timeout: Duration) -> FlushReport {
        self.outbox().drain(timeout)
    }

    /// Seals what was recorded, waits until it is delivered, and ends the I/O of this client. A delivery that fails is not
    /// tried again: the next process does. What is recorded afterwards is still spooled.
    pub fn shutdown(&self, timeout: Duration) -> FlushReport {
        self.outbox().shutdown(timeout)
    }

    /// What is left to do at the end of the process, within the limits of `exit_flush`. Safe to call more than once; what
    /// is recorded afterwards is still spooled.
    pub fn exit_flush(&self) -> FlushReport {
        let is_disk_lost = self.config.is_ephemeral || is_lost_with_the_machine(&self.config.home);
        let (here, everywhere) = self.config.exit_flush.limits(is_disk_lost);
        self.outbox().leave(here, everywhere)
    }

    /// Waits for the next batch for a callback sink, by the name under which it is configured; `None` after `timeout`, and
    /// at once where there is no such sink. To be called by one thread of the host's for each such sink; the I/O thread
    /// never calls the host.
    pub fn next_batch(&self, sink: &str, timeout: Duration) -> Option<HandedBatch> {
        self.outbox().next_batch(sink, timeout)
    }

    /// Says what became of a batch: `Ok` counts it as delivered, an error brings it back later. A ticket that was settled
    /// before is ignored.
    pub fn settle_batch(&self, ticket: u64, outcome: &std::result::Result<(), String>) {
        self.outbox().settle_batch(ticket, outcome);
    }

    /// Which process of a line of forks this is: another number in a child than in its parent. For hosts whose own threads
    /// do not survive a fork, either.
    pub fn generation() -> u64 {
        fork::generation()
    }

    /// How the events of this client fared.
    pub fn stats(&self) -> Stats {
        let own = self.own.get();
        Stats { unpriced: own.unpriced.load(Ordering::Relaxed), events: own.outbox.counters() }
    }

    /// What the user should be told since the last time; each thing once.
    pub fn take_notices(&self) -> Vec<String> {
        let own = self.own.get();
        own.notices.take().into_iter().chain(own.outbox.take_warning()).collect()
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

/// `SplitMix64`'s finaliser: a bijection, so different numbers stay different.
const fn scrambled(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
