//! Servers that take one call a request, as flat JSON.

use std::ops::Range;

use serde::Serialize;

use super::verdict::of_success;
use super::{Answer, Batch, Endpoint, Guarantee, Message, Remote, Verdict};
use crate::error::{Error, ErrorCode, Result};
use crate::event::{CostSource, Event, Subject};
use crate::moment::format_rfc3339;
use crate::money::Money;
use crate::usage::Dimension;

pub(super) struct Track {
    url: String,
}

impl Track {
    pub(super) fn new(endpoint: &Endpoint, path: &str) -> Self {
        Self { url: format!("{}{path}", endpoint.url) }
    }
}

/// Unknown is null. `input_tokens` contains cached ones, `output_tokens` reasoning.
#[derive(Serialize)]
struct Tracked<'a> {
    project_id: &'a str,
    provider: Option<&'a str>,
    model: Option<&'a str>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cost_usd: Option<Money>,
    feature: Option<&'a str>,
    timestamp: String,
}

impl<'a> Tracked<'a> {
    /// Steps have no field here. Neither has a status, so that a refused request, which cost nothing, would be counted as
    /// a call: it is left out. A rollup goes as one big call, so that the money is right.
    fn of(event: &'a Event) -> Option<Self> {
        let (provider, model, usage) = match &event.facts.subject {
            Subject::Call(call) => (&call.provider, &call.model, &call.usage),
            Subject::Rollup(rollup) if event.charge.is_some() => (&rollup.provider, &rollup.model, &rollup.usage),
            Subject::Rollup(_) | Subject::Step(_) => return None,
        };
        if event.charge.is_some_and(|charge| charge.source == CostSource::NotBilled) {
            return None;
        }
        Some(Self {
            project_id: &event.origin.project,
            provider: provider.as_deref(),
            model: model.as_deref(),
            input_tokens: usage.get(Dimension::Input),
            output_tokens: usage.get(Dimension::Output),
            cost_usd: event.charge.and_then(|charge| charge.total),
            feature: event.attribution.feature.as_deref(),
            timestamp: format_rfc3339(event.facts.unix_ns),
        })
    }
}

impl Remote for Track {
    fn name(&self) -> &'static str {
        "track"
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce
    }

    fn max_events(&self) -> usize {
        1
    }

    fn takes_gzip(&self) -> bool {
        false
    }

    fn request(&mut self, batch: &Batch, events: Range<usize>) -> Result<Option<Message>> {
        let Some(tracked) = batch.events.get(events.start).and_then(Tracked::of) else { return Ok(None) };
        let body = serde_json::to_vec(&tracked);
        let body = body.map_err(|error| Error::new(ErrorCode::Storage, format!("no JSON of an event: {error}")))?;
        let headers = vec![("content-type", "application/json".to_owned())];
        Ok(Some(Message { url: self.url.clone(), headers, body }))
    }

    fn judge(&self, _batch: &Batch, events: Range<usize>, answer: &Answer, now_unix_ns: i64) -> Verdict {
        of_success(answer, events.len(), now_unix_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Rollup, Step};
    use crate::sink::Receipt;
    use crate::spool::testing::{call, header};
    use crate::usage::Usage;

    fn body(event: Event) -> Option<String> {
        let endpoint =
            Endpoint { url: "https://a.example".to_owned(), headers: Vec::new(), api_key: None, ca_file: None };
        let batch = Batch { id: "b1".to_owned(), origin: header().origin, events: vec![call(0), event] };
        let message = Track::new(&endpoint, "/api/track").request(&batch, 1..2).unwrap()?;
        assert_eq!(message.url, "https://a.example/api/track");
        Some(String::from_utf8(message.body).unwrap())
    }

    #[test]
    fn a_call_is_one_flat_object_with_its_exact_cost() {
        assert_eq!(
            body(call(1)).unwrap(),
            r#"{"project_id":"shop/back end","provider":"openai","model":"gpt-5-2025-08-07","input_tokens":1482,"#
                .to_owned()
                + r#""output_tokens":645,"cost_usd":0.0116235,"feature":"search","timestamp":"2026-09-21T14:13:20.001234567Z"}"#
        );
    }

    #[test]
    fn an_unknown_cost_is_null_and_never_0() {
        let mut event = call(1);
        event.charge.as_mut().unwrap().total = None;
        assert!(body(event).unwrap().contains(r#""cost_usd":null"#));
        assert!(body(Event { charge: None, ..call(1) }).unwrap().contains(r#""cost_usd":null"#));
    }

    #[test]
    fn steps_and_refused_requests_are_not_sent_and_count_as_stored() {
        let mut step = call(1);
        let span_id = step.span_id();
        step.facts.subject = Subject::Step(Box::new(Step { name: "plan".to_owned(), kind: "agent".into(), span_id }));
        assert_eq!(body(step), None);
        let mut refused = call(1);
        refused.charge.as_mut().unwrap().source = CostSource::NotBilled;
        assert_eq!(body(refused), None);
    }

    #[test]
    fn a_rollup_is_one_call_with_its_sums() {
        let mut event = call(1);
        let usage = Usage::new().with(Dimension::Input, 1 << 40);
        let rollup = Rollup { model: Some("gpt-5".to_owned()), usage, ..Rollup::default() };
        event.facts.subject = Subject::Rollup(Box::new(rollup));
        let sent = body(event.clone()).unwrap();
        assert!(sent.contains(r#""input_tokens":1099511627776"#) && sent.contains(r#""cost_usd":0.0116235"#), "{sent}");
        assert_eq!(body(Event { charge: None, ..event }), None);
    }

    #[test]
    fn any_success_is_a_receipt_and_the_rest_is_the_status() {
        let batch = Batch { id: "b1".to_owned(), origin: header().origin, events: vec![call(0)] };
        let sink = Track { url: String::new() };
        let judge = |status| sink.judge(&batch, 0..1, &Answer { status, ..Answer::default() }, 0);
        for status in [200, 201, 202, 204] {
            assert_eq!(judge(status), Verdict::Receipt(Receipt { stored: 1, ..Receipt::default() }));
        }
        assert!(matches!(judge(422), Verdict::Split { .. }));
        assert!(matches!(judge(302), Verdict::Pause { .. }));
    }
}
