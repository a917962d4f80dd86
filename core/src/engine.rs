//! The client: one configuration, one catalogue, one way out for its events.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;

use crate::catalogue::Catalogue;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{Error, ErrorCode, Result};
use crate::event::{Attribution, Origin, SpanId, TraceId};
use crate::fork::{self, PerProcess};
use crate::later;
use crate::ledger::Ledger;
use crate::lock::Lock;
use crate::moment::Moment;
use crate::notices::Notices;
use crate::outbox::Outbox;
use crate::report::{Summary, SummaryQuery};
use crate::stats::Stats;

mod additions;
mod delivery;
mod exchange;
mod exit;
#[cfg(all(test, target_os = "linux"))]
mod forks;
mod history;
mod prices;
mod recording;
mod responses;

pub use exchange::OpenExchange;
pub use exit::ExitGuard;
use prices::listed;
pub use recording::Response;
use responses::RecentResponses;

/// A client: records what calls cost, and answers what they cost.
///
/// Making one starts no thread and touches no file but those of prices and providers that its configuration names and the
/// price list of its home, if one was taken; the spool and the
/// I/O thread come with the first event. All methods may be called from any thread, and in a forked child as well: what
/// must not cross a fork is made anew there, and the child's numbers begin at nothing. A child leaves the ledger to its
/// parent, to a sibling, or to whoever reads it.
///
/// It is a handle: a clone is the same client, and costs no more than an `Arc`. Guards, layers and spawned tasks own one.
/// When the last one goes, what was recorded stays in the spool and nobody waits for it: see [`Llmlab::exit_guard`].
#[derive(Clone)]
pub struct Llmlab {
    core: Arc<Core>,
}

struct Core {
    config: Config,
    origin: Arc<Origin>,
    base: Arc<Attribution>,
    /// Replaced as a whole: a call is priced without a lock, and a child forked in the middle of a change cannot hang.
    catalogue: ArcSwap<Catalogue>,
    clock: Arc<dyn Clock>,
    own: PerProcess<Own, Box<dyn Fn() -> Own + Send + Sync>>,
}

