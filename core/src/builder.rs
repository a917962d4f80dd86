//! The options of a client, one method each.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use crate::clock::{Clock, SystemClock};
use crate::config::{Backend, Config, Options, SinkChoice, StreamUsage, environment_variable, policy};
use crate::engine::Llmlab;
use crate::error::{Error, Result};
use crate::global;
use crate::outbox::{Durability, ExitFlush};
use crate::sink::Secret;

/// The options of a client, all optional: what [`Llmlab::builder`] gives.
///
/// What is not set here is asked of the environment (`LLMLAB_PROJECT`, `LLMLAB_SINKS`…), then of `config.json` in the home,
/// and then there is a default. A value that cannot be used is an error of [`build`](Builder::build) and of no other method.
#[derive(Default)]
#[must_use = "there is no client until `build` is called"]
pub struct Builder {
    options: Options,
    home: Option<PathBuf>,
    clock: Option<Arc<dyn Clock>>,
    /// The first value that cannot be used.
    problem: Option<Error>,
}

impl Llmlab {
    /// Begins a client.
    ///
    /// ```
    /// # let home = tempfile::tempdir().unwrap();
    /// use llmlab::Llmlab;
    ///
    /// let lab = Llmlab::builder()
    /// #   .home(home.path())
    ///     .project("shop")
    ///     .environment("production")
    ///     .tag("team", "search")
    ///     .build()?;
    /// assert_eq!(lab.config().project, "shop");
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// The key of the backend. It is never shown and never stored.
    pub fn api_key(self, key: impl Into<String>) -> Self {
        self.with(|options| options.api_key = Some(Secret::new(key)))
    }

    /// The project that pays; `default` if not given.
    pub fn project(self, name: impl Into<String>) -> Self {
        self.with(|options| options.project = Some(name.into()))
    }

    /// The server that events go to: an address, or a [`Backend`] with a protocol, headers or authorities of its own.
    ///
    /// ```
    /// # let home = tempfile::tempdir().unwrap();
    /// use llmlab::Llmlab;
    /// use llmlab::config::{Backend, Protocol};
    ///
    /// let lab = Llmlab::builder().home(home.path()).backend("https://costs.example.com").build()?;
    /// let track = Backend::new("https://costs.example.com", Protocol::Track)?.header("x-tenant", "t1")?;
    /// let lab = Llmlab::builder().home(home.path()).backend(track).api_key("llk_1").build()?;
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    pub fn backend(self, backend: impl TryInto<Backend, Error: Into<Error>>) -> Self {
        self.with_checked(backend, |options, backend| options.backend = Some(backend))
    }

    /// One place where events go: `"ledger"`, `"llmlab"` (the backend), `"console"`, `"jsonl:PATH"`, `"otlp:URL"`, or a
    /// [`SinkChoice`], which may be a type or a function of yours. Without any it is the ledger, and the backend if there is
    /// one; once one is named, those that are named are all.
    ///
    /// ```
    /// # let home = tempfile::tempdir().unwrap();
    /// use llmlab::{Llmlab, SinkChoice};
    ///
    /// let (sender, batches) = std::sync::mpsc::channel();
    /// let lab = Llmlab::builder()
    ///     .home(home.path())
    ///     .sink("ledger")
    ///     .sink(SinkChoice::function("warehouse", move |batch| sender.send(batch.clone())))
    ///     .build()?;
    /// lab.track_call("openai", "gpt-4o-mini").input_tokens(1_000).record();
    /// lab.flush(std::time::Duration::from_secs(5));
    /// assert_eq!(batches.recv().unwrap().events.len(), 1);
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    pub fn sink(self, sink: impl TryInto<SinkChoice, Error: Into<Error>>) -> Self {
        self.with_checked(sink, |options, sink| options.sinks.get_or_insert_default().push(sink))
    }

    /// Several places where events go; the same as [`sink`](Builder::sink) with each.
    pub fn sinks<S: TryInto<SinkChoice, Error: Into<Error>>>(self, sinks: impl IntoIterator<Item = S>) -> Self {
        let this = self.with(|options| _ = options.sinks.get_or_insert_default());
        sinks.into_iter().fold(this, Self::sink)
    }

    /// Such as `production`.
    pub fn environment(self, name: impl Into<String>) -> Self {
        self.with(|options| options.environment = Some(name.into()))
    }

    /// The name of the application.
    pub fn service(self, name: impl Into<String>) -> Self {
        self.with(|options| options.service = Some(name.into()))
    }

    /// A tag of every event.
    pub fn tag(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags([(key, value)])
    }

    /// Tags of every event.
    pub fn tags<K: Into<String>, V: Into<String>>(self, tags: impl IntoIterator<Item = (K, V)>) -> Self {
        self.with(|options| extend(&mut options.tags, tags))
    }

    /// A file of prices that go before the built-in ones.
    pub fn prices(self, file: impl Into<PathBuf>) -> Self {
        self.with(|options| options.prices = Some(file.into()))
    }

