//! Frames: how a reader finds its way in a file that a `kill -9` or a bad disk may have damaged anywhere.
//!
//! ```text
//! magic u32 | crc32 u32 (of all that follows) | length u32 (of the payload) | kind u8 | payload      little-endian
//! ```

use memchr::memmem;

/// No frame is longer; checked before a length is believed.
pub(super) const MAX_PAYLOAD: usize = 64 * 1024;
/// A frame's bytes before its payload.
pub(super) const PREFIX: usize = 13;
/// Bytes that never occur in UTF-8 text.
const MAGIC: [u8; 4] = [0xf5, b'l', b'm', 0xf6];
const CRC_FROM: usize = 8;
/// Bytes whose checksum may turn out wrong before the scan gives up on the rest of a file: without a bound, a file made of
/// nothing but magic would take minutes.
const MAX_WASTED: usize = 16 * 1024 * 1024;

/// What a frame holds. Unknown kinds are kept, not understood.
pub(super) const KIND_HEADER: u8 = 1;
pub(super) const KIND_EVENT: u8 = 2;
/// In a writer's file: what it gave up so far.
pub(super) const KIND_COUNTERS: u8 = 3;
/// In a fold: the segments that it stands for.
pub(super) const KIND_SOURCES: u8 = 4;

/// Writes a frame into `out`, replacing what it held; `payload` appends the content. `false` if that is too long.
pub(super) fn write(out: &mut Vec<u8>, kind: u8, payload: impl FnOnce(&mut Vec<u8>)) -> bool {
    out.clear();
    out.extend_from_slice(&[0; PREFIX]);
    payload(out);
    let len = out.len() - PREFIX;
    let Ok(len_u32) = u32::try_from(len) else { return false };
    out[..4].copy_from_slice(&MAGIC);
    out[8..12].copy_from_slice(&len_u32.to_le_bytes());
    out[12] = kind;
    let crc = crc32fast::hash(&out[CRC_FROM..]);
    out[4..8].copy_from_slice(&crc.to_le_bytes());
    len <= MAX_PAYLOAD
}

/// An intact frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) kind: u8,
    pub(super) payload: &'a [u8],
}

/// The intact frames of a file. What lies between them is passed over and counted.
pub(super) struct Frames<'a> {
    bytes: &'a [u8],
    wasted: usize,
    /// Bytes that are no frame: the file was damaged.
    pub(super) damaged_bytes: u64,
    /// Bytes of a last frame that was never written to its end, so that nobody was told that it was recorded. One whose
    /// length a bad disk made larger than the rest of the file looks the same.
    pub(super) torn_bytes: u64,
}

enum Attempt<'a> {
    Intact(Frame<'a>, usize),
    /// The file ends before the frame does.
    Incomplete,
    No,
}

impl<'a> Frames<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, wasted: 0, damaged_bytes: 0, torn_bytes: 0 }
    }

    fn attempt(&mut self) -> Attempt<'a> {
        let magic = self.bytes.len().min(MAGIC.len());
        if self.bytes[..magic] != MAGIC[..magic] {
            return Attempt::No;
        }
        let Some((prefix, rest)) = self.bytes.split_first_chunk::<PREFIX>() else { return Attempt::Incomplete };
        let crc = u32::from_le_bytes([prefix[4], prefix[5], prefix[6], prefix[7]]);
        let len = u32::from_le_bytes([prefix[8], prefix[9], prefix[10], prefix[11]]) as usize;
        if len > MAX_PAYLOAD {
            return Attempt::No;
        }
        let Some(payload) = rest.get(..len) else { return Attempt::Incomplete };
        let whole = PREFIX + len;
        if crc32fast::hash(&self.bytes[CRC_FROM..whole]) == crc {
            return Attempt::Intact(Frame { kind: prefix[12], payload }, whole);
        }
        self.wasted += whole;
        Attempt::No
    }

    /// Moves on by at least one byte, to where the next frame may start.
    fn skip(&mut self) {
        let next = if self.wasted > MAX_WASTED {
            self.bytes.len()
        } else {
            let found = memmem::find(&self.bytes[1..], &MAGIC).map(|at| at + 1);
            found.unwrap_or_else(|| self.partial_magic_at_the_end())
        };
        self.damaged_bytes += next as u64;
        self.bytes = &self.bytes[next..];
    }

    fn partial_magic_at_the_end(&self) -> usize {
        let len = self.bytes.len();
        let partial = (1..MAGIC.len()).rev().find(|&part| part < len && self.bytes.ends_with(&MAGIC[..part]));
        len - partial.unwrap_or(0)
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        // Where an incomplete frame was seen first: all of it is torn, unless an intact frame follows.
        let mut incomplete: Option<(u64, usize)> = None;
        while !self.bytes.is_empty() {
            match self.attempt() {
                Attempt::Intact(frame, whole) => {
                    self.bytes = &self.bytes[whole..];
                    return Some(frame);
                }
                Attempt::Incomplete => {
                    incomplete.get_or_insert((self.damaged_bytes, self.bytes.len()));
                    self.skip();
                }
                Attempt::No => self.skip(),
            }
        }
        if let Some((damaged_before, torn)) = incomplete {
            self.damaged_bytes = damaged_before;
            self.torn_bytes = torn as u64;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        assert!(write(&mut out, KIND_EVENT, |out| out.extend_from_slice(payload)));
        out
    }

    fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, u64, u64) {
        let mut frames = Frames::new(bytes);
        let payloads = frames.by_ref().map(|frame| frame.payload.to_vec()).collect();
        (payloads, frames.damaged_bytes, frames.torn_bytes)
    }

    #[test]
    fn a_truncated_frame_is_torn_and_the_ones_before_it_are_read() {
        let whole = [frame(b"one"), frame(b"two")].concat();
        let first = frame(b"one").len();
        for end in first + 1..whole.len() {
            let (payloads, damaged, torn) = read(&whole[..end]);
            assert_eq!((payloads, damaged, torn), (vec![b"one".to_vec()], 0, (end - first) as u64), "cut at {end}");
        }
    }

    #[test]
    fn garbage_between_frames_is_skipped_and_counted() {
        let bytes = [&frame(b"one")[..], b"garbage\xf5lm\xf6", &frame(b"two")[..], b"\xf5l!"].concat();
        assert_eq!(read(&bytes), (vec![b"one".to_vec(), b"two".to_vec()], 14, 0));
    }

    #[test]
    fn a_length_that_lies_hides_no_later_frame() {
        let mut first = frame(b"one");
        first[8..12].copy_from_slice(&60_000_u32.to_le_bytes());
        let bytes = [first.clone(), frame(b"two")].concat();
        assert_eq!(read(&bytes), (vec![b"two".to_vec()], first.len() as u64, 0));
    }

    #[test]
    fn a_file_of_nothing_but_magic_ends_soon() {
        let mut liar = MAGIC.to_vec();
        liar.extend_from_slice(&[0; 4]);
        liar.extend_from_slice(&u32::try_from(MAX_PAYLOAD).unwrap().to_le_bytes());
        let bytes = liar.repeat(60_000);
        let mut frames = Frames::new(&bytes);
        assert_eq!(frames.by_ref().count(), 0);
        assert!(frames.wasted <= MAX_WASTED + MAX_PAYLOAD + PREFIX);
        assert_eq!(frames.damaged_bytes + frames.torn_bytes, bytes.len() as u64);
    }

    #[test]
    fn a_payload_over_the_limit_is_refused() {
        assert!(!write(&mut Vec::new(), KIND_EVENT, |out| out.resize(PREFIX + MAX_PAYLOAD + 1, 0)));
    }
}
