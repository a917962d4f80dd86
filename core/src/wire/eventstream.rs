//! Amazon's binary event streams (<https://smithy.io/2.0/aws/amazon-eventstream.html>) across any chunk boundaries.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::wire::json;
use crate::wire::sse::MAX_EVENT_BYTES;

/// The lengths of the message and of its headers, and the checksum of both.
const PRELUDE_BYTES: usize = 12;
const CHECKSUM_BYTES: usize = 4;

/// Splits a stream into the payloads of its messages. A message whose checksum is wrong is dropped; a prelude whose
/// checksum is wrong ends the reading, for nobody knows then where the next message begins.
#[derive(Default)]
pub(crate) struct Splitter {
    /// What came of the message that is not whole.
    kept: Vec<u8>,
    /// The length of that message, once its prelude is here.
    length: Option<usize>,
    /// What is still to come of a message beyond the bound.
    to_skip: usize,
    is_broken: bool,
    payload: Vec<u8>,
}

impl Splitter {
    #[cfg(test)]
    pub(crate) fn held_bytes(&self) -> usize {
        self.kept.capacity() + self.payload.capacity()
    }

    /// Calls `on_message` with the payload of every message that these bytes complete, and with the name of the exception
    /// if it is one. The callee may take the payload and leave another buffer.
    pub(crate) fn push(&mut self, mut bytes: &[u8], mut on_message: impl FnMut(Option<&str>, &mut Vec<u8>)) {
        while !bytes.is_empty() && !self.is_broken {
            let skipped = self.to_skip.min(bytes.len());
            self.to_skip -= skipped;
            let wanted = self.length.unwrap_or(PRELUDE_BYTES) - self.kept.len();
            let taken = wanted.min(bytes.len() - skipped);
            self.kept.extend_from_slice(&bytes[skipped..skipped + taken]);
            bytes = &bytes[skipped + taken..];
            if taken < wanted {
                continue;
            }
            if self.length.is_none() {
                self.begin();
            } else {
                self.complete(&mut on_message);
                self.kept.clear();
                self.length = None;
            }
        }
    }

    /// The payload of the last message, unless the callee took it.
    pub(crate) fn data(&self) -> &[u8] {
        &self.payload
    }

    fn begin(&mut self) {
        let (length, headers) = (number(&self.kept), number(&self.kept[4..]));
        let fits = headers.checked_add(PRELUDE_BYTES + CHECKSUM_BYTES).is_some_and(|least| least <= length);
        if !fits || !is_intact(&self.kept) {
            self.is_broken = true;
            self.kept = Vec::new();
        } else if length > MAX_EVENT_BYTES {
            self.to_skip = length - PRELUDE_BYTES;
            self.kept.clear();
        } else {
            self.length = Some(length);
        }
    }

    fn complete(&mut self, on_message: &mut impl FnMut(Option<&str>, &mut Vec<u8>)) {
        if !is_intact(&self.kept) {
            return;
        }
        let headers_end = PRELUDE_BYTES + number(&self.kept[4..]);
        let headers = Headers(&self.kept[PRELUDE_BYTES..headers_end]);
        let payload = &self.kept[headers_end..self.kept.len() - CHECKSUM_BYTES];
        self.payload.clear();
        let exception = headers.exception();
        match unwrapped(payload).filter(|_| exception.is_none()) {
            Some(inside) => self.payload.extend_from_slice(&inside),
            None => self.payload.extend_from_slice(payload),
        }
        on_message(exception, &mut self.payload);
    }
}

/// A payload of bytes travels as JSON (`PayloadPart`,
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_PayloadPart.html>).
fn unwrapped(payload: &[u8]) -> Option<Cow<'_, [u8]>> {
    let bytes = json::get(payload, "bytes")?.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    STANDARD.decode(bytes).ok().map(Cow::Owned)
}

/// Whether the last four bytes are the checksum of those before.
fn is_intact(bytes: &[u8]) -> bool {
    let (checked, checksum) = bytes.split_at(bytes.len() - CHECKSUM_BYTES);
    checksum == crc32fast::hash(checked).to_be_bytes()
}

/// The 32 bits at the start.
fn number(bytes: &[u8]) -> usize {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[..4]);
    u32::from_be_bytes(four) as usize
}

/// The headers of a message that are texts, as pairs; they end early where they are malformed.
struct Headers<'a>(&'a [u8]);

