//! An event as a span.

use std::collections::BTreeMap;

use super::attributes::{Attributes, Detail};
use super::kind::Kind;
use super::protobuf::{Span, SpanKind, Status as SpanStatus, StatusCode};
use super::spent::Spent;
use crate::event::{Attribution, Call, Event, Facts, Rollup, Status, Step, Subject};
use crate::moment::format_rfc3339;

/// The same at every delivery, ids included: backends that keep one span an id keep one of these.
pub(super) fn of(event: &Event, detail: Detail) -> Span {
    let facts = &event.facts;
    let mut attributes = Attributes::new(detail);
    let (name, kind) = match &facts.subject {
        Subject::Call(call) => (describe_call(event, call, &mut attributes), SpanKind::Client),
        Subject::Step(step) => (describe_step(step, &mut attributes), SpanKind::Internal),
        Subject::Rollup(rollup) => (describe_rollup(event, rollup, &mut attributes), SpanKind::Internal),
    };
    describe_surroundings(event, &mut attributes);
    let (start, end) = times(facts);
    Span {
        trace_id: trace_id(event).to_vec(),
        span_id: span_id(event).to_vec(),
        parent_span_id: parent_id(&event.attribution).map(|id| id.to_vec()).unwrap_or_default(),
        name: attributes.fitted(&name),
        kind: kind as i32,
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        status: Some(status(facts, &attributes)),
        attributes: attributes.into_list(),
    }
}

fn describe_call(event: &Event, call: &Call, attributes: &mut Attributes) -> String {
    let spent = Spent {
        operation: call.operation,
        provider: call.provider.as_deref(),
        model: call.model.as_deref(),
        model_requested: call.model_requested.as_deref(),
        usage: &call.usage,
        charge: event.charge.as_ref(),
    };
    spent.describe(attributes);
    attributes.text(&["gen_ai.response.id"], call.response_id.as_deref());
    attributes.text(&["llmlab.service_tier"], call.service_tier.as_deref());
    attributes.bool("gen_ai.request.stream", call.stream);
    attributes.count(&["llmlab.attempt"], Some(u64::from(call.attempt)));
    if let Some(ns) = call.first_event_ns {
        attributes.seconds("gen_ai.response.time_to_first_chunk", ns);
        let at = event.facts.unix_ns.saturating_add_unsigned(ns);
        attributes.text(&["langfuse.observation.completion_start_time"], Some(&format_rfc3339(at)));
    }
    named(call.operation.as_str(), call.model_requested.as_deref().or(call.model.as_deref()))
}

fn describe_step(step: &Step, attributes: &mut Attributes) -> String {
    Kind::of_step(&step.kind).describe(attributes);
    attributes.text(&["llmlab.step.kind"], Some(&step.kind));
    match &*step.kind {
        "agent" => {
            attributes.text(&["gen_ai.operation.name"], Some("invoke_agent"));
            attributes.text(&["gen_ai.agent.name"], Some(&step.name));
        }
        "tool" => {
            attributes.text(&["gen_ai.operation.name"], Some("execute_tool"));
            attributes.text(&["gen_ai.tool.name", "tool.name"], Some(&step.name));
        }
        _ => {}
    }
    // A span without a name is refused by some and shown as nothing by the rest.
    if step.name.trim().is_empty() { step.kind.clone().into_owned() } else { step.name.clone() }
}

/// Its tokens and its cost count like those of a call, so that a backend's totals stay right; how many calls they were
/// can only be said beside them.
fn describe_rollup(event: &Event, rollup: &Rollup, attributes: &mut Attributes) -> String {
    match rollup.operation {
        Some(operation) => {
            let spent = Spent {
                operation,
                provider: rollup.provider.as_deref(),
                model: rollup.model.as_deref(),
                model_requested: None,
                usage: &rollup.usage,
                charge: event.charge.as_ref(),
            };
            spent.describe(attributes);
        }
        None => Kind::CHAIN.describe(attributes),
    }
    attributes.count(&["llmlab.rollup.calls"], Some(rollup.tally.calls));
    attributes.count(&["llmlab.rollup.failed_attempts"], Some(rollup.tally.failed_attempts));
    attributes.count(&["llmlab.rollup.steps"], Some(rollup.tally.steps));
    named("rollup", rollup.model.as_deref())
}

