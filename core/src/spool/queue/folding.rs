//! The bounds of a destination's folder: beyond them the oldest detail is given up, and the money kept.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::{Hold, Queue, Waiting};
use crate::event::{Event, EventId};
use crate::fold::Fold;
use crate::spool::disk::{DiskFile, Lock};
use crate::spool::frame::{self, KIND_HEADER, KIND_SOURCES};
use crate::spool::header::{self, Header};
use crate::spool::name::{SegmentName, State};
use crate::spool::scan::{self, MAX_FILE_BYTES};
use crate::spool::segment::Sealed;

/// As many segments go into one sum; each is open and locked meanwhile.
const SOURCES_AT_ONCE: usize = 64;
const DAY_NS: i64 = 86_400_000_000_000;

/// How much a destination may leave waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) bytes: u64,
    pub(crate) days: u32,
}

/// Segments that were summed, and what stands for them now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folded {
    /// Nothing of them is to be delivered any more. With the number of events that were read in each.
    pub(crate) sources: Vec<(SegmentName, u64)>,
    /// To be delivered in their place; its `events` are the sums.
    pub(crate) sum: Sealed,
}

/// What folding needs from the engine that folds.
pub(crate) struct Folding<'a> {
    pub(crate) bounds: Bounds,
    pub(crate) now_unix_ns: i64,
    /// The writer of the sums.
    pub(crate) writer: [u8; 16],
    /// A number of that writer: [`super::Spool::next_name`].
    pub(crate) next_name: &'a mut dyn FnMut() -> SegmentName,
    /// An id of that writer for a sum.
    pub(crate) next_id: &'a mut dyn FnMut() -> EventId,
    /// Segments that a delivery under way has in hand.
    pub(crate) spare: &'a dyn Fn(SegmentName) -> bool,
}

/// One that may be summed.
#[derive(Clone, Copy)]
struct Candidate {
    modified_unix_ns: i64,
    name: SegmentName,
    state: State,
    bytes: u64,
}

/// Segments of one environment and service; only these can be summed without a lie about where the money went.
#[derive(Default)]
struct Group {
    fold: Option<Fold>,
    sources: Vec<(SegmentName, u64)>,
    files: Vec<Arc<dyn DiskFile>>,
    newest_unix_ns: i64,
}

