//! What a server says of the spans that it took.

use std::ops::Range;

use prost::Message;
use serde_json::Value as Json;

use super::super::{Receipt, Rejection, Verdict, words};
use super::protobuf::{ExportTraceServiceResponse, PartialSuccess};

/// The verdict of a 2xx that is no page.
///
/// A partial success names a number of spans and none of them. As they must not be sent again, and every event has to be
/// accounted for, the last ones are reported as rejected: the count is the server's, which they were is our guess, and
/// the reason says so.
pub(super) fn verdict(body: &[u8], events: Range<usize>) -> Verdict {
    let PartialSuccess { rejected_spans, error_message } = partial_success(body);
    let rejected = usize::try_from(rejected_spans).unwrap_or(0).min(events.len());
    let first_rejected = events.end - rejected;
    let reason =
        format!("{rejected} of {} spans rejected, which ones is not said: {}", events.len(), words(&error_message));
    Verdict::Receipt(Receipt {
        stored: (events.len() - rejected) as u64,
        duplicates: 0,
        rejected: (first_rejected..events.end).map(|index| Rejection { index, reason: reason.clone() }).collect(),
    })
}

/// The specification wants protobuf. Some servers answer JSON to it, or a word, or nothing: that is a success, too.
fn partial_success(body: &[u8]) -> PartialSuccess {
    let text = body.trim_ascii_start();
    let said = if text.starts_with(b"{") {
        from_json(text)
    } else {
        ExportTraceServiceResponse::decode(body).ok().and_then(|answer| answer.partial_success)
    };
    said.unwrap_or_default()
}

/// In the JSON mapping of protobuf an integer of 64 bits is a string; not every server knows.
fn from_json(text: &[u8]) -> Option<PartialSuccess> {
    let answer: Json = serde_json::from_slice(text).ok()?;
    let partial = answer.get("partialSuccess")?;
    let rejected = partial.get("rejectedSpans")?;
    let rejected_spans = rejected.as_i64().or_else(|| rejected.as_str()?.parse().ok())?;
    let error_message = partial.get("errorMessage").and_then(Json::as_str).unwrap_or_default().to_owned();
    Some(PartialSuccess { rejected_spans, error_message })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(answer: &PartialSuccess) -> Vec<u8> {
        ExportTraceServiceResponse { partial_success: Some(answer.clone()) }.encode_to_vec()
    }

    fn receipt(body: &[u8]) -> Receipt {
        match verdict(body, 10..20) {
            Verdict::Receipt(receipt) => receipt,
            other => panic!("no receipt: {other:?}"),
        }
    }

    #[test]
    fn nothing_said_is_everything_stored() {
        let silent = answered(&PartialSuccess::default());
        let warned = answered(&PartialSuccess { rejected_spans: 0, error_message: "slow down".into() });
        for body in [&b""[..], b"{}", br#"{"partialSuccess":null}"#, br#"{"status":"ok"}"#, b"OK", &silent, &warned] {
            assert_eq!(receipt(body), Receipt { stored: 10, ..Receipt::default() }, "{body:?}");
        }
    }

    #[test]
    fn rejected_spans_are_counted_and_not_sent_again() {
        let protobuf = answered(&PartialSuccess { rejected_spans: 3, error_message: "no model".into() });
        let json = br#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no model"}}"#;
        for body in [&protobuf[..], json] {
            let receipt = receipt(body);
            assert!(receipt.accounts_for(10));
            assert_eq!(receipt.rejected.iter().map(|rejection| rejection.index).collect::<Vec<_>>(), [17, 18, 19]);
            assert_eq!(receipt.rejected[0].reason, "3 of 10 spans rejected, which ones is not said: no model");
        }
    }

    #[test]
    fn a_number_that_cannot_be_is_bounded_by_what_was_sent() {
        for (said, rejected) in [(i64::MAX, 10), (-1, 0), (i64::MIN, 0)] {
            let body = answered(&PartialSuccess { rejected_spans: said, error_message: "é".repeat(1_000) });
            assert_eq!(receipt(&body).rejected.len(), rejected);
        }
    }
}
