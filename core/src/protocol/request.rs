//! What is sent.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Serialize;

use crate::error::{Error, ErrorCode, Result};
use crate::event::Event;
use crate::moment::format_rfc3339;
use crate::sink::Batch;

/// How many events each writer has had to drop so far, by reason. Cumulative, so that a request may come twice.
pub(crate) type Dropped = BTreeMap<String, BTreeMap<&'static str, u64>>;

#[derive(Serialize)]
struct Request<'a> {
    version: u32,
    batch_id: &'a str,
    sent_at: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    dropped: &'a Dropped,
    events: &'a [Event],
}

/// The batch's own id, or one derived from it for a part.
pub(crate) fn batch_id(batch: &Batch, part: &Range<usize>) -> String {
    if *part == (0..batch.events.len()) {
        batch.id.clone()
    } else {
        format!("{}/{}-{}", batch.id, part.start, part.end)
    }
}

/// The body of a request for a part of a batch.
///
/// # Errors
/// When the part does not lie within the batch.
pub(crate) fn encode(batch: &Batch, part: Range<usize>, dropped: &Dropped, now_unix_ns: i64) -> Result<Vec<u8>> {
    let wrong = |what: String| Error::new(ErrorCode::Storage, format!("a batch cannot be written as JSON: {what}"));
    let batch_id = &batch_id(batch, &part);
    let events = batch.events.get(part).ok_or_else(|| wrong("a part that it does not have".to_owned()))?;
    let sent_at = format_rfc3339(now_unix_ns);
    let request = Request { version: super::VERSION, batch_id, sent_at, dropped, events };
    serde_json::to_vec(&request).map_err(|error| wrong(error.to_string()))
}
