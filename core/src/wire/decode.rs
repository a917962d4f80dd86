//! Content codings (RFC 9110 §8.4.1), decoded as the bytes pass.

use std::io::Write;

use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// The decoder is fed this much at a time. Deflate expands at most about 1,032 times, so this bounds what a bomb can make
/// us hold.
const STEP_BYTES: usize = 1024;

/// Turns the bytes of the connection into the bytes of the body.
pub(crate) enum Decoder {
    /// No coding.
    Identity,
    /// `gzip`, also of several members.
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    /// `deflate` before its first two bytes tell which of two formats it is: RFC 9110 says zlib, some servers send raw.
    Deflate(Option<u8>),
    /// zlib.
    Zlib(Box<ZlibDecoder<Vec<u8>>>),
    /// Raw deflate.
    Raw(Box<DeflateDecoder<Vec<u8>>>),
    /// A coding we do not know, or a broken one: the body stays unknown from here.
    Opaque,
}

impl Decoder {
    /// The decoder of a `content-encoding` header.
    pub(crate) fn of(content_encoding: Option<&str>) -> Self {
        let coding = content_encoding.unwrap_or("").trim();
        if coding.is_empty() || coding.eq_ignore_ascii_case("identity") {
            Self::Identity
        } else if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") {
            Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new())))
        } else if coding.eq_ignore_ascii_case("deflate") {
            Self::Deflate(None)
        } else {
            Self::Opaque
        }
    }

    /// Calls `on_bytes` with the decoded bytes, in pieces of at most about a megabyte.
    pub(crate) fn push(&mut self, mut bytes: &[u8], on_bytes: &mut dyn FnMut(&[u8])) {
        if let Self::Deflate(first) = self {
            let Some((&byte, rest)) = bytes.split_first() else { return };
            if first.is_none() {
                *first = Some(byte);
                bytes = rest;
            }
        }
        if let Self::Deflate(Some(first)) = *self {
            let Some(&second) = bytes.first() else { return };
            *self = Self::deflate(first, second);
            self.decode(&[first], on_bytes);
        }
        self.decode(bytes, on_bytes);
    }

    /// RFC 1950: in zlib the method is 8, and the first two bytes together are a multiple of 31.
    fn deflate(first: u8, second: u8) -> Self {
        if first & 0x0F == 8 && u16::from_be_bytes([first, second]).is_multiple_of(31) {
            Self::Zlib(Box::new(ZlibDecoder::new(Vec::new())))
        } else {
            Self::Raw(Box::new(DeflateDecoder::new(Vec::new())))
        }
    }

    fn decode(&mut self, bytes: &[u8], on_bytes: &mut dyn FnMut(&[u8])) {
        let is_fine = match self {
            Self::Identity => {
                on_bytes(bytes);
                true
            }
            Self::Gzip(decoder) => inflate(decoder.as_mut(), MultiGzDecoder::get_mut, bytes, on_bytes),
            Self::Zlib(decoder) => inflate(decoder.as_mut(), ZlibDecoder::get_mut, bytes, on_bytes),
            Self::Raw(decoder) => inflate(decoder.as_mut(), DeflateDecoder::get_mut, bytes, on_bytes),
            Self::Deflate(_) | Self::Opaque => true,
        };
        if !is_fine {
            *self = Self::Opaque;
        }
    }
}

fn inflate<D: Write>(
    inflater: &mut D,
    output: impl Fn(&mut D) -> &mut Vec<u8>,
    bytes: &[u8],
    on_bytes: &mut dyn FnMut(&[u8]),
) -> bool {
    for step in bytes.chunks(STEP_BYTES) {
        let is_fine = inflater.write_all(step).and_then(|()| inflater.flush()).is_ok();
        let buffer = output(inflater);
        if !buffer.is_empty() {
            on_bytes(buffer);
            buffer.clear();
        }
        if !is_fine {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    fn body_of(coding: &str, bytes: &[u8], size: usize) -> Vec<u8> {
        let mut decoder = Decoder::of(Some(coding));
        let mut out = Vec::new();
        for chunk in bytes.chunks(size) {
            decoder.push(chunk, &mut |bytes| out.extend_from_slice(bytes));
        }
        out
    }

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn an_unknown_or_broken_coding_gives_nothing() {
        assert_eq!(body_of("br", b"abc", 1), b"");
        assert_eq!(body_of("gzip, gzip", b"abc", 1), b"");
        assert_eq!(body_of("gzip", b"this is no gzip at all", 3), b"");
        assert_eq!(body_of("deflate", b"\xFF\xFF\xFF\xFF\xFF", 1), b"");
        assert_eq!(body_of("Identity", b"abc", 2), b"abc");
    }

    #[test]
    fn what_came_before_a_break_is_given() {
        let mut broken = gzip(&b"usage ".repeat(5000));
        broken.truncate(broken.len() - 9);
        assert!(body_of("x-gzip", &broken, 7).starts_with(b"usage usage"));
    }

    #[test]
    fn a_bomb_is_never_held_whole() {
        let bomb = gzip(&vec![0; 64 << 20]);
        let (mut total, mut largest) = (0, 0);
        Decoder::of(Some("gzip")).push(&bomb, &mut |bytes| {
            total += bytes.len();
            largest = largest.max(bytes.len());
        });
        assert_eq!(total, 64 << 20);
        assert!(largest <= 2 << 20, "{largest}");
    }

    proptest! {
        #[test]
        fn every_coding_in_chunks_of_any_size_gives_the_body(body in proptest::collection::vec(any::<u8>(), 0..600), size in 1_usize..40) {
            let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
            zlib.write_all(&body).unwrap();
            let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
            raw.write_all(&body).unwrap();
            let twice = [gzip(&body), gzip(b"more")].concat();
            prop_assert_eq!(&body_of("deflate", &zlib.finish().unwrap(), size), &body);
            prop_assert_eq!(&body_of("deflate", &raw.finish().unwrap(), size), &body);
            prop_assert_eq!(body_of("gzip", &twice, size), [&body[..], b"more"].concat());
        }
    }
}
