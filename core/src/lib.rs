//! What your LLM calls cost, to the last fraction of a cent.
//!
//! The layers, each of which uses only those above it in this list:
//!
//! - vocabulary, plain data: [`money`], [`usage`], [`moment`], [`event`], [`error`]
//! - meaning, pure functions: [`provider`], [`catalogue`], [`price`], [`exchange`]
//! - delivery, effects: [`clock`], [`sink`], [`outbox`], [`ledger`]
//! - questions asked of a ledger: [`report`]

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

pub mod clock;
pub mod ledger;
pub mod outbox;
pub mod sink;
mod spool;

pub mod report;

pub use error::{Error, ErrorCode, Result};
pub use money::Money;
pub use usage::{Dimension, Usage};