impl fmt::Debug for Llmlab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = &self.core.config;
        f.debug_struct("Llmlab").field("home", &config.home).field("project", &config.project).finish_non_exhaustive()
    }
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
    /// A client of a configuration. [`Llmlab::builder`] is shorter.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidConfig`] or [`ErrorCode::InvalidPrices`] where the files of prices or providers, the names of
    /// models or the hosts cannot be used.
    pub fn new(mut config: Config, clock: Arc<dyn Clock>) -> Result<Self> {
        let own = additions::own_prices(&config)?;
        let listed = listed(&mut config, &own).map_err(|cause| additions::of_prices(&config, cause))?;
        let catalogue = additions::apply(&config, listed)?;
        Ok(Self::with_catalogue(config, catalogue, clock))
    }

    /// A client of a configuration without what the user added to prices and providers. Never fails.
    pub fn plain(mut config: Config, clock: Arc<dyn Clock>) -> Self {
        let catalogue = listed(&mut config, "").unwrap_or_else(|_| Catalogue::embedded());
        Self::with_catalogue(config, catalogue, clock)
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
        let core = Core {
            base: Arc::new(config.attribution.clone()),
            config,
            origin,
            catalogue: ArcSwap::new(catalogue),
            clock,
            own: PerProcess::new(Box::new(make)),
        };
        let notices = &core.own.get().notices;
        for warning in &core.config.warnings {
            notices.say_once(warning, || warning.clone());
        }
        Self { core: Arc::new(core) }
    }

    fn outbox(&self) -> &Outbox {
        &self.core.own.get().outbox
    }

    /// Tells whether events can be kept as configured, for a clear error at the start: the home can be written to and is
    /// the user's own, and the files that the sinks name are there. Makes the folder of the spool.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidConfig`], naming the folder or the file, and the fix.
    pub fn check(&self) -> Result<()> {
        if self.core.config.disabled {
            return Ok(());
        }
        Outbox::check(&self.core.config.home)
            .map_err(|cause| Error::new(ErrorCode::InvalidConfig, "events cannot be kept").caused_by(cause))?;
        for (sink, file) in self.core.config.outbox.sinks.iter().filter_map(|sink| Some((sink, sink.ca_file()?))) {
            std::fs::File::open(file).map_err(|cause| {
                let message = format!("ca_file {} of the sink {} cannot be read", file.display(), sink.kind());
                Error::new(ErrorCode::InvalidConfig, message).caused_by(cause)
            })?;
        }
        Ok(())
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.core.config
    }

    /// The attribution of what no scope surrounds.
    pub fn base(&self) -> &Arc<Attribution> {
        &self.core.base
    }

    /// Now.
    pub fn now(&self) -> Moment {
        self.core.clock.now()
    }

    /// A new trace and a new span, unique as far as the writer's nonce is.
    #[doc(hidden)]
    pub fn new_ids(&self) -> (TraceId, SpanId) {
        let own = self.core.own.get();
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

    /// What was spent, from the ledger of this home, which every process of the user fills. Current to the second.
    ///
    /// ```
    /// # let home = tempfile::tempdir().unwrap();
    /// # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
    /// use llmlab::ledger::GroupBy;
    /// use llmlab::report::SummaryQuery;
    ///
    /// lab.track_call("openai", "gpt-4o-mini").input_tokens(1_000).output_tokens(500).feature("search").record();
    /// let query = SummaryQuery { group_by: vec![GroupBy::Feature], ..SummaryQuery::default() };
    /// let summary = lab.summary(&query)?;
    /// assert_eq!(summary.totals.known_cost().unwrap().to_string(), "0.00045");
    /// assert_eq!(summary.groups.len(), 1);
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorCode::Storage`] where the ledger cannot be read; as in a process that was forked from one that had it open,
    /// where a thread of the parent may hold a lock of `SQLite` for ever.
    pub fn summary(&self, query: &SummaryQuery) -> Result<Summary> {
        let (caught_up, mut ledger) = Ledger::current(&self.core.config.home)?;
        if let Err(error) = caught_up {
            self.core.own.get().notices.say_once("catch_up", || format!("the newest events are not counted: {error}"));
        }
        Summary::of(&mut ledger, query)
    }

    /// Which process of a line of forks this is: another number in a child than in its parent. For hosts whose own threads
    /// do not survive a fork, either.
    #[doc(hidden)]
    pub fn generation() -> u64 {
        fork::generation()
    }

    /// How the events of this client fared.
    ///
    /// ```
    /// # let home = tempfile::tempdir().unwrap();
    /// # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
    /// lab.track_call("openai", "nobody-knows").input_tokens(1_000).record();
    /// let stats = lab.stats();
    /// assert_eq!((stats.events.recorded, stats.unpriced), (1, 1));
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    pub fn stats(&self) -> Stats {
        later::settle();
        let own = self.core.own.get();
        Stats { unpriced: own.unpriced.load(Ordering::Relaxed), events: own.outbox.counters() }
    }

    /// What the user should be told since the last time; each thing once. For the log of the application: the library
    /// itself writes none.
    ///
    /// ```
    /// # let home = tempfile::tempdir().unwrap();
    /// # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
    /// lab.track_call("openai", "gpt-4o-minni").input_tokens(1_000).record();
    /// for notice in lab.take_notices() {
    ///     assert!(notice.contains("gpt-4o-minni"), "{notice}"); // tracing::warn!("{notice}")
    /// }
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    pub fn take_notices(&self) -> Vec<String> {
        let own = self.core.own.get();
        own.notices.take().into_iter().chain(own.outbox.take_warning()).collect()
    }
}

/// `SplitMix64`'s finaliser: a bijection, so different numbers stay different.
const fn scrambled(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
