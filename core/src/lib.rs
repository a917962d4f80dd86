//! What your LLM calls cost, to the last fraction of a cent.
//!
//! ```
//! # let home = tempfile::tempdir().unwrap();
//! use llmlab::Llmlab;
//!
//! let lab = Llmlab::builder()
//! #   .home(home.path())
//!     .project("shop")
//!     .build()?;
//!
//! let search = lab.track().feature("search").user("u1").enter();
//! lab.track_call("openai", "gpt-4o-mini").input_tokens(1_000).output_tokens(500).record();
//! assert_eq!(search.cost().unwrap().to_string(), "0.00045");
//! # Ok::<(), llmlab::Error>(())
//! ```
//!
//! That is all: the call is in a ledger on this machine, and `llmlab status` shows it. No account, no server, no runtime. An
//! amount is a [`Money`], an integer of atto-dollars; a cost that is not known is `None`, never 0.
//!
//! # A client
//!
//! [`Llmlab`] is a handle, as cheap to clone as an `Arc`; whoever needs one owns one. [`Llmlab::builder`] has a method for
//! every option, and what it is not told it asks of the environment (`LLMLAB_…`) and of `~/.llmlab/config.json`. Making a
//! client starts no thread; the one I/O thread of the process comes with the first event. An application that has but one
//! may keep it in [`global`].
//!
//! # How calls come in
//!
//! - By the wire: an HTTP client is given a tap, `llmlab::transport::reqwest::Tap` or `llmlab::transport::tower::TapLayer`, or a
//!   few lines around [`Llmlab::exchange`], which is told the bytes as they pass and needs to be told nothing of providers.
//!   Streams, compression, retries, errors and batches are understood.
//! - By hand: [`Llmlab::track_response`] takes the JSON of an answer, [`Llmlab::track_call`] what you know of a call.
//!
//! # To whom they belong
//!
//! [`Llmlab::track`] opens a [`Scope`], and [`Llmlab::trace`] one that is a step of the program: an agent, a tool, a
//! function. They are entered and left as spans of `tracing` are, and beside these, in any order:
//!
//! ```
//! # let home = tempfile::tempdir().unwrap();
//! # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # async fn ask(lab: &llmlab::Llmlab) { lab.track_call("openai", "gpt-4o-mini").input_tokens(1_000).record(); }
//! # runtime.block_on(async {
//! let request = lab.track().feature("chat").open();
//! request
//!     .instrument(async {
//!         lab.trace("plan").kind("agent").instrument(ask(&lab)).await;
//!     })
//!     .await;
//! assert_eq!(request.calls(), 1);
//! # });
//! # Ok::<(), llmlab::Error>(())
//! ```
//!
//! A guard is for code without `.await`, `instrument` for futures, on whatever executor. A task that is spawned starts outside
//! of every scope, unless it is given one: [`scope::inherit`]. With the feature `macros`, `#[track_cost(feature = "…")]` makes a
//! function a scope.
//!
//! # What they cost
//!
//! [`Llmlab::cost_of`] prices what was not called yet, [`Llmlab::cost`] in all detail. [`Llmlab::set_price`] and
//! [`Llmlab::set_model`] tell of negotiated prices and of deployments; [`provider::register`] of whole providers.
//! [`Llmlab::summary`] asks the ledger what was spent, and on what.
//!
//! # Where events go
//!
//! To the ledger, and to any [`SinkChoice`] beside it: a server, an OpenTelemetry collector, files, a function or a type of
//! yours that implements [`sink::Sink`]. An event that is recorded survives `kill -9`; what a sink does not take waits for it
//! on the disk. So nothing has to be done at the end of a program; [`Llmlab::exit_guard`] waits a moment for deliveries.
//!
//! # Never in the way
//!
//! Recording takes about a microsecond, does not wait for the network or for a sink, cannot fail and does not panic. What
//! could not be kept is counted in [`Llmlab::stats`], and [`Llmlab::take_notices`] has what its user should be told.
//! `LLMLAB_DISABLED=1` turns everything off. Prompts and answers never leave the process.
//!
//! # Features, and what may change
//!
//! | feature | |
//! |---|---|
//! | `https` | sinks and price lists behind `https`; without it `http` only, and no TLS comes into the program |
//! | `macros` | the attribute `track_cost` |
//! | `reqwest-middleware` | a tap on `reqwest` 0.13, for `reqwest-middleware` 0.5 |
//! | `tower` | a tap on any `tower` 0.5 service of HTTP requests, such as hyper-util's client |
//!
//! The minimum supported Rust is 1.89; a newer one is a minor release. Enums and structs that may grow are
//! `#[non_exhaustive]`. What is hidden from this documentation is for the command and for the bindings to other languages,
//! and may change at any time.
//!
//! # Inside
//!
//! The layers, each of which uses only those above it in this list:
//!
//! - vocabulary, plain data: [`money`], [`usage`], [`moment`], [`event`], [`error`]
//! - meaning, pure functions: [`provider`], [`catalogue`], [`price`], [`exchange`]
//! - delivery, effects: [`clock`], [`sink`], [`outbox`], [`ledger`]
//! - questions asked of a ledger: [`report`]
//! - surface: [`config`], [`pricelist`], [`scope`], [`track`], [`engine`], [`stats`]

