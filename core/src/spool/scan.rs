//! Reading a segment back, whatever happened to it.

use std::io;
use std::sync::Arc;

use super::codec::decode;
use super::disk::DiskFile;
use super::frame::{Frames, KIND_COUNTERS, KIND_EVENT, KIND_HEADER, KIND_SOURCES};
use super::header::{self, Header, HeaderError};
use super::name::SegmentName;
use super::sources;
use crate::event::Origin;
use crate::sink::Batch;

/// Several times as long as a segment ever is. What lies beyond is not read; the file is kept.
pub(super) const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// What was found in a segment.
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// Every event that could be read.
    pub(crate) batch: Batch,
    /// Bytes that belong to no intact frame.
    pub(crate) damaged_bytes: u64,
    /// Bytes of a last frame that was never finished: no damage.
    pub(super) torn_bytes: u64,
    /// Intact frames of a meaning that this version does not know.
    pub(crate) unknown_frames: u64,
    /// The file is of a format newer than ours: nothing of it was read.
    pub(super) newer: Option<u64>,
    /// Where it goes; `None` if its header is gone.
    pub(super) destinations: Option<Arc<[String]>>,
    /// The segments that a fold stands for.
    pub(super) sources: Vec<SegmentName>,
}

impl Content {
    /// Everything in it was understood, so that nothing is lost with the file.
    pub(crate) const fn is_whole(&self) -> bool {
        self.damaged_bytes == 0 && self.unknown_frames == 0 && self.newer.is_none()
    }

    /// There is nothing in it that anybody was told of.
    pub(super) const fn is_empty(&self) -> bool {
        self.batch.events.is_empty() && self.is_whole()
    }
}

/// Reads a segment. `project` is what its folder says, for a file whose header is gone.
pub(super) fn read(file: &dyn DiskFile, name: SegmentName, project: &str) -> io::Result<Content> {
    let bytes = file.read(MAX_FILE_BYTES)?;
    let mut content = scan(&bytes, name, project);
    content.damaged_bytes += file.facts()?.bytes.saturating_sub(MAX_FILE_BYTES);
    Ok(content)
}

