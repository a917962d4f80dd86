//! Counters and configuration as Python's dictionaries.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use llmlab::Config;
use llmlab::outbox::{ExitFlush, SinkCounters, SinkState};
use llmlab::stats::Stats;

/// What became of the events of a client.
pub(crate) fn counters<'py>(py: Python<'py>, stats: &Stats) -> PyResult<Bound<'py, PyDict>> {
    let events = &stats.events;
    let counters = PyDict::new(py);
    counters.set_item("recorded", events.recorded)?;
    counters.set_item("delivered", events.delivered)?;
    counters.set_item("spooled", events.spooled)?;
    counters.set_item("in_memory", events.in_memory)?;
    counters.set_item("rolled_up", events.rolled_up)?;
    counters.set_item("dropped", events.dropped_total())?;
    counters.set_item("drop_reasons", by_reason(py, &events.dropped)?)?;
    counters.set_item("unpriced", stats.unpriced)?;
    let sinks = events.sinks.iter().map(|sink| of_sink(py, sink)).collect::<PyResult<Vec<_>>>()?;
    counters.set_item("sinks", PyList::new(py, sinks)?)?;
    Ok(counters)
}

fn of_sink<'py>(py: Python<'py>, sink: &SinkCounters) -> PyResult<Bound<'py, PyDict>> {
    let counters = PyDict::new(py);
    counters.set_item("name", &sink.name)?;
    let state = match sink.state {
        SinkState::Ready => "ready",
        SinkState::Waiting => "waiting",
        SinkState::Paused => "paused",
        SinkState::Elsewhere => "elsewhere",
        _ => "unknown",
    };
    counters.set_item("state", state)?;
    counters.set_item("delivered", sink.delivered)?;
    counters.set_item("spooled", sink.spooled)?;
    counters.set_item("rolled_up", sink.rolled_up)?;
    counters.set_item("dropped", sink.dropped_total())?;
    counters.set_item("drop_reasons", by_reason(py, &sink.dropped)?)?;
    counters.set_item("last_error", sink.last_error.as_deref())?;
    Ok(counters)
}

fn by_reason<'py>(py: Python<'py>, dropped: &[(&'static str, u64)]) -> PyResult<Bound<'py, PyDict>> {
    let reasons = PyDict::new(py);
    dropped.iter().try_for_each(|(reason, count)| reasons.set_item(reason, count))?;
    Ok(reasons)
}

/// What is in force, but for secrets.
pub(crate) fn configuration<'py>(py: Python<'py>, config: &Config) -> PyResult<Bound<'py, PyDict>> {
    let shown = PyDict::new(py);
    let outbox = &config.outbox;
    shown.set_item("project", &config.project)?;
    shown.set_item("sinks", outbox.sinks.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    shown.set_item("stream_usage", config.stream_usage.as_str())?;
    shown.set_item("models", &config.models)?;
    shown.set_item("hosts", &config.hosts)?;
    shown.set_item("durability", outbox.durability.as_str())?;
    shown.set_item("spool_max_bytes", outbox.spool_max_bytes)?;
    shown.set_item("spool_max_days", outbox.spool_max_days)?;
    match config.exit_flush {
        ExitFlush::Ms(ms) => shown.set_item("exit_flush", ms)?,
        word => shown.set_item("exit_flush", word.to_string())?,
    }
    Ok(shown)
}