    /// A file of providers, prices, names and hosts that the library does not know, in TOML. A provider by value is given to
    /// [`provider::register`](crate::provider::register).
    pub fn providers(self, file: impl Into<PathBuf>) -> Self {
        self.with(|options| options.providers = Some(file.into()))
    }

    /// Names such as deployments, `PROVIDER/NAME`, and the models that they are.
    pub fn models<K: Into<String>, V: Into<String>>(self, models: impl IntoIterator<Item = (K, V)>) -> Self {
        self.with(|options| extend(&mut options.models, models))
    }

    /// Hosts, and the providers that are reached there.
    pub fn hosts<K: Into<String>, V: Into<String>>(self, hosts: impl IntoIterator<Item = (K, V)>) -> Self {
        self.with(|options| extend(&mut options.hosts, hosts))
    }

    /// Whether streams that tell no usage unasked are asked for it; where that is known to be accepted, if not given.
    pub fn stream_usage(self, stream_usage: StreamUsage) -> Self {
        self.with(|options| options.stream_usage = Some(stream_usage))
    }

    /// What a recorded event survives; the death of the process, if not given.
    pub fn durability(self, durability: Durability) -> Self {
        self.with(|options| options.durability = Some(durability))
    }

    /// Bytes that wait for one sink before the oldest are folded into totals; 256 MiB if not given, 1 MiB at least.
    pub fn spool_max_bytes(self, bytes: u64) -> Self {
        let checked = policy::spool_max_bytes("spool_max_bytes", &Value::from(bytes));
        self.with_result(checked, |options, bytes| options.spool_max_bytes = Some(bytes))
    }

    /// Days that events wait for one sink before they are folded into totals; 30 if not given, 1 to 36,500.
    pub fn spool_max_days(self, days: u32) -> Self {
        let checked = policy::spool_max_days("spool_max_days", &Value::from(days));
        self.with_result(checked, |options, days| options.spool_max_days = Some(days))
    }

    /// How long an [`ExitGuard`](crate::engine::ExitGuard) waits for deliveries; 250 ms if not given, and up to a second for
    /// servers where the disk dies with the process.
    pub fn exit_flush(self, exit_flush: ExitFlush) -> Self {
        self.with(|options| options.exit_flush = Some(exit_flush))
    }

    /// Where the ledger, the spool and `config.json` live; `LLMLAB_HOME` if not given, else `~/.llmlab`. For tests, which
    /// must not touch the ledger of who runs them.
    pub fn home(mut self, folder: impl Into<PathBuf>) -> Self {
        self.home = Some(folder.into());
        self
    }

    /// The clock; the operating system's if not given. For tests.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Makes the client. It reads the environment, the files that are named, and `config.json`; it makes the folder of the
    /// spool and starts no thread.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidConfig`](crate::ErrorCode::InvalidConfig) or
    /// [`ErrorCode::InvalidPrices`](crate::ErrorCode::InvalidPrices), naming the value and what would do; also where events
    /// cannot be kept, such as in a home that cannot be written to. A program that shall start all the same goes on with
    /// [`Llmlab::plain`].
    pub fn build(self) -> Result<Llmlab> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let home = self.home.map(|home| home.to_string_lossy().into_owned());
        let variable = |name: &str| match &home {
            Some(home) if name == "LLMLAB_HOME" => Some(home.clone()),
            _ => environment_variable(name),
        };
        let config = Config::resolve(self.options, &variable)?;
        let lab = Llmlab::new(config, self.clock.unwrap_or_else(|| Arc::new(SystemClock)))?;
        lab.check()?;
        Ok(lab)
    }

    /// Makes the client, and makes it the [global one](crate::global).
    ///
    /// # Errors
    /// As [`build`](Builder::build); the global client is then the one before.
    pub fn init(self) -> Result<Llmlab> {
        let lab = self.build()?;
        global::set_global(lab.clone());
        Ok(lab)
    }

    fn with(mut self, set: impl FnOnce(&mut Options)) -> Self {
        set(&mut self.options);
        self
    }

    fn with_checked<T>(self, value: impl TryInto<T, Error: Into<Error>>, set: impl FnOnce(&mut Options, T)) -> Self {
        self.with_result(value.try_into().map_err(Into::into), set)
    }

    fn with_result<T>(mut self, value: Result<T>, set: impl FnOnce(&mut Options, T)) -> Self {
        match value {
            Ok(value) => set(&mut self.options, value),
            Err(problem) => _ = self.problem.get_or_insert(problem),
        }
        self
    }
}

fn extend<K: Into<String>, V: Into<String>>(
    map: &mut Option<BTreeMap<String, String>>,
    pairs: impl IntoIterator<Item = (K, V)>,
) {
    map.get_or_insert_default().extend(pairs.into_iter().map(|(key, value)| (key.into(), value.into())));
}