pub mod error;
pub mod event;
pub mod moment;
pub mod money;
pub mod usage;

pub mod catalogue;
pub mod exchange;
pub mod price;
pub mod provider;
mod wire;

mod backoff;
pub mod clock;
#[cfg_attr(not(test), expect(dead_code, reason = "the spool folds at its bounds"))]
mod fold;
mod fork;
#[doc(hidden)]
pub mod http;
#[doc(hidden)]
pub mod io;
mod later;
pub mod ledger;
mod lock;
pub mod outbox;
#[doc(hidden)]
pub mod protocol;
mod ring;
pub mod sink;
#[doc(hidden)]
pub mod spool;

pub mod report;

mod builder;
pub mod config;
pub mod engine;
mod global;
mod notices;
pub mod pricelist;
pub mod scope;
pub mod stats;
pub mod track;
#[cfg(feature = "_transport")]
pub mod transport;

pub use builder::Builder;
pub use config::{Config, Options, SinkChoice};
pub use engine::{Llmlab, OpenExchange};
pub use error::{Error, ErrorCode, Result};
pub use global::{global, set_global};
pub use money::Money;
pub use scope::Scope;
pub use usage::{Dimension, Usage};

/// The attribute for functions whose calls belong together.
///
/// A function, or an async function, is a scope of the client of the [current scope](scope::current), else of the
/// [global one](global); without either it runs as if the attribute were not there. The arguments `feature`, `user`, `session`
/// and `tags` are those of [`track::Track`]: expressions that may use the parameters of the function. `lab` names a client
/// instead.
///
/// ```
/// # let home = tempfile::tempdir().unwrap();
/// # let lab = llmlab::Llmlab::builder().home(home.path()).init()?;
/// use llmlab::{scope, track_cost};
///
/// #[track_cost(feature = "search", user = user_id, tags = [("tier", "free")])]
/// async fn search(user_id: &str, query: &str) -> Option<String> {
///     // … call a model …
///     scope::current()?.attribution().user.clone()
/// }
///
/// # let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
/// assert_eq!(runtime.block_on(search("u1", "cats")).as_deref(), Some("u1"));
/// # Ok::<(), llmlab::Error>(())
/// ```
///
/// What the function returns is not looked at: a call that no tap sees is recorded by [`Llmlab::track_response`] or
/// [`Llmlab::track_call`].
#[cfg(feature = "macros")]
pub use llmlab_macros::track_cost;

/// What the attribute macros expand to; nothing else is to use it.
#[cfg(feature = "macros")]
#[doc(hidden)]
pub mod __macros {
    pub use crate::global::{ambient_track as track, scoped};
}

/// The snippets of the guide and of the first page compile.
#[cfg(doctest)]
#[doc = include_str!("../../docs/rust.md")]
#[doc = include_str!("../../README.md")]
struct Guide;
