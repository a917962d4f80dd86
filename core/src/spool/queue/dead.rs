//! Events that a destination will never take, kept for people to look at.

use std::io;

use serde::Serialize;

use super::Queue;
use crate::event::Event;
use crate::moment::format_rfc3339;

/// A line each.
pub(in crate::spool) const DEAD: &str = "dead.jsonl";
/// Those before. A server that takes nothing must not fill the disk: what is older than both is gone, and counted only.
pub(in crate::spool) const DEAD_BEFORE: &str = "dead.1.jsonl";
/// When a file is full; thousands of events.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

#[derive(Serialize)]
struct Line<'a> {
    reason: &'a str,
    at: String,
    event: &'a Event,
}

impl Queue {
    /// Writes an event that the destination will never take, and why, into `dead.jsonl`, to the platter: its segment goes
    /// next. At 16 MiB the file becomes `dead.1.jsonl`, in the place of the one before.
    ///
    /// # Errors
    /// If it could not be written. A part of a line may have been.
    pub(crate) fn bury(&self, event: &Event, reason: &str, now_unix_ns: i64) -> io::Result<()> {
        let mut line = serde_json::to_vec(&Line { reason, at: format_rfc3339(now_unix_ns), event })?;
        line.push(b'\n');
        let mut hands = self.hands.lock();
        if hands.is_line_torn {
            line.insert(0, b'\n');
        }
        let path = self.folder.join(DEAD);
        if self.disk().facts(&path).is_ok_and(|facts| facts.bytes > MAX_BYTES) {
            self.disk().rename(&path, &self.folder.join(DEAD_BEFORE))?;
        }
        let written = self.disk().append(&path, &line);
        hands.is_line_torn = written.is_err();
        written
    }
}

/// How many lines are whole, and the bytes of those that are not: a disk that was full took a part.
pub(in crate::spool) fn count(bytes: &[u8]) -> (u64, u64) {
    let (mut whole, mut broken) = (0, 0);
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice::<serde::de::IgnoredAny>(line) {
            Ok(_) => whole += 1,
            Err(_) => broken += line.len() as u64,
        }
    }
    (whole, broken)
}
