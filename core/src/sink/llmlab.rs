//! A server that speaks docs/protocol.md.

use std::ops::Range;

use super::verdict::of_status;
use super::{Answer, Batch, Endpoint, Guarantee, Message, Remote, Verdict};
use crate::clock::Clock;
use crate::error::Result;
use crate::protocol::{Dropped, MAX_EVENTS, encode, events_url, read_receipt};

pub(super) struct Llmlab {
    backend: String,
    dropped: Dropped,
    clock: Box<dyn Clock>,
}

impl Llmlab {
    pub(super) fn new(endpoint: &Endpoint, clock: Box<dyn Clock>) -> Self {
        Self { backend: endpoint.url.clone(), dropped: Dropped::new(), clock }
    }
}

impl Remote for Llmlab {
    fn name(&self) -> &'static str {
        "llmlab"
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    fn max_events(&self) -> usize {
        MAX_EVENTS
    }

    fn request(&mut self, batch: &Batch, events: Range<usize>) -> Result<Option<Message>> {
        Ok(Some(Message {
            url: events_url(&self.backend, &batch.origin.project)?,
            headers: vec![("content-type", "application/json".to_owned())],
            body: encode(batch, events, &self.dropped, self.clock.now().unix_ns)?,
        }))
    }

    fn judge(&self, batch: &Batch, events: Range<usize>, answer: &Answer, now_unix_ns: i64) -> Verdict {
        of_status(answer, now_unix_ns).unwrap_or_else(|| match read_receipt(&answer.body, batch, events) {
            Ok(receipt) => Verdict::Receipt(receipt),
            Err(reason) => Verdict::Retry { after: None, reason },
        })
    }

    fn note_dropped(&mut self, writer: [u8; 16], events: &[(&'static str, u64)]) {
        let mut counts = events.iter().copied().filter(|&(_, count)| count > 0).peekable();
        if counts.peek().is_some() {
            self.dropped.entry(format!("{:032x}", u128::from_be_bytes(writer))).or_default().extend(counts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::tests::ManualClock;
    use crate::sink::{Receipt, Secret};
    use crate::spool::testing::{WRITER, call, header};
    use serde_json::{Value, json};

    fn sink() -> Llmlab {
        let endpoint = Endpoint {
            url: "https://cost.example".to_owned(),
            headers: Vec::new(),
            api_key: Some(Secret("canary".to_owned())),
            ca_file: None,
        };
        Llmlab::new(&endpoint, Box::new(ManualClock::default()))
    }

    fn batch() -> Batch {
        Batch { id: "b1".to_owned(), origin: header().origin, events: (0..4).map(call).collect() }
    }

    fn body(message: &Message) -> Value {
        serde_json::from_slice(&message.body).unwrap()
    }

    #[test]
    fn a_batch_goes_to_its_project_with_its_events_as_exported() {
        let message = sink().request(&batch(), 0..4).unwrap().unwrap();
        assert_eq!(message.url, "https://cost.example/v1/projects/shop%2Fback%20end/events");
        assert_eq!(message.headers, [("content-type", "application/json".to_owned())]);
        let exported: Vec<Value> = batch()
            .events
            .iter()
            .map(|event| serde_json::from_str(&serde_json::to_string(event).unwrap()).unwrap())
            .collect();
        let expected = json!({"version": 1, "batch_id": "b1", "sent_at": "1970-01-01T00:00:00Z", "events": exported});
        assert_eq!(body(&message), expected);
        assert!(!String::from_utf8(message.body).unwrap().contains("canary"));
    }

    #[test]
    fn a_part_of_a_batch_has_an_id_of_its_own() {
        let message = sink().request(&batch(), 1..3).unwrap().unwrap();
        assert_eq!(body(&message)["batch_id"], "b1/1-3");
        assert_eq!(body(&message)["events"][0]["id"], call(1).id.to_string());
        assert_eq!(body(&message)["events"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn what_a_writer_dropped_goes_along_as_a_running_total() {
        let mut sink = sink();
        sink.note_dropped(WRITER, &[("memory_full", 0)]);
        assert_eq!(body(&sink.request(&batch(), 0..4).unwrap().unwrap()).get("dropped"), None);
        sink.note_dropped(WRITER, &[("memory_full", 3)]);
        sink.note_dropped(WRITER, &[("memory_full", 5), ("too_large", 1)]);
        let dropped = body(&sink.request(&batch(), 0..4).unwrap().unwrap())["dropped"].clone();
        assert_eq!(dropped, json!({"30313233343536373839616263646566": {"memory_full": 5, "too_large": 1}}));
    }

    #[test]
    fn a_project_that_no_address_can_hold_waits_and_says_so() {
        let origin = crate::event::Origin { project: "..".to_owned(), ..Default::default() };
        let batch = Batch { origin: std::sync::Arc::new(origin), ..batch() };
        assert!(sink().request(&batch, 0..4).unwrap_err().to_string().contains("\"..\""));
    }

    #[test]
    fn success_needs_a_receipt_and_the_rest_is_the_status() {
        let judge = |status, body: &str| {
            let answer = Answer { status, body: body.as_bytes().to_vec(), ..Answer::default() };
            sink().judge(&batch(), 0..4, &answer, 0)
        };
        let receipt = r#"{"batch_id":"b1","stored":3,"duplicates":1,"rejected":[],"more":null}"#;
        let stored = Receipt { stored: 3, duplicates: 1, rejected: Vec::new() };
        assert_eq!(judge(200, receipt), Verdict::Receipt(stored));
        assert!(matches!(judge(200, "<html>welcome</html>"), Verdict::Retry { .. }));
        assert!(matches!(judge(204, ""), Verdict::Retry { .. }));
        assert!(matches!(judge(401, receipt), Verdict::Pause { .. }));
        assert!(matches!(judge(503, receipt), Verdict::Retry { .. }));
    }
}
