//! `OpenTelemetry`: a span an event, over OTLP/HTTP in protobuf, which is the one encoding that every backend takes.
//!
//! At least once: a span has the same ids at every delivery, and what a backend does with a second one is its own
//! affair (Phoenix and `MLflow` keep one). Therefore more is tried again than the protocol allows its clients: a 500 may
//! come after the spans were stored, and that does no harm here.
//!
//! One span speaks every dialect at once, docs/sinks.md has the table; it is what makes tokens and cost appear without
//! anybody choosing a dialect.

use std::ops::Range;

use prost::Message as _;

use self::attributes::{Attributes, Detail};
use self::protobuf::{ExportTraceServiceRequest, InstrumentationScope, Resource, ResourceSpans, ScopeSpans};
use super::verdict::{of_page, of_status};
use super::{Answer, Batch, Endpoint, Guarantee, Message, Remote, Verdict};
use crate::error::Result;
use crate::event::{Event, Origin};

mod attributes;
mod kind;
mod preset;
mod protobuf;
mod provider;
mod response;
mod span;
mod spent;

pub(crate) use preset::Preset;

/// `PostHog` refuses a request with more spans as a whole, and with it everything in it.
const MAX_EVENTS: usize = 100;
/// Uncompressed. `PostHog` refuses 4 MiB, which is the least of all known.
const MAX_BODY_BYTES: usize = 3 << 20;
/// With a hundred events and some sixty texts in each, a request of cut ones stays below [`MAX_BODY_BYTES`].
const CUT: Detail = Detail::Cut(256);

/// A backend that speaks OTLP over HTTP.
pub(crate) struct OtlpSink {
    url: String,
}

impl OtlpSink {
    /// The endpoint's address is the whole one; its headers and key are the business of the client.
    pub(crate) fn new(endpoint: &Endpoint) -> Self {
        Self { url: endpoint.url.clone() }
    }
}

impl Remote for OtlpSink {
    fn name(&self) -> &'static str {
        "otlp"
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce
    }

    fn max_events(&self) -> usize {
        MAX_EVENTS
    }

    fn request(&mut self, batch: &Batch, events: Range<usize>) -> Result<Option<Message>> {
        let events = batch.events.get(events).unwrap_or_default();
        if events.is_empty() {
            return Ok(None);
        }
        let mut request = export(&batch.origin, events, Detail::Whole);
        if request.encoded_len() > MAX_BODY_BYTES {
            request = export(&batch.origin, events, CUT);
        }
        Ok(Some(Message {
            url: self.url.clone(),
            headers: vec![("content-type", "application/x-protobuf".to_owned())],
            body: request.encode_to_vec(),
        }))
    }

    fn judge(&self, _batch: &Batch, events: Range<usize>, answer: &Answer, now_unix_ns: i64) -> Verdict {
        of_status(answer, now_unix_ns)
            .or_else(|| of_page(&answer.body))
            .unwrap_or_else(|| response::verdict(&answer.body, events))
    }
}

fn export(origin: &Origin, events: &[Event], detail: Detail) -> ExportTraceServiceRequest {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let scope = InstrumentationScope { name: "llmlab".to_owned(), version };
    let spans = events.iter().map(|event| span::of(event, detail)).collect();
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource(origin, detail)),
            scope_spans: vec![ScopeSpans { scope: Some(scope), spans }],
        }],
    }
}

fn resource(origin: &Origin, detail: Detail) -> Resource {
    let mut attributes = Attributes::new(detail);
    // A service without a name would be `unknown_service`; the project is the best name that is known.
    let service = origin.service.as_deref().unwrap_or(&origin.project);
    attributes.text(&["service.name"], Some(service));
    attributes.text(&["deployment.environment.name"], origin.environment.as_deref());
    attributes.text(&["openinference.project.name", "llmlab.project"], Some(&origin.project));
    attributes.text(&["llmlab.run_id"], origin.run_id.as_deref());
    attributes.text(&["telemetry.sdk.name"], Some("llmlab"));
    attributes.text(&["telemetry.sdk.version"], Some(env!("CARGO_PKG_VERSION")));
    Resource { attributes: attributes.into_list() }
}

#[cfg(test)]
mod tests;
