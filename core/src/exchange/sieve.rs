//! Takes out of a stream of events what it has only because we asked for its usage.
//!
//! That is documented (<https://platform.openai.com/docs/api-reference/chat/create#chat_create-stream_options>): one more
//! chunk, without choices and with the usage, and `"usage":null` in all others. Everything else passes byte for byte,
//! each event as soon as it has ended.

use std::ops::Range;

use memchr::{memchr2, memmem};

use crate::wire::json;

/// A longer event passes as it is: what it has too much is harmless, and what is held back is bounded.
const MAX_HELD_BYTES: usize = 1 << 20;
/// What a chunk without choices may say beside its usage, and an application must hear: Azure's verdict on the prompt
/// (<https://learn.microsoft.com/azure/ai-services/openai/concepts/content-filter>), and that of a moderation.
const SAYS_MORE: [&[u8]; 2] = [b"prompt_filter_results", b"moderation"];

/// Events in, events out. An event is its lines up to the blank one that ends it, whatever fields they have.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a state of its own of a line or an event")]
pub(super) struct Sieve {
    /// The event that has not ended.
    held: Vec<u8>,
    /// The line that has not ended has begun.
    in_line: bool,
    /// The last byte was the `\r` of a line end, to which a `\n` may belong.
    after_return: bool,
    /// The last event that ended was taken out.
    took_out: bool,
    /// What was held of this event has passed already.
    too_long: bool,
}

impl Sieve {
    /// Appends to `out` what may pass now.
    pub(super) fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        if self.after_return && !bytes.is_empty() {
            self.after_return = false;
            if let Some(rest) = bytes.strip_prefix(b"\n") {
                bytes = rest;
                match (self.held.is_empty() && !self.too_long, self.took_out) {
                    (true, true) => {}
                    (true, false) => out.push(b'\n'),
                    (false, _) => self.held.push(b'\n'),
                }
            }
        }
        let mut at = self.held.len();
        self.held.extend_from_slice(bytes);
        let held = std::mem::take(&mut self.held);
        let mut event_start = 0;
        while let Some(length) = memchr2(b'\n', b'\r', &held[at..]) {
            let is_blank = length == 0 && !std::mem::take(&mut self.in_line);
            self.in_line = false;
            let line_end = at + length;
            at = line_end + 1;
            if held[line_end] == b'\r' {
                self.after_return = at == held.len();
                at += usize::from(held.get(at) == Some(&b'\n'));
            }
            if is_blank {
                self.on_event(&held[event_start..at], out);
                event_start = at;
            }
        }
        self.in_line |= at < held.len();
        self.held = held;
        self.held.drain(..event_start);
        if self.too_long || self.held.len() > MAX_HELD_BYTES {
            self.too_long = true;
            out.append(&mut self.held);
        }
    }

    /// The stream is over: what came of an event that has not ended.
    pub(super) fn rest(&mut self, out: &mut Vec<u8>) {
        let held = std::mem::take(&mut self.held);
        self.on_event(&held, out);
    }

    fn on_event(&mut self, event: &[u8], out: &mut Vec<u8>) {
        let is_looked_at = !std::mem::take(&mut self.too_long) && memmem::find(event, b"\"usage\"").is_some();
        let verdict = if is_looked_at { judged(event) } else { Verdict::Passes };
        self.took_out = matches!(verdict, Verdict::Ours);
        match verdict {
            Verdict::Ours => {}
            Verdict::Passes => out.extend_from_slice(event),
            Verdict::Without(cuts) => {
                let mut from = 0;
                for cut in cuts {
                    out.extend_from_slice(&event[from..cut.start]);
                    from = cut.end;
                }
                out.extend_from_slice(&event[from..]);
            }
        }
    }
}

/// What becomes of an event.
enum Verdict {
    Passes,
    /// It is there because we asked.
    Ours,
    /// These parts of it are.
    Without(Vec<Range<usize>>),
}

fn judged(event: &[u8]) -> Verdict {
    let lines = data_lines(event);
    match &lines[..] {
        [] => Verdict::Passes,
        [line] => match judged_chunk(&event[line.clone()]) {
            Verdict::Without(cuts) => {
                let in_event = |cut: Range<usize>| line.start + cut.start..line.start + cut.end;
                Verdict::Without(cuts.into_iter().map(in_event).collect())
            }
            verdict => verdict,
        },
        lines => {
            let data = lines.iter().map(|line| &event[line.clone()]).collect::<Vec<_>>().join(&b'\n');
            match judged_chunk(&data) {
                Verdict::Without(cuts) => Verdict::Without(across(lines, &cuts)),
                verdict => verdict,
            }
        }
    }
}

/// Where the texts of the `data` lines lie.
fn data_lines(event: &[u8]) -> Vec<Range<usize>> {
    let mut lines = Vec::with_capacity(1);
    let mut at = 0;
    while at < event.len() {
        let end = memchr2(b'\n', b'\r', &event[at..]).map_or(event.len(), |length| at + length);
        if let Some(data) = event[at..end].strip_prefix(b"data:") {
            lines.push(end - data.strip_prefix(b" ").unwrap_or(data).len()..end);
        }
        at = end + 1;
    }
    lines
}

/// The parts of several lines that parts of their joined text are.
fn across(lines: &[Range<usize>], cuts: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    for cut in cuts {
        let mut joined = 0;
        for line in lines {
            let (from, to) = (cut.start.max(joined), cut.end.min(joined + line.len()));
            if from < to {
                parts.push(line.start + from - joined..line.start + to - joined);
            }
            joined += line.len() + 1;
        }
    }
    parts
}

/// A chunk is understood to its last brace, or else passes.
fn judged_chunk(chunk: &[u8]) -> Verdict {
    let mut members = json::members(chunk);
    let (mut has_no_choices, mut has_usage, mut says_more) = (false, false, false);
    let mut cuts = Vec::new();
    // A member is cut with the comma before it; what is first, with the one behind it.
    let mut first: Option<usize> = None;
    let mut is_first = true;
    let mut end = 0;
    while let Some((key, value)) = members.next_span() {
        if let Some(start) = first.take() {
            cuts.push(start..key.start - 1);
        }
        let (name, raw) = (&chunk[key.clone()], &chunk[value.clone()]);
        if name == b"usage" && raw == b"null" {
            if is_first {
                first = Some(key.start - 1);
            } else {
                cuts.push(end..value.end);
            }
        } else {
            is_first = false;
            has_usage |= name == b"usage" && raw.starts_with(b"{");
            has_no_choices |= name == b"choices" && is_empty_array(raw);
            says_more |= SAYS_MORE.contains(&name) && raw != b"null";
        }
        end = value.end;
    }
    if let Some(start) = first {
        cuts.push(start..end);
    }
    if chunk[end..].trim_ascii() != b"}" {
        return Verdict::Passes;
    }
    match (has_no_choices && has_usage && !says_more, cuts.is_empty()) {
        (true, _) => Verdict::Ours,
        (false, true) => Verdict::Passes,
        (false, false) => Verdict::Without(cuts),
    }
}

fn is_empty_array(raw: &[u8]) -> bool {
    raw.strip_prefix(b"[").and_then(|raw| raw.strip_suffix(b"]")).is_some_and(|inside| inside.trim_ascii().is_empty())
}
