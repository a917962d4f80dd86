//! The way of an answer to the application, where we asked for its usage: what that adds stays behind.

use std::borrow::Cow;

use crate::exchange::sieve::Sieve;
use crate::wire::decode::Decoder;
use crate::wire::encode::Encoder;

/// As much of a body is kept back while nothing but blanks, or the head of its coding, has come.
const MAX_UNDECIDED_BYTES: usize = 64 << 10;

/// Decides by the first byte of a body, and lets all but a stream of events pass as it is.
#[derive(Default)]
pub(super) struct Passage {
    kind: Kind,
    /// As it came over the connection: what waits for the decision.
    undecided: Vec<u8>,
    /// Decoded, and without what is ours: what waits to be coded again.
    sifted: Vec<u8>,
    sieve: Sieve,
    encoder: Option<Encoder>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Kind {
    #[default]
    Undecided,
    /// An error, a JSON text, a page: as it is.
    Other,
    Events,
}

impl Passage {
    /// Takes decoded bytes of the body.
    pub(super) fn sift(&mut self, mut decoded: &[u8]) {
        if self.kind == Kind::Undecided {
            let is_blank = |byte: &u8| byte.is_ascii_whitespace() || b"\xEF\xBB\xBF".contains(byte);
            let blanks = decoded.iter().position(|byte| !is_blank(byte)).unwrap_or(decoded.len());
            self.sifted.extend_from_slice(&decoded[..blanks]);
            decoded = &decoded[blanks..];
            self.kind = match decoded.first() {
                None => Kind::Undecided,
                Some(b'{' | b'[' | b'<') => Kind::Other,
                Some(_) => Kind::Events,
            };
        }
        if self.kind == Kind::Events {
            self.sieve.push(decoded, &mut self.sifted);
        }
    }

    /// What the application receives for these bytes of the connection, which were decoded and sifted before; borrowed where
    /// that is all of them.
    pub(super) fn passed<'b>(&mut self, bytes: &'b [u8], decoder: &Decoder) -> Cow<'b, [u8]> {
        if self.kind == Kind::Undecided {
            if self.undecided.len() + bytes.len() <= MAX_UNDECIDED_BYTES && !decoder.is_opaque() {
                self.undecided.extend_from_slice(bytes);
                return Cow::Owned(Vec::new());
            }
            self.kind = Kind::Other;
        }
        if self.kind == Kind::Other {
            if self.undecided.is_empty() {
                return Cow::Borrowed(bytes);
            }
            self.undecided.extend_from_slice(bytes);
            return Cow::Owned(std::mem::take(&mut self.undecided));
        }
        self.undecided = Vec::new();
        let mut out = Vec::with_capacity(self.sifted.len() + 16);
        if decoder.is_opaque() {
            // The coding broke: what comes now must break for the application as well.
            self.rest_of_events(&mut out);
            self.kind = Kind::Other;
            out.extend_from_slice(bytes);
            return Cow::Owned(out);
        }
        let encoder = self.encoder.get_or_insert_with(|| Encoder::like(decoder));
        encoder.push(&self.sifted, &mut out);
        self.sifted.clear();
        if out == bytes { Cow::Borrowed(bytes) } else { Cow::Owned(out) }
    }

    /// The body is over: what was kept back.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        let mut out = std::mem::take(&mut self.undecided);
        if self.kind == Kind::Events {
            self.rest_of_events(&mut out);
            if let Some(mut encoder) = self.encoder.take() {
                encoder.finish(&mut out);
            }
        }
        self.kind = Kind::Other;
        out
    }

    fn rest_of_events(&mut self, out: &mut Vec<u8>) {
        self.sieve.rest(&mut self.sifted);
        if let Some(encoder) = &mut self.encoder {
            encoder.push(&self.sifted, out);
        }
        self.sifted.clear();
    }
}
