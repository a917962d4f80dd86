//! The codings whose few bytes may stand for gigabytes. Deflate cannot do that; these decode into a buffer of ours, as often
//! as it takes.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer};

use crate::wire::decode::expansion::Expansion;

const BUFFER_BYTES: usize = 16 * 1024;
/// The window of zstd in HTTP (RFC 9659): 8 MiB. Brotli's is at most 16 MiB.
const MAX_WINDOW_LOG: u32 = 23;

/// A decoder of `br` or `zstd`.
pub(crate) struct Expander {
    coder: Coder,
    buffer: Vec<u8>,
    expansion: Expansion,
}

enum Coder {
    Brotli(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>),
    Zstd(DCtx<'static>),
}

impl Expander {
    pub(super) fn brotli() -> Self {
        let [bytes, words, codes] = [StandardAlloc::default(), StandardAlloc::default(), StandardAlloc::default()];
        Self::of(Coder::Brotli(Box::new(BrotliState::new_strict(bytes, words, codes))))
    }

    /// `None` if there is no memory for it.
    pub(super) fn zstd() -> Option<Self> {
        let mut context = DCtx::try_create()?;
        context.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG)).ok()?;
        Some(Self::of(Coder::Zstd(context)))
    }

    fn of(coder: Coder) -> Self {
        Self { coder, buffer: vec![0; BUFFER_BYTES], expansion: Expansion::default() }
    }

    /// Whether it is `br`; else it is `zstd`.
    pub(crate) const fn is_brotli(&self) -> bool {
        matches!(self.coder, Coder::Brotli(_))
    }

    /// Calls `on_bytes` with the decoded bytes. False if the coding is broken, or a bomb.
    pub(super) fn push(&mut self, mut bytes: &[u8], on_bytes: &mut dyn FnMut(&[u8])) -> bool {
        self.expansion.encoded_bytes += bytes.len() as u64;
        loop {
            let Some((read, written)) = self.coder.step(bytes, &mut self.buffer) else { return false };
            bytes = &bytes[read..];
            self.expansion.decoded_bytes += written as u64;
            if written > 0 {
                on_bytes(&self.buffer[..written]);
            }
            let is_bomb = self.expansion.is_of_a_bomb();
            // A buffer that was not filled: no more is to come of these bytes.
            let is_done = bytes.is_empty() && written < self.buffer.len();
            if is_bomb || is_done || (read, written) == (0, 0) {
                return !is_bomb;
            }
        }
    }
}

impl Coder {
    /// Decodes some of the input: how many bytes were read, and how many written.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Option<(usize, usize)> {
        match self {
            Self::Brotli(state) => {
                let (mut left, mut read, mut room, mut written, mut total) = (input.len(), 0, output.len(), 0, 0);
                let result = BrotliDecompressStream(
                    &mut left,
                    &mut read,
                    input,
                    &mut room,
                    &mut written,
                    output,
                    &mut total,
                    state,
                );
                (!matches!(result, BrotliResult::ResultFailure)).then_some((read, written))
            }
            Self::Zstd(context) => {
                let (mut input, mut output) = (InBuffer::around(input), OutBuffer::around(output));
                context.decompress_stream(&mut output, &mut input).ok()?;
                Some((input.pos(), output.pos()))
            }
        }
    }
}
