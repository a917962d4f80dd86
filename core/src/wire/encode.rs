//! Content codings without compression: bytes go out in the coding that the head announced, at once and as they are.
//!
//! Who reads a body decodes it by the coding in its head. Where something is taken out of a body on its way, what is left
//! is wrapped again, in blocks that only store: a copy, no work, and no byte waits for later ones.

use std::borrow::Cow;

use crate::wire::decode::Decoder;

/// The longest stored block of deflate (RFC 1951 §3.2.4), and no more than one of brotli or zstd may hold.
const MAX_BLOCK_BYTES: usize = 0xFFFF;

/// Wraps the pieces of a body.
pub(crate) struct Encoder {
    /// In the order in which they are applied. None: the body goes out as it is.
    codings: Vec<Coding>,
}

impl Encoder {
    /// The codings that a decoder takes away. It must have given bytes already: of `deflate`, only these tell the format.
    pub(crate) fn like(decoder: &Decoder) -> Self {
        let codings = match decoder {
            Decoder::Row(decoders, _) => decoders.iter().rev().filter_map(Coding::like).collect(),
            one => Coding::like(one).into_iter().collect(),
        };
        Self { codings }
    }

    /// Appends a piece of the body, such that a decoder can give all of it.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.wrap(bytes, false, out);
    }

    /// Appends the end of the body.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        self.wrap(b"", true, out);
    }

    fn wrap(&mut self, bytes: &[u8], is_end: bool, out: &mut Vec<u8>) {
        let Some((last, others)) = self.codings.split_last_mut() else { return out.extend_from_slice(bytes) };
        let mut inner = Cow::Borrowed(bytes);
        for coding in others {
            let mut wrapped = Vec::new();
            coding.wrap(&inner, is_end, &mut wrapped);
            inner = Cow::Owned(wrapped);
        }
        last.wrap(&inner, is_end, out);
    }
}

/// One coding, with what it has to know of the bytes before.
struct Coding {
    format: Format,
    has_begun: bool,
}

enum Format {
    /// RFC 1952, with the checksum and the length so far.
    Gzip(crc32fast::Hasher, u32),
    /// RFC 1950, with the checksum so far.
    Zlib(Adler32),
    /// RFC 1951.
    Deflate,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
}

impl Coding {
    fn like(decoder: &Decoder) -> Option<Self> {
        let format = match decoder {
            Decoder::Gzip(_) => Format::Gzip(crc32fast::Hasher::new(), 0),
            Decoder::Zlib(_) => Format::Zlib(Adler32::default()),
            Decoder::Raw(_) => Format::Deflate,
            Decoder::Expanding(expander) if expander.is_brotli() => Format::Brotli,
            Decoder::Expanding(_) => Format::Zstd,
            Decoder::Identity | Decoder::Deflate(_) | Decoder::Row(..) | Decoder::Opaque => return None,
        };
        Some(Self { format, has_begun: false })
    }

    fn wrap(&mut self, bytes: &[u8], is_end: bool, out: &mut Vec<u8>) {
        if !bytes.is_empty() || is_end {
            let is_first = !std::mem::replace(&mut self.has_begun, true);
            if is_first {
                out.extend_from_slice(self.format.head());
            }
        }
        for block in bytes.chunks(MAX_BLOCK_BYTES) {
            self.format.block(block, out);
            out.extend_from_slice(block);
        }
        if is_end {
            self.format.end(out);
        }
    }
}

impl Format {
    const fn head(&self) -> &'static [u8] {
        match self {
            Self::Deflate => b"",
            // Deflate, no flags, no time, an unknown system.
            Self::Gzip(..) => b"\x1F\x8B\x08\0\0\0\0\0\0\xFF",
            // Deflate with the largest window, the fastest level.
            Self::Zlib(_) => b"\x78\x01",
            // A window of 16 bits (§9.1), and a first meta-block that holds nothing (§9.2), so that the next ones begin with
            // a byte.
            Self::Brotli => b"\x0C",
            // A frame without length and checksum, and a window of 128 KiB (§3.1.1.1).
            Self::Zstd => b"\x28\xB5\x2F\xFD\x00\x38",
        }
    }

    /// What goes before a block that is stored.
    fn block(&mut self, block: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Gzip(checksum, length) => {
                checksum.update(block);
                *length = length.wrapping_add(len32(block));
                stored(block, false, out);
            }
            Self::Zlib(checksum) => {
                checksum.update(block);
                stored(block, false, out);
            }
            Self::Deflate => stored(block, false, out),
            // Not the last, its length less one in 16 bits, not compressed (§9.2).
            Self::Brotli => {
                let header = (len32(block) - 1) << 3 | 1 << 19;
                out.extend_from_slice(&header.to_le_bytes()[..3]);
            }
            // Not the last, raw, its length (§3.1.1.2).
            Self::Zstd => out.extend_from_slice(&(len32(block) << 3).to_le_bytes()[..3]),
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Gzip(checksum, length) => {
                stored(b"", true, out);
                out.extend_from_slice(&std::mem::take(checksum).finalize().to_le_bytes());
                out.extend_from_slice(&length.to_le_bytes());
            }
            Self::Zlib(checksum) => {
                stored(b"", true, out);
                out.extend_from_slice(&checksum.value().to_be_bytes());
            }
            Self::Deflate => stored(b"", true, out),
            // The last, and empty.
            Self::Brotli => out.push(0x03),
            // The last, raw, empty.
            Self::Zstd => out.extend_from_slice(b"\x01\0\0"),
        }
    }
}

