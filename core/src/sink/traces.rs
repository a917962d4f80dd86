//! Servers that take whole traces: one request when a root step has ended, built from the ledger, where the events of all
//! threads and processes meet.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::verdict::of_success;
use super::{Answer, Batch, Endpoint, Guarantee, Message, Remote, Verdict};
use crate::error::{Error, ErrorCode, Result};
use crate::event::{Event, Step, Subject, TraceId, milliseconds};
use crate::ledger::Ledger;
use crate::moment::format_rfc3339;
use crate::money::Money;
use crate::protocol::project_url;
use crate::usage::Dimension;

/// Ordinary batches have no more events, and each may be the root of a trace.
const MAX_EVENTS: usize = 100;

pub(super) struct Traces {
    backend: String,
    ledger_path: PathBuf,
    ledger: Option<Ledger>,
}

impl Traces {
    pub(super) fn new(endpoint: &Endpoint, home: &Path) -> Self {
        Self { backend: endpoint.url.clone(), ledger_path: Ledger::path_in(home), ledger: None }
    }

    /// The events of the trace of a root. A ledger that lacks the root itself has not caught up.
    fn events(&mut self, root: &Event, trace_id: TraceId) -> Result<Vec<Event>> {
        let mut ledger = match self.ledger.take() {
            Some(ledger) => ledger,
            None => Ledger::read(&self.ledger_path)?,
        };
        let from_ns = root.facts.unix_ns;
        let to_ns = root.facts.latency_ns.map_or(i64::MAX, |took| from_ns.saturating_add_unsigned(took));
        let events = ledger.trace(trace_id, from_ns, to_ns)?;
        if !events.iter().any(|event| event.id == root.id) {
            let message = format!("the trace {trace_id} waits for the ledger");
            return Err(Error::new(ErrorCode::Storage, message));
        }
        // Kept only while it serves: a file that appeared, or was replaced, is found by opening it again.
        self.ledger = Some(ledger);
        Ok(events)
    }
}

#[derive(Serialize)]
struct Body<'a> {
    traces: Vec<Whole<'a>>,
}

#[derive(Serialize)]
struct Whole<'a> {
    trace_id: String,
    project_id: &'a str,
    agent_name: &'a str,
    status: &'static str,
    started_at: String,
    duration_ms: Option<f64>,
    /// Null if a call inside is unpriced: a part of a sum is no sum.
    total_cost: Option<Money>,
    feature: Option<&'a str>,
    user: Option<&'a str>,
    session: Option<&'a str>,
    steps: Vec<Part>,
}

/// A step, the root included, or a call.
#[derive(Serialize)]
struct Part {
    step_id: String,
    parent_id: Option<String>,
    name: Option<String>,
    kind: String,
    status: &'static str,
    started_at: String,
    duration_ms: Option<f64>,
    provider: Option<String>,
    model: Option<String>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cost: Option<Money>,
}

fn root_of(event: &Event) -> Option<(&Event, &Step, TraceId)> {
    match (&event.facts.subject, &*event.attribution) {
        (Subject::Step(step), about) if about.parent_id.is_none() => Some((event, step, about.trace_id?)),
        _ => None,
    }
}

impl<'a> Whole<'a> {
    fn new(root: &'a Event, step: &'a Step, trace_id: TraceId, events: &[Event]) -> Self {
        Self {
            trace_id: trace_id.to_string(),
            project_id: &root.origin.project,
            agent_name: &step.name,
            status: root.facts.status.as_str(),
            started_at: format_rfc3339(root.facts.unix_ns),
            duration_ms: root.facts.latency_ns.map(milliseconds),
            total_cost: events.iter().filter_map(|event| event.charge).map(|charge| charge.total).sum(),
            feature: root.attribution.feature.as_deref(),
            user: root.attribution.user.as_deref(),
            session: root.attribution.session.as_deref(),
            steps: events.iter().map(Part::of).collect(),
        }
    }
}

impl Part {
    fn of(event: &Event) -> Self {
        let (call, step) = match &event.facts.subject {
            Subject::Call(call) => (Some(&**call), None),
            Subject::Step(step) => (None, Some(&**step)),
            Subject::Rollup(_) => (None, None),
        };
        Self {
            step_id: event.span_id().to_string(),
            parent_id: event.attribution.parent_id.map(|id| id.to_string()),
            name: step.map(|step| step.name.clone()),
            kind: step.map_or_else(|| "llm".to_owned(), |step| step.kind.to_string()),
            status: event.facts.status.as_str(),
            started_at: format_rfc3339(event.facts.unix_ns),
            duration_ms: event.facts.latency_ns.map(milliseconds),
            provider: call.and_then(|call| call.provider.as_deref()).map(str::to_owned),
            model: call.and_then(|call| call.model.clone()),
            input_tokens: call.and_then(|call| call.usage.get(Dimension::Input)),
            output_tokens: call.and_then(|call| call.usage.get(Dimension::Output)),
            cost: event.charge.and_then(|charge| charge.total),
        }
    }
}