/// Reads the bytes of a segment. An event belongs to the header before it: two files that a repair has spliced are still
/// two writers.
pub(super) fn scan(bytes: &[u8], name: SegmentName, project: &str) -> Content {
    let mut content = Content::default();
    content.batch.id = name.stem();
    let nameless = Origin { project: project.to_owned(), ..Origin::default() };
    let mut header = Header { writer: name.writer, origin: Arc::new(nameless), destinations: Arc::default() };
    let mut frames = Frames::new(bytes);
    for frame in frames.by_ref() {
        match frame.kind {
            KIND_HEADER => match header::decode(frame.payload) {
                Ok(found) => {
                    content.destinations.get_or_insert_with(|| Arc::clone(&found.destinations));
                    header = found;
                }
                Err(HeaderError::Newer(version)) => content.newer = Some(version),
                Err(HeaderError::Malformed) => content.unknown_frames += 1,
            },
            KIND_EVENT => match decode(frame.payload, &header) {
                Ok(event) => content.batch.events.push(event),
                Err(_) => content.unknown_frames += 1,
            },
            KIND_SOURCES => match sources::decode(frame.payload) {
                Ok(found) => content.sources.extend(found),
                Err(_) => content.unknown_frames += 1,
            },
            KIND_COUNTERS => {}
            _ => content.unknown_frames += 1,
        }
    }
    (content.damaged_bytes, content.torn_bytes) = (frames.damaged_bytes, frames.torn_bytes);
    if content.newer.is_some() {
        content.batch.events.clear();
    }
    let first = content.batch.events.first().map(|event| &event.origin);
    content.batch.origin = Arc::clone(first.unwrap_or(&header.origin));
    content
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::spool::header;
    use crate::spool::testing::{WRITER, call, header};
    use crate::spool::{encode, frame};
    use memchr::memmem;
    use proptest::prelude::*;
    use std::ops::Range;

    const NAME: SegmentName = SegmentName { writer: WRITER, number: 3 };

    /// A segment of twenty events, and where each is.
    fn segment() -> (Vec<u8>, Vec<(Event, Range<usize>)>) {
        let (mut bytes, mut frame) = (Vec::new(), Vec::new());
        assert!(frame::write(&mut bytes, KIND_HEADER, |out| header::encode(&header(), out)));
        let mut events = Vec::new();
        for counter in 0..20 {
            let event = call(counter);
            assert!(encode(&event, &mut frame));
            let start = bytes.len();
            bytes.extend_from_slice(&frame);
            events.push((event, start..bytes.len()));
        }
        (bytes, events)
    }

    fn ids(events: &[Event]) -> Vec<u64> {
        events.iter().map(|event| event.id.counter).collect()
    }

    #[derive(Clone, Debug)]
    enum Damage {
        Flip(prop::sample::Index, u8),
        Zero(prop::sample::Index, usize),
        Insert(prop::sample::Index, Vec<u8>),
        Truncate(prop::sample::Index),
        DuplicateTail(prop::sample::Index),
    }

    fn any_damage() -> impl Strategy<Value = Damage> {
        let at = any::<prop::sample::Index>;
        prop_oneof![
            (at(), 1..=255_u8).prop_map(|(at, bits)| Damage::Flip(at, bits)),
            (at(), 1..5000_usize).prop_map(|(at, len)| Damage::Zero(at, len)),
            (at(), proptest::collection::vec(any::<u8>(), 1..300)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
            at().prop_map(Damage::Truncate),
            at().prop_map(Damage::DuplicateTail),
        ]
    }

    /// Damages the bytes, and returns where the first is that is no longer what or where it was.
    fn apply(damage: &Damage, bytes: &mut Vec<u8>) -> usize {
        let whole = bytes.len();
        match damage {
            Damage::Flip(at, bits) => {
                let at = at.index(whole);
                bytes[at] ^= bits;
                at
            }
            Damage::Zero(at, len) => {
                let at = at.index(whole);
                bytes[at..whole.min(at + len)].fill(0);
                at
            }
            Damage::Insert(at, garbage) => {
                let at = at.index(whole - 1) + 1;
                bytes.splice(at..at, garbage.iter().copied());
                at
            }
            Damage::Truncate(at) => {
                let at = at.index(whole);
                bytes.truncate(at);
                at
            }
            Damage::DuplicateTail(at) => {
                let tail = bytes[at.index(whole)..].to_vec();
                bytes.extend(tail);
                whole
            }
        }
    }

    proptest! {
        // Sabotage: a scan that ends at the first damaged byte.
        #[test]
        fn every_intact_event_is_recovered_whatever_happened_around_it(damage in any_damage()) {
            let (mut bytes, events) = segment();
            let undamaged = bytes.clone();
            let damaged_at = apply(&damage, &mut bytes);
            let content = scan(&bytes, NAME, "shop/back end");
            let found: std::collections::HashSet<u64> = ids(&content.batch.events).into_iter().collect();
            for (event, range) in &events {
                // A zero in the place of a zero, or a byte inserted beside its like, breaks nothing.
                let is_there = memmem::find(&bytes, &undamaged[range.clone()]).is_some();
                prop_assert_eq!(found.contains(&event.id.counter), is_there, "event {}", event.id.counter);
            }
            for event in &content.batch.events {
                prop_assert_eq!(&event.origin.project, "shop/back end");
                prop_assert_eq!(event.id.writer, WRITER);
                prop_assert_eq!(&event.facts, &call(event.id.counter).facts);
            }
            let cut_clean = matches!(damage, Damage::Truncate(_) | Damage::DuplicateTail(_)) || bytes == undamaged;
            // The length of the last frame, grown, is that of a frame that was never finished: nothing tells them apart.
            let last = &events[events.len() - 1].1;
            let looks_torn = content.torn_bytes > 0 && (last.start..last.start + frame::PREFIX).contains(&damaged_at);
            prop_assert!(cut_clean || looks_torn || !content.is_whole(), "damage goes unnoticed");
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let content = scan(&bytes, NAME, "p");
            prop_assert!(content.batch.events.is_empty());
        }
    }

    #[test]
    fn a_torn_last_frame_is_no_damage() {
        let (bytes, events) = segment();
        let content = scan(&bytes[..bytes.len() - 1], NAME, "p");
        assert_eq!(content.batch.events.len(), events.len() - 1);
        assert!(content.is_whole());
    }

    #[test]
    fn a_segment_without_its_header_takes_the_writer_from_its_name_and_the_project_from_its_folder() {
        let (bytes, events) = segment();
        let content = scan(&bytes[events[0].1.start..], NAME, "from the folder");
        assert_eq!(content.batch.events.len(), 20);
        assert_eq!(content.batch.events[0].id.writer, WRITER);
        assert_eq!(content.batch.origin.project, "from the folder");
    }

    #[test]
    fn a_segment_of_a_newer_format_is_not_read() {
        let mut bytes = Vec::new();
        assert!(frame::write(&mut bytes, KIND_HEADER, |out| out.extend_from_slice(&[2, 9])));
        bytes.extend_from_slice(&segment().0);
        let content = scan(&bytes, NAME, "p");
        assert_eq!((content.newer, content.batch.events.len()), (Some(9), 0));
        assert!(!content.is_whole());
    }

    #[test]
    fn a_frame_of_an_unknown_kind_is_counted_and_the_others_are_read() {
        let (mut bytes, _) = segment();
        let mut newer = Vec::new();
        assert!(frame::write(&mut newer, 77, |out| out.push(1)));
        bytes.extend_from_slice(&newer);
        let content = scan(&bytes, NAME, "p");
        assert_eq!((content.batch.events.len(), content.unknown_frames), (20, 1));
        assert!(!content.is_whole());
    }
}
