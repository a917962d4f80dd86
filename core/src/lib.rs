//! What your LLM calls cost, to the last fraction of a cent.
//!
//! ```
//! use std::sync::Arc;
//!
//! use llmlab::clock::SystemClock;
//! use llmlab::price::Query;
//! use llmlab::{Config, Dimension, Llmlab, Options, Usage};
//!
//! let lab = Llmlab::new(Config::load(Options::default())?, Arc::new(SystemClock))?;
//! let usage = Usage::new().with(Dimension::Input, 1_000).with(Dimension::Output, 500);
//! let cost = lab.cost(&Query::new("openai", "gpt-4o-mini", &usage, lab.now().unix_ns))?;
//! assert_eq!(cost.total.map(|total| total.to_string()).as_deref(), Some("0.00045"));
//! # Ok::<(), llmlab::Error>(())
//! ```
//!
//! An [`exchange`] is told the bytes of one call to a provider, and [`Llmlab::record`] keeps what it cost.
//!
//! The layers, each of which uses only those above it in this list:
//!
//! - vocabulary, plain data: [`money`], [`usage`], [`moment`], [`event`], [`error`]
//! - meaning, pure functions: [`provider`], [`catalogue`], [`price`], [`exchange`]
//! - delivery, effects: [`clock`], [`spool`], [`sink`], [`outbox`], [`ledger`]
//! - questions asked of a ledger: [`report`]
//! - surface: [`config`], [`pricelist`], [`scope`], [`engine`], [`stats`]

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
pub mod http;
pub mod io;
mod later;
pub mod ledger;
mod lock;
pub mod outbox;
pub mod protocol;
mod ring;
pub mod sink;
pub mod spool;

pub mod report;

pub mod config;
pub mod engine;
mod notices;
pub mod pricelist;
pub mod scope;
pub mod stats;

pub use config::{Config, Options};
pub use engine::Llmlab;
pub use error::{Error, ErrorCode, Result};
pub use money::Money;
pub use usage::{Dimension, Usage};
