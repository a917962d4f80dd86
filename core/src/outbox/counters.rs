//! The books: what became of every event.

use serde::Serialize;

/// Why an event was given up. Never silently: each reason is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The home cannot be written to, and the memory kept for that case is full.
    MemoryFull,
    /// Longer than 64 KiB, even without its tags.
    TooLarge,
    /// Recorded with the id or the origin of another writer.
    Foreign,
    /// Recorded, but unreadable when it was to be delivered.
    Corrupt,
}

impl DropReason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::MemoryFull, Self::TooLarge, Self::Foreign, Self::Corrupt];

    /// The reason in statistics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MemoryFull => "memory_full",
            Self::TooLarge => "too_large",
            Self::Foreign => "foreign",
            Self::Corrupt => "corrupt",
        }
    }
}

/// What became of the events of one outbox: `recorded = delivered + spooled + in_memory + dropped`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Events posted.
    pub recorded: u64,
    /// Events with a receipt.
    pub delivered: u64,
    /// Events in the spool, which survive the process.
    pub spooled: u64,
    /// Events that could not be spooled and would be lost with the process.
    pub in_memory: u64,
    /// Events given up, by [`DropReason::as_str`]; reasons that never occurred are left out.
    pub dropped: Vec<(&'static str, u64)>,
    /// Events of dead writers of the same project, delivered by this one.
    pub adopted: u64,
    /// The last failure, if the last try failed.
    pub last_error: Option<String>,
}

impl Counters {
    /// Events given up, for any reason.
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().map(|(_, count)| count).sum()
    }
}

/// The truth at the end of a flush.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FlushReport {
    /// Events delivered since the outbox began.
    pub delivered: u64,
    /// Events recorded and not delivered. They wait in the spool, or in memory if there is none.
    pub pending: u64,
    /// Events given up since the outbox began.
    pub dropped: u64,
    /// Why something is pending, if a delivery failed.
    pub last_error: Option<String>,
}

impl FlushReport {
    /// Everything that was recorded is delivered.
    pub const fn is_complete(&self) -> bool {
        self.pending == 0 && self.dropped == 0
    }
}

impl From<Counters> for FlushReport {
    fn from(counters: Counters) -> Self {
        Self {
            delivered: counters.delivered,
            pending: counters.spooled + counters.in_memory,
            dropped: counters.dropped_total(),
            last_error: counters.last_error,
        }
    }
}