fn named(what: &str, of: Option<&str>) -> String {
    of.map_or_else(|| what.to_owned(), |of| format!("{what} {of}"))
}

/// Who and what in the host it belongs to.
fn describe_surroundings(event: &Event, attributes: &mut Attributes) {
    let Attribution { feature, user, session, tags, .. } = &*event.attribution;
    attributes.text(&["llmlab.event.id"], Some(&event.id.to_string()));
    attributes.text(&["llmlab.status"], Some(event.facts.status.as_str()));
    attributes.text(&["llmlab.feature"], feature.as_deref());
    attributes.group(&["user.id"], user.as_deref());
    attributes.group(&["session.id", "gen_ai.conversation.id"], session.as_deref());
    if let Some(error) = error_type(&event.facts) {
        attributes.text(&["error.type"], Some(error));
    }
    if !attributes.takes_tags() {
        return;
    }
    let tags: Vec<_> = tags.iter().map(|(key, value)| (attributes.fitted(key), attributes.fitted(value))).collect();
    let feature = feature.as_ref().map(|feature| ("feature".to_owned(), attributes.fitted(feature)));
    let metadata: BTreeMap<String, String> = tags.iter().cloned().chain(feature).collect();
    if !metadata.is_empty() {
        attributes.json(&["metadata"], &metadata);
    }
    for (key, value) in &metadata {
        attributes.text(&[&format!("langfuse.observation.metadata.{key}")], Some(value));
    }
    if !tags.is_empty() {
        let labels: Vec<_> = tags.iter().map(|(key, value)| format!("{key}:{value}")).collect();
        attributes.texts(&["tag.tags", "langfuse.trace.tags"], &labels);
    }
}

fn status(facts: &Facts, attributes: &Attributes) -> SpanStatus {
    match facts.status {
        Status::Ok => SpanStatus { code: StatusCode::Ok as i32, message: String::new() },
        Status::Error | Status::Lost => SpanStatus {
            code: StatusCode::Error as i32,
            message: attributes.fitted(error_type(facts).unwrap_or_default()),
        },
        // The host's own wish is no failure.
        Status::Cancelled | Status::Aborted => SpanStatus { code: StatusCode::Unset as i32, message: String::new() },
    }
}

/// `error.type` is required of a span that failed; the outcome stands in for a class that is not known.
fn error_type(facts: &Facts) -> Option<&str> {
    match facts.status {
        Status::Error | Status::Lost => Some(facts.error_type.as_deref().unwrap_or(facts.status.as_str())),
        _ => facts.error_type.as_deref(),
    }
}

/// Within what every backend's clock can show: none before 1970, none after 2262, no end before its start.
fn times(facts: &Facts) -> (u64, u64) {
    let start = u64::try_from(facts.unix_ns).unwrap_or(0);
    (start, start.saturating_add(facts.latency_ns.unwrap_or(0)).min(i64::MAX.unsigned_abs()).max(start))
}

/// The trace around the event, else one of its own, derived from its id.
fn trace_id(event: &Event) -> [u8; 16] {
    match event.attribution.trace_id {
        Some(id) if id.0 != [0; 16] => id.0,
        _ => (u128::from_be_bytes(event.id.writer) ^ u128::from(event.id.counter).rotate_left(64)).max(1).to_be_bytes(),
    }
}

/// Ids of nothing but zeros are invalid: one such span and a server refuses the whole request, or drops it in silence.
fn span_id(event: &Event) -> [u8; 8] {
    u64::from_be_bytes(event.span_id().0).max(1).to_be_bytes()
}

/// A parent without a trace would be looked for in the event's own.
fn parent_id(attribution: &Attribution) -> Option<[u8; 8]> {
    let parent = attribution.parent_id?.0;
    (attribution.trace_id.is_some_and(|id| id.0 != [0; 16]) && parent != [0; 8]).then_some(parent)
}
