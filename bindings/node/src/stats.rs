//! Counters, and what a flush achieved, as JavaScript's objects.

use napi_derive::napi;

use llmlab::outbox;
use llmlab::outbox::{SinkCounters, SinkState};

use crate::convert::number;

/// What became of the events of a client.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Stats {
    pub recorded: i64,
    pub delivered: i64,
    pub spooled: i64,
    pub in_memory: i64,
    pub rolled_up: i64,
    pub dropped: i64,
    pub drop_reasons: Vec<Reason>,
    pub unpriced: i64,
    pub sinks: Vec<SinkStats>,
}

/// The same of one sink.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct SinkStats {
    pub name: String,
    pub state: &'static str,
    pub delivered: i64,
    pub spooled: i64,
    pub rolled_up: i64,
    pub dropped: i64,
    pub drop_reasons: Vec<Reason>,
    pub last_error: Option<String>,
}

/// Why so many events were dropped.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Reason {
    pub reason: &'static str,
    pub count: i64,
}

/// What a flush achieved. What is pending stays in the spool.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct FlushReport {
    pub delivered: i64,
    pub pending: i64,
    pub dropped: i64,
    pub last_error: Option<String>,
}

impl From<llmlab::stats::Stats> for Stats {
    fn from(stats: llmlab::stats::Stats) -> Self {
        let events = stats.events;
        Self {
            recorded: number(events.recorded),
            delivered: number(events.delivered),
            spooled: number(events.spooled),
            in_memory: number(events.in_memory),
            rolled_up: number(events.rolled_up),
            dropped: number(events.dropped_total()),
            drop_reasons: reasons(&events.dropped),
            unpriced: number(stats.unpriced),
            sinks: events.sinks.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<SinkCounters> for SinkStats {
    fn from(sink: SinkCounters) -> Self {
        let state = match sink.state {
            SinkState::Ready => "ready",
            SinkState::Waiting => "waiting",
            SinkState::Paused => "paused",
            SinkState::Elsewhere => "elsewhere",
            _ => "unknown",
        };
        Self {
            state,
            delivered: number(sink.delivered),
            spooled: number(sink.spooled),
            rolled_up: number(sink.rolled_up),
            dropped: number(sink.dropped_total()),
            drop_reasons: reasons(&sink.dropped),
            name: sink.name,
            last_error: sink.last_error,
        }
    }
}

impl From<outbox::FlushReport> for FlushReport {
    fn from(report: outbox::FlushReport) -> Self {
        Self {
            delivered: number(report.delivered),
            pending: number(report.pending),
            dropped: number(report.dropped),
            last_error: report.last_error,
        }
    }
}

fn reasons(dropped: &[(&'static str, u64)]) -> Vec<Reason> {
    dropped.iter().map(|&(reason, count)| Reason { reason, count: number(count) }).collect()
}