impl Remote for Traces {
    fn name(&self) -> &'static str {
        "traces"
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce
    }

    fn max_events(&self) -> usize {
        MAX_EVENTS
    }

    fn takes_gzip(&self) -> bool {
        false
    }

    fn request(&mut self, batch: &Batch, events: Range<usize>) -> Result<Option<Message>> {
        let mut traces = Vec::new();
        for (root, step, trace_id) in batch.events.get(events).unwrap_or_default().iter().filter_map(root_of) {
            let events = self.events(root, trace_id)?;
            traces.push(Whole::new(root, step, trace_id, &events));
        }
        if traces.is_empty() {
            return Ok(None);
        }
        let body = serde_json::to_vec(&Body { traces });
        let body = body.map_err(|error| Error::new(ErrorCode::Storage, format!("no JSON of a trace: {error}")))?;
        let url = project_url(&self.backend, &batch.origin.project, "traces")?;
        Ok(Some(Message { url, headers: vec![("content-type", "application/json".to_owned())], body }))
    }

    fn judge(&self, _batch: &Batch, events: Range<usize>, answer: &Answer, now_unix_ns: i64) -> Verdict {
        of_success(answer, events.len(), now_unix_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Attribution, SpanId};
    use crate::sink::Receipt;
    use crate::spool::testing::{call, header};
    use serde_json::{Value, json};
    use std::sync::Arc;

    const TRACE: TraceId = TraceId([7; 16]);
    const ROOT: SpanId = SpanId([1; 8]);

    fn traced(mut event: Event, parent_id: Option<SpanId>) -> Event {
        event.attribution = Arc::new(Attribution { trace_id: Some(TRACE), parent_id, ..Attribution::default() });
        event
    }

    fn root() -> Event {
        let mut event = traced(call(0), None);
        event.charge = None;
        event.facts.subject =
            Subject::Step(Box::new(Step { name: "answer".to_owned(), kind: "agent".into(), span_id: ROOT }));
        event
    }

    fn batch(events: Vec<Event>) -> Batch {
        Batch { id: "b1".to_owned(), origin: header().origin, events }
    }

    fn sink(home: &Path) -> Traces {
        let endpoint =
            Endpoint { url: "https://a.example".to_owned(), headers: Vec::new(), api_key: None, ca_file: None };
        Traces::new(&endpoint, home)
    }

    fn only_trace(home: &Path, batch: &Batch) -> Value {
        let message = sink(home).request(batch, 0..batch.events.len()).unwrap().unwrap();
        assert_eq!(message.url, "https://a.example/v1/projects/shop%2Fback%20end/traces");
        let body: Value = serde_json::from_slice(&message.body).unwrap();
        assert_eq!(body["traces"].as_array().unwrap().len(), 1);
        body["traces"][0].clone()
    }

    #[test]
    fn a_root_step_makes_a_trace_of_what_the_ledger_holds() {
        let home = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&Ledger::path_in(home.path())).unwrap();
        let children = vec![traced(call(1), Some(ROOT)), traced(call(2), Some(ROOT)), call(3)];
        ledger.ingest(&[batch(children)]).unwrap();
        let ending = batch(vec![call(4), root()]);
        ledger.ingest(std::slice::from_ref(&ending)).unwrap();
        let trace = only_trace(home.path(), &ending);
        assert_eq!(trace["agent_name"], "answer");
        assert_eq!(trace["trace_id"], TRACE.to_string());
        assert_eq!((&trace["status"], &trace["duration_ms"]), (&json!("ok"), &json!(812.345)));
        assert_eq!(trace["total_cost"].to_string(), "0.023247");
        let steps = trace["steps"].as_array().unwrap();
        assert_eq!(steps.iter().map(|step| &step["kind"]).collect::<Vec<_>>(), ["agent", "llm", "llm"]);
        assert_eq!((&steps[0]["step_id"], &steps[0]["parent_id"]), (&json!(ROOT.to_string()), &json!(null)));
        assert_eq!((&steps[1]["parent_id"], &steps[1]["input_tokens"]), (&json!(ROOT.to_string()), &json!(1482)));
    }

    #[test]
    fn a_trace_with_an_unpriced_call_has_no_total() {
        let home = tempfile::tempdir().unwrap();
        let mut unpriced = traced(call(1), Some(ROOT));
        unpriced.charge.as_mut().unwrap().total = None;
        let batch = batch(vec![unpriced, traced(call(2), Some(ROOT)), root()]);
        Ledger::open(&Ledger::path_in(home.path())).unwrap().ingest(std::slice::from_ref(&batch)).unwrap();
        assert_eq!(only_trace(home.path(), &batch)["total_cost"], Value::Null);
    }

    #[test]
    fn a_trace_waits_for_the_ledger_and_finds_it_once_it_is_there() {
        let home = tempfile::tempdir().unwrap();
        let mut sink = sink(home.path());
        let batch = batch(vec![root()]);
        assert!(sink.request(&batch, 0..1).unwrap_err().to_string().contains("waits for the ledger"));
        Ledger::open(&Ledger::path_in(home.path())).unwrap().ingest(std::slice::from_ref(&batch)).unwrap();
        assert!(sink.request(&batch, 0..1).unwrap().is_some());
    }

    #[test]
    fn without_a_root_there_is_nothing_to_send_and_no_ledger_is_opened() {
        let home = tempfile::tempdir().unwrap();
        let mut sink = Traces { ledger_path: home.path().to_owned(), ..sink(home.path()) };
        let inner = batch(vec![call(1), traced(call(2), Some(ROOT))]);
        assert_eq!(sink.request(&inner, 0..2).unwrap(), None);
    }

    #[test]
    fn any_success_is_a_receipt() {
        let home = tempfile::tempdir().unwrap();
        let answer = Answer { status: 202, ..Answer::default() };
        let verdict = sink(home.path()).judge(&batch(vec![root(), call(1)]), 0..2, &answer, 0);
        assert_eq!(verdict, Verdict::Receipt(Receipt { stored: 2, ..Receipt::default() }));
    }
}
