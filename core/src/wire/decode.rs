//! Content codings (RFC 9110 §8.4.1), decoded as the bytes pass.

use std::io::Write;

use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

mod expander;
mod expansion;

use expander::Expander;
use expansion::Expansion;

/// The decoder is fed this much at a time. Deflate expands at most about 1,032 times, so this bounds what a bomb can make
/// us hold.
const STEP_BYTES: usize = 1024;
/// Nobody codes a body more often, but for harm.
const MAX_CODINGS: usize = 3;

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
    /// `br` (RFC 7932) or `zstd` (RFC 8878).
    Expanding(Box<Expander>),
    /// Several, the last one first.
    Row(Vec<Self>, Expansion),
    /// A coding we do not know, or a broken one: the body stays unknown from here.
    Opaque,
}

impl Decoder {
    /// The decoder of a `content-encoding` header, which lists the codings in the order in which they were applied.
    pub(crate) fn of(content_encoding: Option<&str>) -> Self {
        let codings = content_encoding.unwrap_or("").split(',').map(str::trim);
        let mut decoders: Vec<Self> = codings
            .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
            .take(MAX_CODINGS + 1)
            .map(Self::one)
            .collect();
        if decoders.len() > MAX_CODINGS || decoders.iter().any(|decoder| matches!(decoder, Self::Opaque)) {
            return Self::Opaque;
        }
        decoders.reverse();
        match decoders.len() {
            0 | 1 => decoders.pop().unwrap_or(Self::Identity),
            _ => Self::Row(decoders, Expansion::default()),
        }
    }

    fn one(coding: &str) -> Self {
        let is = |name| coding.eq_ignore_ascii_case(name);
        if is("gzip") || is("x-gzip") {
            Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new())))
        } else if is("deflate") {
            Self::Deflate(None)
        } else if is("br") {
            Self::Expanding(Box::new(Expander::brotli()))
        } else if is("zstd") {
            Expander::zstd().map_or(Self::Opaque, |expander| Self::Expanding(Box::new(expander)))
        } else {
            Self::Opaque
        }
    }

    /// What comes from here is not known.
    pub(crate) fn is_opaque(&self) -> bool {
        match self {
            Self::Row(decoders, _) => decoders.iter().any(|decoder| matches!(decoder, Self::Opaque)),
            one => matches!(one, Self::Opaque),
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
            Self::Expanding(expander) => expander.push(bytes, on_bytes),
            Self::Row(decoders, expansion) => {
                expansion.encoded_bytes += bytes.len() as u64;
                pass(decoders, expansion, bytes, on_bytes);
                !expansion.is_of_a_bomb()
            }
            Self::Deflate(_) | Self::Opaque => true,
        };
        if !is_fine {
            *self = Self::Opaque;
        }
    }
}

