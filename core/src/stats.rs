//! How the events of one client fared.

use serde::Serialize;

use crate::outbox::Counters;

/// Counters since the client was made.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// What became of the events.
    #[serde(flatten)]
    pub events: Counters,
    /// Calls recorded without a known cost.
    pub unpriced: u64,
}
