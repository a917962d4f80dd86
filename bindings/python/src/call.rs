//! A call that the host records by hand.

use std::borrow::Cow;

use pyo3::prelude::*;

use llmlab::event::{Call, Facts, Operation, Status, Subject};
use llmlab::{Error, ErrorCode, Llmlab, Money, Result, Usage, provider};

use crate::convert::{money, shown, usage};

/// What `track_call` was given, as it came.
pub(crate) struct Given<'a, 'py> {
    pub(crate) provider: &'a Bound<'py, PyAny>,
    pub(crate) model: &'a Bound<'py, PyAny>,
    pub(crate) input_tokens: Option<&'a Bound<'py, PyAny>>,
    pub(crate) output_tokens: Option<&'a Bound<'py, PyAny>>,
    pub(crate) usage: Option<&'a Bound<'py, PyAny>>,
    pub(crate) cost_usd: Option<&'a Bound<'py, PyAny>>,
    pub(crate) latency_ms: Option<&'a Bound<'py, PyAny>>,
    pub(crate) service_tier: Option<&'a Bound<'py, PyAny>>,
    pub(crate) operation: Option<&'a Bound<'py, PyAny>>,
}

/// What can be recorded of it, and what cannot.
pub(crate) struct Read {
    pub(crate) facts: Facts,
    pub(crate) cost: Option<Money>,
    pub(crate) faults: Vec<Error>,
}

impl Given<'_, '_> {
    /// Reads the call. A wrong value is left out and named: the call itself is never lost. One wrong count leaves out all
    /// of them, so that the cost is unknown and not too low.
    pub(crate) fn read(&self, lab: &Llmlab) -> Read {
        let mut faults = Vec::new();
        let mut call = Box::new(Call::new(Operation::Chat));
        let provider = kept(text("provider", Some(self.provider)), &mut faults);
        call.provider = provider.map(|name| match provider::by_name(&name) {
            Some(known) => Cow::Borrowed(known.id),
            None => Cow::Owned(name.into_owned()),
        });
        call.model = kept(text("model", Some(self.model)), &mut faults).map(Cow::into_owned);
        call.model_requested.clone_from(&call.model);
        call.usage = kept(usage(self.usage, self.input_tokens, self.output_tokens).map(Some), &mut faults)
            .unwrap_or(Usage::new());
        call.service_tier = kept(text("service_tier", self.service_tier), &mut faults).map(Cow::into_owned);
        if let Some(operation) = kept(operation(self.operation), &mut faults) {
            call.operation = operation;
        }
        let cost = self.cost_usd.filter(|cost| !cost.is_none()).map(|cost| money("cost_usd", cost));
        let cost = cost.and_then(|cost| kept(cost.map(Some), &mut faults));
        let latency_ns = kept(latency(self.latency_ms), &mut faults);
        let now = lab.now();
        let started_before_ns = i64::try_from(latency_ns.unwrap_or(0)).unwrap_or(0);
        let facts = Facts {
            unix_ns: now.unix_ns.saturating_sub(started_before_ns),
            latency_ns,
            status: Status::Ok,
            error_type: None,
            subject: Subject::Call(call),
        };
        Read { facts, cost, faults }
    }
}

fn kept<T>(read: Result<Option<T>>, faults: &mut Vec<Error>) -> Option<T> {
    read.unwrap_or_else(|error| {
        faults.push(error);
        None
    })
}

fn text<'a>(name: &str, value: Option<&'a Bound<'_, PyAny>>) -> Result<Option<Cow<'a, str>>> {
    let Some(value) = value.filter(|value| !value.is_none()) else { return Ok(None) };
    let text: Option<Cow<'a, str>> = value.extract().ok().filter(|text: &Cow<'_, str>| !text.is_empty());
    text.map(Some).ok_or_else(|| {
        Error::new(ErrorCode::InvalidUsage, format!("{name} must be a non-empty str, got {}", shown(value)))
    })
}

fn operation(value: Option<&Bound<'_, PyAny>>) -> Result<Option<Operation>> {
    let Some(word) = text("operation", value)? else { return Ok(None) };
    let known = Operation::ALL.iter().copied().find(|operation| operation.as_str() == word);
    known.map(Some).ok_or_else(|| {
        let words: Vec<&str> = Operation::ALL.iter().map(|operation| operation.as_str()).collect();
        Error::new(ErrorCode::InvalidUsage, format!("operation must be one of {}, got {word:?}", words.join(", ")))
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
fn latency(value: Option<&Bound<'_, PyAny>>) -> Result<Option<u64>> {
    const MAX_MS: f64 = 1e12;
    let Some(value) = value.filter(|value| !value.is_none()) else { return Ok(None) };
    let ms = value.extract::<f64>().ok().filter(|ms| (0.0..MAX_MS).contains(ms));
    ms.map(|ms| Some((ms * 1e6) as u64)).ok_or_else(|| {
        let message = format!("latency_ms must be a non-negative number, got {}", shown(value));
        Error::new(ErrorCode::InvalidUsage, message)
    })
}