/// Through each decoder to the next. As deep as there are codings, which is bounded. What each of them may expand within its
/// bounds multiplies, so their work is bounded together.
fn pass(decoders: &mut [Decoder], expansion: &mut Expansion, bytes: &[u8], on_bytes: &mut dyn FnMut(&[u8])) {
    let Some((first, rest)) = decoders.split_first_mut() else { return on_bytes(bytes) };
    for step in bytes.chunks(STEP_BYTES) {
        if expansion.is_of_a_bomb() {
            return;
        }
        first.push(step, &mut |bytes| {
            expansion.decoded_bytes += bytes.len() as u64;
            pass(rest, expansion, bytes, on_bytes);
        });
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
pub(super) mod tests {
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

    pub(in crate::wire) fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn an_unknown_or_broken_coding_gives_nothing() {
        assert_eq!(body_of("compress", b"abc", 1), b"");
        assert_eq!(body_of("gzip, compress", &gzip(b"abc"), 1), b"");
        assert_eq!(body_of("gzip,gzip,gzip,gzip", &gzip(&gzip(&gzip(&gzip(b"abc")))), 1), b"");
        assert_eq!(body_of("gzip, gzip", b"abc", 1), b"");
        assert_eq!(body_of("br", b"\xFF\xFF\xFF\xFF\xFF\xFF", 1), b"");
        assert_eq!(body_of("zstd", b"this is no zstd at all", 3), b"");
        assert_eq!(body_of("gzip", b"this is no gzip at all", 3), b"");
        assert_eq!(body_of("deflate", b"\xFF\xFF\xFF\xFF\xFF", 1), b"");
        assert_eq!(body_of("Identity", b"abc", 2), b"abc");
    }

    pub(in crate::wire) fn zlib(body: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    pub(in crate::wire) fn brotli(body: &[u8]) -> Vec<u8> {
        let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
        encoder.write_all(body).unwrap();
        encoder.into_inner()
    }

    pub(in crate::wire) fn zstd(body: &[u8]) -> Vec<u8> {
        let mut encoded = Vec::with_capacity(zstd_safe::compress_bound(body.len()));
        zstd_safe::compress(&mut encoded, body, 3).unwrap();
        encoded
    }

    /// A frame that asks for this window.
    fn zstd_window(log: u32, body: &[u8]) -> Vec<u8> {
        let mut context = zstd_safe::CCtx::try_create().unwrap();
        context.set_parameter(zstd_safe::CParameter::WindowLog(log)).unwrap();
        let mut encoded = vec![0; zstd_safe::compress_bound(body.len())];
        let mut output = zstd_safe::OutBuffer::around(&mut encoded[..]);
        context.compress_stream(&mut output, &mut zstd_safe::InBuffer::around(body)).unwrap();
        context.end_stream(&mut output).unwrap();
        output.as_slice().to_vec()
    }

    #[test]
    fn several_codings_are_undone_from_the_last_to_the_first() {
        for size in [1, 3, 1000] {
            assert_eq!(body_of("gzip, br", &brotli(&gzip(b"abc")), size), b"abc");
            assert_eq!(body_of("br ,identity, zstd,deflate", &zlib(&zstd(&brotli(b"abc"))), size), b"abc");
        }
    }

    #[test]
    fn a_window_that_http_forbids_is_not_allocated() {
        assert_eq!(body_of("zstd", &zstd_window(23, b"abc"), 5), b"abc");
        assert_eq!(body_of("zstd", &zstd_window(27, b"abc"), 5), b"");
    }

    #[test]
    fn a_stream_is_decoded_as_far_as_it_was_flushed() {
        let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
        encoder.write_all(b"data: one\n\n").unwrap();
        encoder.flush().unwrap();
        assert_eq!(body_of("br", encoder.get_ref(), 4), b"data: one\n\n");
        let mut context = zstd_safe::CCtx::try_create().unwrap();
        let mut room = [0; 200];
        let mut output = zstd_safe::OutBuffer::around(&mut room[..]);
        context.compress_stream(&mut output, &mut zstd_safe::InBuffer::around(b"data: one\n\n")).unwrap();
        context.flush_stream(&mut output).unwrap();
        assert_eq!(body_of("zstd", output.as_slice(), 4), b"data: one\n\n");
    }

    #[test]
    fn a_bomb_without_a_bound_of_its_own_is_given_up() {
        let zeros = vec![0; 24 << 20];
        for (coding, bomb) in [("br", brotli(&zeros)), ("zstd", zstd(&zeros))] {
            let (mut total, mut largest) = (0, 0);
            Decoder::of(Some(coding)).push(&bomb, &mut |bytes| {
                total += bytes.len();
                largest = largest.max(bytes.len());
            });
            assert!(largest <= 16 << 10, "{coding}: {largest}");
            assert!(((16 << 20)..(17 << 20)).contains(&total), "{coding}: {total} of {} bytes", bomb.len());
        }
    }

    #[test]
    fn codings_that_multiply_each_other_are_given_up() {
        let zeros = vec![0; 64 << 20];
        for (coding, bomb) in [
            ("gzip, gzip", gzip(&gzip(&zeros))),
            ("deflate, gzip, gzip", gzip(&gzip(&zlib(&zeros)))),
            ("br, gzip", gzip(&brotli(&zeros))),
            ("br, br, zstd", zstd(&brotli(&brotli(&zeros)))),
        ] {
            let mut total = 0;
            let mut decoder = Decoder::of(Some(coding));
            for _ in 0..3 {
                decoder.push(&bomb, &mut |bytes| total += bytes.len());
            }
            assert!(total <= 32 << 20, "{coding}: {total} of {} bytes", bomb.len());
        }
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
            let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
            raw.write_all(&body).unwrap();
            let twice = [gzip(&body), gzip(b"more")].concat();
            prop_assert_eq!(&body_of("deflate", &zlib(&body), size), &body);
            prop_assert_eq!(&body_of("deflate", &raw.finish().unwrap(), size), &body);
            prop_assert_eq!(body_of("gzip", &twice, size), [&body[..], b"more"].concat());
            prop_assert_eq!(&body_of("br", &brotli(&body), size), &body);
            let twice = [zstd(&body), zstd(b"more")].concat();
            prop_assert_eq!(body_of("zstd", &twice, size), [&body[..], b"more"].concat());
            prop_assert_eq!(&body_of("zstd, gzip", &gzip(&zstd(&body)), size), &body);
        }

        #[test]
        fn any_bytes_are_harmless(bytes in proptest::collection::vec(any::<u8>(), 0..300), coding in 0..4_usize, size in 1_usize..40) {
            let _ = body_of(["gzip", "deflate", "br", "zstd"][coding], &bytes, size);
        }
    }
}
