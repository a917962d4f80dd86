//! Any bytes, as the answer of any endpoint, in any coding and any pieces: nothing panics, the pieces make no difference, and
//! the application receives what the server sent. (How much comes out of a compressed body before it breaks does depend on
//! the pieces.)
//!
//! The first bytes of an input choose what is asked and how the answer is cut; the rest is its body.
#![no_main]

use std::borrow::Cow;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use llmlab::event::{Facts, Subject};
use llmlab::exchange::{End, Exchange, Header, Request};
use llmlab::moment::Moment;

mod vectors;

use vectors::Asked;

static REQUESTS: LazyLock<Vec<Asked>> = LazyLock::new(vectors::requests);
const CODINGS: [&[u8]; 8] =
    [b"", b"gzip", b"deflate", b"br", b"zstd", b"gzip, br", b"deflate, gzip, zstd", b"compress"];
const KINDS: [&[u8]; 6] = [
    b"application/json",
    b"text/event-stream",
    b"application/x-ndjson",
    b"application/vnd.amazon.eventstream",
    b"text/html",
    b"audio/\xFF",
];
const ENDS: [End; 4] = [End::Complete, End::Lost, End::Cancelled, End::Closed];

/// What the first bytes of an input choose.
struct Choice {
    asked: &'static Asked,
    coding: &'static [u8],
    kind: &'static [u8],
    status: u16,
    end: End,
    piece_bytes: usize,
}

/// What came of an answer.
#[derive(Debug, PartialEq)]
struct Seen {
    received: Vec<u8>,
    calls: Vec<Facts>,
}

impl Choice {
    fn of(bytes: [u8; 7]) -> Self {
        let [low, high, coding, kind, status, end, piece_bytes] = bytes;
        Self {
            asked: &REQUESTS[usize::from(u16::from_le_bytes([low, high])) % REQUESTS.len()],
            coding: CODINGS[usize::from(coding) % CODINGS.len()],
            kind: KINDS[usize::from(kind) % KINDS.len()],
            status: if status < 200 { 200 } else { 400 + u16::from(status) },
            end: ENDS[usize::from(end) % ENDS.len()],
            piece_bytes: usize::from(piece_bytes) % 17 + 1,
        }
    }

    fn begun(&self) -> Option<Exchange> {
        let Asked { method, url, body } = self.asked;
        Exchange::begin(&Request { method, url, body }, Moment::default())
    }

    fn headers(&self) -> [Header<'static>; 3] {
        [(b"content-type", self.kind), (b"Content-Encoding", self.coding), (b"x-amzn-bedrock-input-token-count", b"7")]
    }

    fn calls(&self, mut exchange: Exchange, body: &[u8], piece_bytes: usize) -> Vec<Facts> {
        exchange.head(self.status, self.headers());
        for piece in body.chunks(piece_bytes) {
            exchange.push(piece, Moment::default);
        }
        exchange.finish(self.end, None, Moment::default()).map(timeless).collect()
    }

    fn seen(&self, mut exchange: Exchange, body: &[u8], piece_bytes: usize) -> Seen {
        exchange.head(self.status, self.headers());
        let mut received = Vec::new();
        for piece in body.chunks(piece_bytes) {
            let passed = exchange.passed(piece, Moment::default);
            assert!(matches!(passed, Cow::Owned(_)) || *passed == *piece);
            received.extend_from_slice(&passed);
        }
        received.extend(exchange.rest());
        let calls = exchange.finish(self.end, None, Moment::default()).map(timeless).collect();
        Seen { received, calls }
    }
}

/// When the first event was there depends on the pieces.
fn timeless(mut facts: Facts) -> Facts {
    if let Subject::Call(call) = &mut facts.subject {
        call.first_event_ns = None;
    }
    facts
}

fuzz_target!(|data: &[u8]| {
    let Some((&choice, body)) = data.split_first_chunk() else { return };
    let choice = Choice::of(choice);
    let Some(exchange) = choice.begun() else { return };
    let whole = choice.calls(exchange, body, usize::MAX);
    for piece_bytes in [usize::MAX, choice.piece_bytes] {
        let Some(exchange) = choice.begun() else { return };
        let seen = choice.seen(exchange, body, piece_bytes);
        assert!(seen.received == body, "not asked for anything");
        if choice.coding.is_empty() {
            assert_eq!(seen.calls, whole);
        }
    }
    let Some(mut asked) = choice.begun() else { return };
    if asked.body_to_send(&choice.asked.body).is_none() {
        return;
    }
    let seen = choice.seen(asked, body, usize::MAX);
    assert_eq!(seen.calls, whole);
    if choice.coding.is_empty() {
        let Some(mut asked) = choice.begun() else { return };
        asked.body_to_send(&choice.asked.body);
        assert_eq!(choice.seen(asked, body, choice.piece_bytes), seen);
        // What is taken out says so.
        assert!(seen.received == body || body.windows(7).any(|word| word == b"\"usage\""));
    }
});