/// The header of a stored block. Every block before it ended with a byte, and so does this one.
fn stored(block: &[u8], is_last: bool, out: &mut Vec<u8>) {
    let [low, high, ..] = len32(block).to_le_bytes();
    out.extend_from_slice(&[u8::from(is_last), low, high, !low, !high]);
}

fn len32(block: &[u8]) -> u32 {
    u32::try_from(block.len()).unwrap_or(u32::MAX)
}

/// The checksum of RFC 1950 §8.2.
struct Adler32 {
    sum: u32,
    sum_of_sums: u32,
}

impl Default for Adler32 {
    fn default() -> Self {
        Self { sum: 1, sum_of_sums: 0 }
    }
}

impl Adler32 {
    fn update(&mut self, bytes: &[u8]) {
        const MODULUS: u32 = 65_521;
        // As many sums as fit into 32 bits before they have to be reduced.
        for bytes in bytes.chunks(5552) {
            for &byte in bytes {
                self.sum += u32::from(byte);
                self.sum_of_sums += self.sum;
            }
            self.sum %= MODULUS;
            self.sum_of_sums %= MODULUS;
        }
    }

    fn value(&self) -> u32 {
        self.sum_of_sums << 16 | self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::decode::tests::{brotli, gzip, zlib, zstd};
    use flate2::Compression;
    use flate2::write::DeflateEncoder;
    use proptest::prelude::*;
    use std::io::{Read, Write};

    fn deflate(body: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    /// A decoder that has begun to read a body of that coding.
    fn reading(name: &str, coded: &[u8]) -> Decoder {
        let mut decoder = Decoder::of(Some(name));
        decoder.push(coded, &mut |_| {});
        decoder
    }

    proptest! {
        #[test]
        fn each_piece_can_be_decoded_when_it_is_there_and_the_whole_ends_as_it_should(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..9),
            large in 0..3_usize,
        ) {
            let mut pieces = pieces;
            pieces.push(vec![7; large * 70_000]);
            let body = pieces.concat();
            let codings = [
                ("identity", b"x".to_vec()),
                ("gzip", gzip(b"x")),
                ("deflate", zlib(b"x")),
                ("deflate", deflate(b"x")),
                ("br", brotli(b"x")),
                ("zstd", zstd(b"x")),
                ("br, gzip", gzip(&brotli(b"x"))),
                ("zstd, br", brotli(&zstd(b"x"))),
            ];
            for (name, example) in codings {
                let mut encoder = Encoder::like(&reading(name, &example));
                let mut decoder = Decoder::of(Some(name));
                let (mut wire, mut seen) = (Vec::new(), Vec::new());
                for piece in &pieces {
                    let before = wire.len();
                    encoder.push(piece, &mut wire);
                    let expected = seen.len() + piece.len();
                    decoder.push(&wire[before..], &mut |bytes| seen.extend_from_slice(bytes));
                    prop_assert_eq!(seen.len(), expected, "{} kept something back", name);
                }
                encoder.finish(&mut wire);
                prop_assert_eq!(&seen, &body);
                let mut whole = Vec::new();
                match (name, example.first()) {
                    ("gzip", _) => flate2::read::GzDecoder::new(&wire[..]).read_to_end(&mut whole).unwrap(),
                    ("deflate", Some(0x78)) => flate2::read::ZlibDecoder::new(&wire[..]).read_to_end(&mut whole).unwrap(),
                    ("deflate", _) => flate2::read::DeflateDecoder::new(&wire[..]).read_to_end(&mut whole).unwrap(),
                    ("br", _) => brotli::Decompressor::new(&wire[..], 4096).read_to_end(&mut whole).unwrap(),
                    ("zstd", _) => {
                        whole.resize(body.len(), 0);
                        zstd_safe::decompress(&mut whole[..], &wire).unwrap()
                    }
                    (name, _) if name.contains(',') => continue,
                    _ => std::io::Cursor::new(&wire).read_to_end(&mut whole).unwrap(),
                };
                prop_assert_eq!(&whole, &body, "{} checks its sums", name);
            }
        }
    }
}
