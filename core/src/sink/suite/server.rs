//! What stands behind a sink over HTTP in the suite: it reads a request as a real server would, and remembers whose calls
//! it was told of.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::{Answer, Message, SinkSettings};

pub(super) struct Server {
    read: fn(&Message, &mut Memory) -> Vec<u8>,
    pub(super) memory: Memory,
    /// Answered instead, while it is there.
    pub(super) trouble: Option<Answer>,
}

#[derive(Default)]
pub(super) struct Memory {
    /// The features that were told of, one an event, in order.
    pub(super) features: Vec<String>,
    ids: BTreeSet<String>,
}

impl Server {
    pub(super) fn for_sink(settings: &SinkSettings) -> Self {
        let read = match settings {
            SinkSettings::Llmlab(_) => read_protocol,
            SinkSettings::Track(..) => read_track,
            SinkSettings::Traces(_) => read_traces,
            SinkSettings::Otlp(_) => read_otlp,
            other => panic!("{} is not behind HTTP", other.kind()),
        };
        Self { read, memory: Memory::default(), trouble: None }
    }

    pub(super) fn answer(&mut self, message: &Message) -> Answer {
        if let Some(trouble) = &self.trouble {
            return trouble.clone();
        }
        Answer { status: 200, retry_after: None, body: (self.read)(message, &mut self.memory) }
    }
}

fn parsed(message: &Message) -> Value {
    serde_json::from_slice(&message.body).unwrap()
}

fn feature(of: &Value) -> String {
    of["feature"].as_str().unwrap_or_default().to_owned()
}

/// By the event's id, once.
fn read_protocol(message: &Message, memory: &mut Memory) -> Vec<u8> {
    let request = parsed(message);
    let (mut stored, mut duplicates) = (0, 0);
    for event in request["events"].as_array().unwrap() {
        if memory.ids.insert(event["id"].as_str().unwrap().to_owned()) {
            memory.features.push(feature(event));
            stored += 1;
        } else {
            duplicates += 1;
        }
    }
    let receipt = json!({"batch_id": request["batch_id"], "stored": stored, "duplicates": duplicates, "rejected": []});
    receipt.to_string().into_bytes()
}

fn read_track(message: &Message, memory: &mut Memory) -> Vec<u8> {
    memory.features.push(feature(&parsed(message)));
    Vec::new()
}

fn read_traces(message: &Message, memory: &mut Memory) -> Vec<u8> {
    memory.features.extend(parsed(message)["traces"].as_array().unwrap().iter().map(feature));
    Vec::new()
}

fn read_otlp(message: &Message, memory: &mut Memory) -> Vec<u8> {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue;
    use prost::Message as _;
    let request = ExportTraceServiceRequest::decode(&message.body[..]).unwrap();
    let spans = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    for span in spans.flat_map(|scope| scope.spans) {
        let value = span.attributes.into_iter().find(|attribute| attribute.key == "llmlab.feature");
        memory.features.push(match value.and_then(|feature| feature.value?.value) {
            Some(StringValue(feature)) => feature,
            _ => String::new(),
        });
    }
    Vec::new()
}