impl<'a> Headers<'a> {
    /// The name of what went wrong, if this message tells of that.
    fn exception(self) -> Option<&'a str> {
        let (mut kind, mut name) = (&b""[..], None);
        for (header, value) in self {
            match header {
                b":message-type" => kind = value,
                b":exception-type" | b":error-code" => name = std::str::from_utf8(value).ok(),
                _ => {}
            }
        }
        matches!(kind, b"exception" | b"error").then(|| name.unwrap_or("exception"))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = self.take(1)?[0];
        let name = self.take(length.into())?;
        let length = match self.take(1)?[0] {
            0 | 1 => 0,
            2 => 1,
            3 => 2,
            4 => 4,
            5 | 8 => 8,
            9 => 16,
            6 | 7 => {
                let length = self.take(2)?;
                u16::from_be_bytes([length[0], length[1]]).into()
            }
            _ => return None,
        };
        Some((name, self.take(length)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
        let mut written = vec![8];
        written.extend_from_slice(b":ignored");
        written.extend_from_slice(&[4, 0, 0, 0, 9]);
        for (name, value) in headers {
            written.push(u8::try_from(name.len()).unwrap());
            written.extend_from_slice(name.as_bytes());
            written.push(7);
            written.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
            written.extend_from_slice(value.as_bytes());
        }
        framed(&written, payload)
    }

    fn framed(headers: &[u8], payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(PRELUDE_BYTES + headers.len() + payload.len() + CHECKSUM_BYTES).unwrap();
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend_from_slice(&u32::try_from(headers.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
        bytes.extend_from_slice(headers);
        bytes.extend_from_slice(payload);
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
        bytes
    }

    fn messages(bytes: &[u8], size: usize) -> Vec<(Option<String>, String)> {
        let mut splitter = Splitter::default();
        let mut messages = Vec::new();
        for chunk in bytes.chunks(size) {
            splitter.push(chunk, |exception, payload| {
                messages.push((exception.map(str::to_owned), String::from_utf8_lossy(payload).into_owned()));
            });
        }
        messages
    }

    fn event(payload: &str) -> Vec<u8> {
        message(&[(":event-type", "metadata"), (":message-type", "event")], payload.as_bytes())
    }

    fn told(payload: &str) -> (Option<String>, String) {
        (None, payload.to_owned())
    }

    #[test]
    fn exceptions_are_told_by_name_and_bytes_are_unwrapped() {
        let stream = [
            event("{\"a\":1}"),
            event("{\"bytes\":\"eyJiIjoyfQ==\",\"p\":\"abc\"}"),
            message(&[(":exception-type", "throttlingException"), (":message-type", "exception")], b"{}"),
            message(&[(":message-type", "error"), (":error-code", "InternalError")], b""),
        ]
        .concat();
        let expected = [
            told("{\"a\":1}"),
            told("{\"b\":2}"),
            (Some("throttlingException".to_owned()), "{}".to_owned()),
            (Some("InternalError".to_owned()), String::new()),
        ];
        for size in [1, 5, 13, 1000] {
            assert_eq!(messages(&stream, size), expected);
        }
    }

    #[test]
    fn a_damaged_message_is_dropped_and_a_damaged_prelude_ends_the_reading() {
        let mut stream = [event("one"), event("two"), event("three")].concat();
        let length = event("one").len();
        stream[length - 6] ^= 1;
        assert_eq!(messages(&stream, 7), [told("two"), told("three")]);
        stream[length + 2] ^= 1;
        assert_eq!(messages(&stream, 7), []);
    }

    #[test]
    fn lengths_that_contradict_each_other_end_the_reading() {
        for (length, headers) in [(15_u32, 0_u32), (16, 1), (0, 0), (100, u32::MAX)] {
            let mut stream = [length.to_be_bytes(), headers.to_be_bytes()].concat();
            stream.extend_from_slice(&crc32fast::hash(&stream).to_be_bytes());
            stream.extend_from_slice(&[0; 100]);
            stream.extend_from_slice(&event("late"));
            assert_eq!(messages(&stream, 9), []);
        }
    }

    #[test]
    fn a_message_beyond_the_bound_is_skipped_and_nothing_of_it_is_kept() {
        let mut splitter = Splitter::default();
        let huge = framed(b"", &vec![b'x'; MAX_EVENT_BYTES]);
        for chunk in huge.chunks(1 << 20) {
            splitter.push(chunk, |_, _| panic!("too long"));
            assert!(splitter.kept.len() <= PRELUDE_BYTES);
        }
        let mut seen = Vec::new();
        splitter.push(&event("next"), |_, payload| seen.push(payload.clone()));
        assert_eq!(seen, [b"next"]);
    }

    proptest! {
        #[test]
        fn chunk_boundaries_change_nothing(payloads in proptest::collection::vec("[a-z{}\":]{0,40}", 0..6), size in 1_usize..50) {
            let stream: Vec<u8> = payloads.iter().flat_map(|payload| event(payload)).collect();
            let expected: Vec<_> = payloads.iter().map(|payload| told(payload)).collect();
            prop_assert_eq!(messages(&stream, size), expected);
        }

        #[test]
        fn any_headers_are_harmless(headers in proptest::collection::vec(any::<u8>(), 0..60)) {
            prop_assert_eq!(messages(&framed(&headers, b"x"), 11).len(), 1);
        }
    }
}
