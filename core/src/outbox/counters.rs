//! The books: what became of every event.

use serde::Serialize;

/// Why an event was given up. Never silently: each reason is counted, and the counts outlive the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The home cannot be written to, and the memory kept for that case is full.
    MemoryFull,
    /// Longer than 64 KiB, even abridged: none is today.
    TooLarge,
    /// Recorded with the id or the origin of another writer.
    Foreign,
    /// Recorded, but unreadable when it was to be delivered.
    Corrupt,
    /// The sink will never take it; it is in the file of dead letters.
    Rejected,
    /// It waited longer than the bounds of the spool allow, and could not be folded.
    Expired,
}

impl DropReason {
    /// Every reason. A reason's place is its number on disk.
    pub const ALL: [Self; 6] =
        [Self::MemoryFull, Self::TooLarge, Self::Foreign, Self::Corrupt, Self::Rejected, Self::Expired];

    /// The reason in statistics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MemoryFull => "memory_full",
            Self::TooLarge => "too_large",
            Self::Foreign => "foreign",
            Self::Corrupt => "corrupt",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }
}

/// Events given up, by [`DropReason::as_str`]; reasons that never occurred are left out.
pub type Dropped = Vec<(&'static str, u64)>;

/// How a sink is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SinkState {
    /// It has everything, or is being given it.
    #[default]
    Ready,
    /// It failed, and is tried again with growing pauses.
    Waiting,
    /// It refuses everything until somebody corrects the configuration; it is asked every five minutes.
    Paused,
    /// Another process brings it its events: this one was forked, and may not open the ledger.
    Elsewhere,
}

/// What became of the events on their way to one sink:
/// `recorded = delivered + spooled + in_memory + rolled_up + dropped`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SinkCounters {
    /// The sink's folder in the spool, such as `ledger` or `llmlab-1a2b3c4d`.
    pub name: String,
    /// How it is doing.
    pub state: SinkState,
    /// Events with a receipt.
    pub delivered: u64,
    /// Events in the spool, which survive the process.
    pub spooled: u64,
    /// Events that were folded into totals a day, because they had waited too long.
    pub rolled_up: u64,
    /// Events given up, those that no sink was given among them.
    pub dropped: Dropped,
    /// Events of dead writers of the same project, delivered by this one.
    pub adopted: u64,
    /// The last failure, if the last try failed.
    pub last_error: Option<String>,
}

impl SinkCounters {
    /// Events given up, for any reason.
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().map(|(_, count)| count).sum()
    }
}

/// What became of the events of one outbox. For every sink
/// `recorded = delivered + spooled + in_memory + rolled_up + dropped`; the fields here are those of the sink that is
/// furthest behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counters {
    /// Events posted.
    pub recorded: u64,
    /// Events with a receipt.
    pub delivered: u64,
    /// Events in the spool, which survive the process.
    pub spooled: u64,
    /// Events that could not be spooled yet and would be lost with the process.
    pub in_memory: u64,
    /// Events that were folded into totals a day.
    pub rolled_up: u64,
    /// Events given up.
    pub dropped: Dropped,
    /// Events of dead writers of the same project, delivered by this one.
    pub adopted: u64,
    /// The last failure, if the last try failed.
    pub last_error: Option<String>,
    /// Each sink's own.
    pub sinks: Vec<SinkCounters>,
}

impl Counters {
    /// Events given up, for any reason.
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().map(|(_, count)| count).sum()
    }
}

/// The truth at the end of a flush, of the sink that is furthest behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
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
