//! Events to send, in the form in which llmlab sends them.

use std::sync::Arc;

use llmlab::event::{
    Attribution, Call, Charge, CostSource, CostState, Event, EventId, Facts, Operation, Origin, Rollup, SpanId, Status,
    Step, Subject, Tally,
};
use llmlab::{Dimension, Usage};
use serde_json::Value;

pub(super) fn call(id: EventId) -> Value {
    let mut call = Call::new(Operation::Chat);
    call.provider = Some("openai".into());
    call.model = Some("gpt-5-mini-2025-08-07".to_owned());
    call.model_requested = Some("gpt-5-mini".to_owned());
    call.usage = Usage::new().with(Dimension::Input, 1482).with(Dimension::Output, 645);
    event(id, Subject::Call(Box::new(call)), Some("0.0016605"))
}

pub(super) fn step(id: EventId) -> Value {
    let step = Step { name: "plan".to_owned(), kind: "agent".into(), span_id: SpanId([7; 8]) };
    event(id, Subject::Step(Box::new(step)), None)
}

pub(super) fn rollup(id: EventId) -> Value {
    let rollup = Rollup {
        provider: Some("openai".into()),
        model: Some("gpt-5-mini-2025-08-07".to_owned()),
        operation: Some(Operation::Chat),
        usage: Usage::new().with(Dimension::Input, 26_978_328),
        tally: Tally { calls: 18_204, ..Tally::default() },
    };
    event(id, Subject::Rollup(Box::new(rollup)), Some("30.227742000000000001"))
}

fn event(id: EventId, subject: Subject, cost_usd: Option<&str>) -> Value {
    let charge = cost_usd.map(|total| Charge {
        total: total.parse().ok(),
        state: CostState::Priced,
        source: CostSource::Catalogue,
        catalogue_version: 20_261_121_001,
        matched_by: None,
    });
    let event = Event {
        id,
        origin: Arc::new(Origin { project: "conformance".to_owned(), ..Origin::default() }),
        attribution: Arc::new(Attribution { tags: vec![("team".into(), "søk\0".into())], ..Attribution::default() }),
        facts: Facts {
            unix_ns: 1_795_113_766_125_000_000,
            latency_ns: Some(1_840_291_000),
            status: Status::Ok,
            error_type: None,
            subject,
        },
        charge,
    };
    // An event always has a JSON form.
    serde_json::to_value(event).unwrap_or_default()
}
