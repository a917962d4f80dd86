//! How events are come by and kept: reads the options and holds them to their bounds.

use serde_json::Value;

use crate::config::fields::whole_number;
use crate::config::invalid;
use crate::error::Result;
use crate::outbox::{Durability, ExitFlush};

/// Less would not hold two batches.
const LEAST_SPOOL_BYTES: u64 = 1024 * 1024;
const MOST_SPOOL_DAYS: u64 = 36_500;

/// Whether streams that tell no usage unasked are asked for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamUsage {
    /// Where that is known to be accepted; what it adds to the answer is taken out again.
    #[default]
    Auto,
    /// No request is ever changed.
    Never,
}

impl StreamUsage {
    /// The word in configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Never => "never",
        }
    }
}

pub(super) fn stream_usage(option: &str, value: &Value) -> Result<StreamUsage> {
    match value.as_str() {
        Some("auto") => Ok(StreamUsage::Auto),
        Some("never") => Ok(StreamUsage::Never),
        _ => Err(invalid(format!("{option} must be one of auto, never, got {value}"))),
    }
}

pub(super) fn durability(option: &str, value: &Value) -> Result<Durability> {
    match value.as_str() {
        Some("process") => Ok(Durability::Process),
        Some("fsync") => Ok(Durability::Fsync),
        _ => Err(invalid(format!("{option} must be one of process, fsync, got {value}"))),
    }
}

pub(crate) fn spool_max_bytes(option: &str, value: &Value) -> Result<u64> {
    whole_number(option, value, LEAST_SPOOL_BYTES, u64::MAX)
}

pub(crate) fn spool_max_days(option: &str, value: &Value) -> Result<u32> {
    let days = whole_number(option, value, 1, MOST_SPOOL_DAYS)?;
    Ok(u32::try_from(days).unwrap_or(u32::MAX))
}

pub(super) fn exit_flush(option: &str, value: &Value) -> Result<ExitFlush> {
    match (value.as_str(), value.as_u64()) {
        (Some("auto"), _) => Ok(ExitFlush::Auto),
        (Some("off"), _) => Ok(ExitFlush::Off),
        (_, Some(ms)) => Ok(ExitFlush::Ms(ms)),
        _ => Err(invalid(format!("{option} must be one of auto, off, or a number of milliseconds, got {value}"))),
    }
}