impl Queue {
    /// Sums the oldest segments if there are more than the bounds allow: own ones and adopted ones, down to seven eighths of
    /// the bytes. Damaged ones are left as they are, and those of which the destination [may have some](Queue::doubt).
    ///
    /// # Errors
    /// When nothing could be summed although it was time.
    pub(crate) fn fold(&self, folding: &mut Folding<'_>) -> io::Result<Vec<Folded>> {
        self.remove_delivered();
        let waiting = self.waiting()?;
        let summed = self.remove_summed(&waiting)?;
        let mut candidates = Vec::new();
        let mut total = 0;
        for &(name, state) in waiting.iter().filter(|(_, state)| matches!(state, State::Ready | State::Fold)) {
            let Ok(facts) = self.disk().facts(&self.path(name, state)) else { continue };
            if summed.sources.contains(&name) {
                continue;
            }
            total += facts.bytes;
            if !summed.unsettled.contains(&name) && self.may_sum(name, &waiting, folding) {
                let modified_unix_ns = facts.modified_unix_ns;
                candidates.push(Candidate { modified_unix_ns, name, state, bytes: facts.bytes });
            }
        }
        let chosen = choose(candidates, total, folding);
        let mut done = Vec::new();
        let mut at_once = SOURCES_AT_ONCE;
        let mut rest = &chosen[..];
        while !rest.is_empty() {
            let (chunk, later) = rest.split_at(at_once.min(rest.len()));
            match self.fold_chunk(chunk, folding) {
                Ok(folded) => {
                    done.extend(folded);
                    rest = later;
                }
                // Sums of too many different things for one file.
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge && at_once > 1 => at_once /= 2,
                Err(error) if done.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(done)
    }

    fn may_sum(&self, name: SegmentName, waiting: &Waiting, folding: &Folding<'_>) -> bool {
        let hands = self.hands.lock();
        let is_ours = name.writer == folding.writer || hands.adopted.get(&name) == Some(&Hold::Claimed);
        is_ours
            && !hands.unreleased.contains_key(&name)
            && !waiting.contains(&(name, State::Seen))
            && !(folding.spare)(name)
    }

    fn fold_chunk(&self, chunk: &[Candidate], folding: &mut Folding<'_>) -> io::Result<Vec<Folded>> {
        let mut groups = BTreeMap::<_, Group>::new();
        for candidate in chunk {
            let path = self.path(candidate.name, candidate.state);
            let Ok(file) = self.disk().open(&path) else { continue };
            // Somebody else reads it for a destination that knows ids.
            if !file.try_lock(Lock::Alone)? {
                continue;
            }
            let content = scan::read(&*file, candidate.name, &self.project.name());
            let is_marked = self.disk().facts(&self.path(candidate.name, State::Seen)).is_ok();
            let content = match content {
                Ok(content) if content.is_whole() && file.is_at(&path) && !is_marked => content,
                _ => {
                    file.unlock();
                    continue;
                }
            };
            let origin = &content.batch.origin;
            let group = groups.entry((origin.environment.clone(), origin.service.clone())).or_default();
            let fold = group.fold.get_or_insert_with(Fold::new);
            content.batch.events.iter().for_each(|event| fold.add(event));
            group.sources.push((candidate.name, content.batch.events.len() as u64));
            group.files.push(file);
            group.newest_unix_ns = group.newest_unix_ns.max(candidate.modified_unix_ns);
        }
        let mut done = Vec::new();
        let mut failure = None;
        for group in groups.into_values() {
            match self.write_sums(group, folding) {
                Ok(folded) => done.extend(folded),
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) if done.is_empty() => Err(error),
            _ => Ok(done),
        }
    }

    fn write_sums(&self, mut group: Group, folding: &mut Folding<'_>) -> io::Result<Option<Folded>> {
        let Some(fold) = group.fold.take() else { return Ok(None) };
        // A sum of itself is no gain.
        let written =
            if group.sources.len() == 1 && self.disk().facts(&self.path(group.sources[0].0, State::Fold)).is_ok() {
                Ok(None)
            } else {
                self.write_fold(fold, &group, folding).map(Some)
            };
        let is_left = match &written {
            // They stay locked, because for everybody else they look as if they waited.
            Ok(Some(sum)) => self.finish_fold(sum.name, &group).is_err(),
            _ => false,
        };
        if !is_left {
            group.files.iter().for_each(|file| file.unlock());
        }
        Ok(written?.map(|sum| Folded { sources: group.sources, sum }))
    }

    fn finish_fold(&self, sum: SegmentName, group: &Group) -> io::Result<()> {
        let sources: Vec<_> = group.sources.iter().map(|(name, _)| *name).collect();
        let removed = self.remove_sources(&sources);
        let mut hands = self.hands.lock();
        for (name, file) in sources.iter().zip(&group.files) {
            if hands.adopted.remove(name).is_some() {
                // It stands for what we had in hand.
                hands.adopted.insert(sum, Hold::Claimed);
            }
            if removed.is_err() {
                hands.locked.insert(*name, Arc::clone(file));
            }
        }
        removed
    }

    /// On the platter before it has a name under which somebody finds it.
    fn write_fold(&self, fold: Fold, group: &Group, folding: &mut Folding<'_>) -> io::Result<Sealed> {
        let origin = Arc::new(fold.origin());
        let destinations = [self.destination.clone()].into();
        let header = Header { writer: folding.writer, origin: Arc::clone(&origin), destinations };
        let events = fold.finish(&origin, &mut *folding.next_id);
        let sources: Vec<_> = group.sources.iter().map(|(name, _)| *name).collect();
        let bytes = frames(&header, &sources, &events)?;
        let name = (folding.next_name)();
        let (new, path) = (self.path(name, State::New), self.path(name, State::Fold));
        let file = self.disk().create(&new)?;
        let written = file
            .write_at(&bytes, 0)
            .and_then(|written| if written < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) })
            .and_then(|()| file.set_modified(group.newest_unix_ns))
            .and_then(|()| file.sync())
            .and_then(|()| self.disk().rename(&new, &path));
        if let Err(error) = written {
            let _ = self.disk().remove(&new);
            return Err(error);
        }
        let (events, bytes) = (u32::try_from(events.len()), u32::try_from(bytes.len()));
        Ok(Sealed { name, events: events.unwrap_or(u32::MAX), bytes: bytes.unwrap_or(u32::MAX) })
    }
}

/// The oldest that must go; and with them older sums, so that there is one and not a pile.
fn choose(mut candidates: Vec<Candidate>, mut total: u64, folding: &Folding<'_>) -> Vec<Candidate> {
    let Bounds { bytes, days } = folding.bounds;
    let oldest_unix_ns = folding.now_unix_ns.saturating_sub(i64::from(days).saturating_mul(DAY_NS));
    let goal = if total > bytes { bytes / 8 * 7 } else { u64::MAX };
    candidates.sort_unstable_by_key(|candidate| (candidate.modified_unix_ns, candidate.name));
    let mut chosen = Vec::new();
    let (sums, segments): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|candidate| candidate.state == State::Fold);
    for segment in segments {
        if total <= goal && segment.modified_unix_ns >= oldest_unix_ns {
            break;
        }
        total = total.saturating_sub(segment.bytes);
        chosen.push(segment);
    }
    if !chosen.is_empty() {
        chosen.splice(0..0, sums);
    }
    chosen
}

fn frames(header: &Header, sources: &[SegmentName], events: &[Event]) -> io::Result<Vec<u8>> {
    let too_large = || io::Error::from(io::ErrorKind::FileTooLarge);
    let (mut bytes, mut frame) = (Vec::new(), Vec::new());
    if !frame::write(&mut bytes, KIND_HEADER, |out| header::encode(header, out)) {
        return Err(too_large());
    }
    if !frame::write(&mut frame, KIND_SOURCES, |out| crate::spool::sources::encode(sources, out)) {
        return Err(too_large());
    }
    bytes.extend_from_slice(&frame);
    for event in events {
        if !crate::spool::encode(event, &mut frame) {
            return Err(too_large());
        }
        bytes.extend_from_slice(&frame);
    }
    if bytes.len() as u64 > MAX_FILE_BYTES { Err(too_large()) } else { Ok(bytes) }
}
