//! The exported form of an event: one flat JSON object, documented in `docs/events.md`.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Call, Event, Subject};
use crate::moment::format_rfc3339;

/// One flat object with every field of the contract; unknown is null.
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let (call, step) = match &self.facts.subject {
            Subject::Call(call) => (Some(&**call), None),
            Subject::Step(step) => (None, Some(&**step)),
        };
        map.serialize_entry("id", &self.id.to_string())?;
        map.serialize_entry("kind", if call.is_some() { "call" } else { "step" })?;
        map.serialize_entry("ts", &format_rfc3339(self.facts.unix_ns))?;
        map.serialize_entry("project", &self.origin.project)?;
        map.serialize_entry("environment", &self.origin.environment)?;
        map.serialize_entry("service", &self.origin.service)?;
        map.serialize_entry("run_id", &self.origin.run_id)?;
        map.serialize_entry("name", &step.map(|step| &step.name))?;
        map.serialize_entry("step_kind", &step.map(|step| &step.kind))?;
        call_facts(call, &mut map)?;
        map.serialize_entry("status", self.facts.status.as_str())?;
        map.serialize_entry("error_type", &self.facts.error_type)?;
        let charge = self.charge.as_ref();
        map.serialize_entry("cost_usd", &charge.and_then(|charge| charge.total))?;
        map.serialize_entry("cost_state", &charge.map(|charge| charge.state.as_str()))?;
        map.serialize_entry("cost_source", &charge.map(|charge| charge.source.as_str()))?;
        map.serialize_entry("catalogue_version", &charge.map(|charge| charge.catalogue_version))?;
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

fn call_facts<M: SerializeMap>(call: Option<&Call>, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("provider", &call.and_then(|call| call.provider.as_deref()))?;
    map.serialize_entry("model", &call.and_then(|call| call.model.as_deref()))?;
    map.serialize_entry("model_requested", &call.and_then(|call| call.model_requested.as_deref()))?;
    map.serialize_entry("operation", &call.map(|call| call.operation.as_str()))?;
    map.serialize_entry("stream", &call.map(|call| call.stream))?;
    map.serialize_entry("attempt", &call.map(|call| call.attempt))?;
    map.serialize_entry("usage", &call.map(|call| call.usage))?;
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

#[expect(clippy::cast_precision_loss, reason = "a duration for display; 2^53 ns are 104 days")]
fn milliseconds(ns: u64) -> f64 {
    (ns / 1_000) as f64 / 1_000.0
}
