//! The exported form of an event: one flat JSON object, documented in `docs/events.md`.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Call, Event, Operation, Rollup, Subject};
use crate::moment::format_rfc3339;
use crate::usage::Usage;

/// One flat object with every field of the contract; unknown is null.
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let (kind, call, step, rollup) = match &self.facts.subject {
            Subject::Call(call) => ("call", Some(&**call), None, None),
            Subject::Step(step) => ("step", None, Some(&**step), None),
            Subject::Rollup(rollup) => ("rollup", None, None, Some(&**rollup)),
        };
        let (tally, what) = (self.facts.tally(), What::of(call, rollup));
        map.serialize_entry("id", &self.id.to_string())?;
        map.serialize_entry("kind", kind)?;
        map.serialize_entry("calls", &tally.calls)?;
        map.serialize_entry("failed_attempts", &tally.failed_attempts)?;
        map.serialize_entry("steps", &tally.steps)?;
        map.serialize_entry("ts", &format_rfc3339(self.facts.unix_ns))?;
        map.serialize_entry("project", &self.origin.project)?;
        map.serialize_entry("environment", &self.origin.environment)?;
        map.serialize_entry("service", &self.origin.service)?;
        map.serialize_entry("run_id", &self.origin.run_id)?;
        map.serialize_entry("name", &step.map(|step| &step.name))?;
        map.serialize_entry("step_kind", &step.map(|step| &step.kind))?;
        call_facts(call, &what, &mut map)?;
        map.serialize_entry("status", self.facts.status.as_str())?;
        map.serialize_entry("error_type", &self.facts.error_type)?;
        let charge = self.charge.as_ref();
        map.serialize_entry("cost_usd", &charge.and_then(|charge| charge.total))?;
        map.serialize_entry("cost_state", &charge.map(|charge| charge.state.as_str()))?;
        map.serialize_entry("cost_source", &charge.map(|charge| charge.source.as_str()))?;
        let one = charge.filter(|_| rollup.is_none());
        map.serialize_entry("catalogue_version", &one.map(|charge| charge.catalogue_version))?;
        map.serialize_entry("matched_by", &charge.and_then(|charge| charge.matched_by).map(super::MatchedBy::as_str))?;
        map.serialize_entry("latency_ms", &self.facts.latency_ns.map(milliseconds))?;
        map.serialize_entry("first_event_ms", &call.and_then(|call| call.first_event_ns).map(milliseconds))?;
        let attribution = &*self.attribution;
        map.serialize_entry("feature", &attribution.feature)?;
        map.serialize_entry("user", &attribution.user)?;
        map.serialize_entry("session", &attribution.session)?;
        map.serialize_entry("tags", &Tags(&attribution.tags))?;
        map.serialize_entry("trace_id", &attribution.trace_id.map(|id| id.to_string()))?;
        map.serialize_entry("span_id", &self.span_id().to_string())?;
        map.serialize_entry("parent_id", &attribution.parent_id.map(|id| id.to_string()))?;
        map.end()
    }
}

/// What a call and a rollup of calls have both.
#[derive(Default)]
struct What<'a> {
    provider: Option<&'a str>,
    model: Option<&'a str>,
    operation: Option<Operation>,
    usage: Option<&'a Usage>,
}

impl<'a> What<'a> {
    fn of(call: Option<&'a Call>, rollup: Option<&'a Rollup>) -> Self {
        match (call, rollup) {
            (Some(call), _) => Self {
                provider: call.provider.as_deref(),
                model: call.model.as_deref(),
                operation: Some(call.operation),
                usage: Some(&call.usage),
            },
            (_, Some(rollup)) => Self {
                provider: rollup.provider.as_deref(),
                model: rollup.model.as_deref(),
                operation: rollup.operation,
                usage: Some(&rollup.usage),
            },
            _ => Self::default(),
        }
    }
}

fn call_facts<M: SerializeMap>(call: Option<&Call>, what: &What<'_>, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("provider", &what.provider)?;
    map.serialize_entry("model", &what.model)?;
    map.serialize_entry("model_requested", &call.and_then(|call| call.model_requested.as_deref()))?;
    map.serialize_entry("operation", &what.operation.map(Operation::as_str))?;
    map.serialize_entry("stream", &call.map(|call| call.stream))?;
    map.serialize_entry("attempt", &call.map(|call| call.attempt))?;
    map.serialize_entry("usage", &what.usage)?;
    map.serialize_entry("service_tier", &call.and_then(|call| call.service_tier.as_deref()))?;
    map.serialize_entry("provider_cost_usd", &call.and_then(|call| call.provider_cost))?;
    map.serialize_entry("response_id", &call.and_then(|call| call.response_id.as_deref()))
}

struct Tags<'a>(&'a [(String, String)]);

impl Serialize for Tags<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// A duration for people, to the microsecond.
#[expect(clippy::cast_precision_loss, reason = "a duration for display; 2^53 ns are 104 days")]
pub(crate) fn milliseconds(ns: u64) -> f64 {
    (ns / 1_000) as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Attribution, Charge, CostSource, CostState, EventId, Facts, Origin, Status, Tally};
    use crate::usage::Dimension;
    use std::sync::Arc;

    #[test]
    fn a_rollup_is_the_line_of_the_contract() {
        let rollup = Rollup {
            provider: Some("openai".into()),
            model: Some("gpt-5-mini-2025-08-07".into()),
            operation: Some(Operation::Chat),
            usage: Usage::new()
                .with(Dimension::Input, 26_978_328)
                .with(Dimension::Output, 11_741_580)
                .with(Dimension::CacheRead, 0),
            tally: Tally { calls: 18_204, ..Tally::default() },
        };
        let event = Event {
            id: EventId { writer: 0x51d7_a3c0_9be2_440f_a1c0_8d5e_7f3b_6290_u128.to_be_bytes(), counter: 1 },
            origin: Arc::new(Origin {
                project: "shop".into(),
                run_id: None,
                environment: Some("production".into()),
                service: Some("checkout".into()),
            }),
            attribution: Arc::new(Attribution { feature: Some("support-chat".into()), ..Attribution::default() }),
            facts: Facts {
                unix_ns: 1_795_046_400_000_000_000,
                latency_ns: None,
                status: Status::Ok,
                error_type: None,
                subject: Subject::Rollup(Box::new(rollup)),
            },
            charge: Some(Charge {
                total: Some("30.227742".parse().unwrap()),
                state: CostState::Priced,
                source: CostSource::Catalogue,
                catalogue_version: 0,
                matched_by: None,
            }),
        };
        let contract = include_str!("../../../docs/events.md");
        let example = contract.lines().find(|line| line.contains(r#""kind":"rollup""#));
        assert_eq!(serde_json::to_string(&event).ok().as_deref(), example);
    }
}
