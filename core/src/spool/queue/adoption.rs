//! Delivering what others left.

use std::io;

use super::{Hold, Queue, Waiting};
use crate::error::{Error, ErrorCode, Result};
use crate::sink::Guarantee;
use crate::spool::disk::Kind;
use crate::spool::name::{SegmentName, State};
use crate::spool::orphans::{self, Living};
use crate::spool::scan::{self, Content};
use crate::spool::seal;
use crate::spool::segment::Sealed;

impl Queue {
    /// What others left and we may deliver, oldest first, beside what an earlier call said. Of the dead; and of the living
    /// where a second delivery does no harm. One process at a time does this for a destination, until it has released all
    /// of it or [disowns](Queue::disown) it; the others find nothing.
    ///
    /// Also removes what the dead left that holds no event, and puts what they were writing into the destinations' folders.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub(crate) fn adopt(&self, own: [u8; 16], guarantee: Guarantee) -> Result<Vec<Sealed>> {
        let project = self.disk().facts(self.project.folder());
        if project.is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Ok(Vec::new());
        }
        let adopted = self.claim().and_then(|is_ours| {
            if !is_ours {
                return Ok(Vec::new());
            }
            let adopted = self.adopt_regardless(own, guarantee)?;
            let mut hands = self.hands.lock();
            if hands.adopted.is_empty() {
                hands.unclaim();
            }
            Ok(adopted)
        });
        adopted.map_err(|cause| self.unreadable(cause))
    }

    /// All that waits for this destination, whoever wrote it and whoever else is at it: for a destination that tells a second
    /// delivery from a first.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub(crate) fn everything(&self) -> Result<Vec<Sealed>> {
        self.adopt_regardless([0; 16], Guarantee::ExactlyOnce).map_err(|cause| self.unreadable(cause))
    }

    /// Lets another process deliver what we adopted: we do not get on with it. Forget all that [`Queue::adopt`] said.
    pub(crate) fn disown(&self) {
        let mut hands = self.hands.lock();
        hands.adopted.clear();
        for (_, file) in hands.locked.drain() {
            file.unlock();
        }
        hands.unclaim();
    }

    fn adopt_regardless(&self, own: [u8; 16], guarantee: Guarantee) -> io::Result<Vec<Sealed>> {
        let mut living = Living::new(&self.project);
        orphans::put_away(&self.project, own, &mut living)?;
        self.remove_delivered();
        let waiting = self.waiting()?;
        // A segment that has its old name still may be on its way to other folders: whoever brings it there must not find
        // that it is gone from here, and bring it again.
        let unsealed = self.unsealed()?;
        let summed = self.remove_summed(&waiting)?;
        let mut found = Vec::new();
        for &(name, state) in waiting.iter().filter(|(name, _)| name.writer != own) {
            let lives = living.has(name.writer);
            let is_complete = matches!(state, State::Ready | State::Fold) && !unsealed.contains(&name);
            if !lives && !is_complete {
                self.tidy(name, state, &waiting);
            }
            if !is_complete || summed.sources.contains(&name) || (lives && guarantee == Guarantee::AtLeastOnce) {
                continue;
            }
            let mut hands = self.hands.lock();
            let is_known = hands.adopted.contains_key(&name) || hands.newer.contains(&name);
            if is_known || hands.unreleased.contains_key(&name) {
                continue;
            }
            let Ok(facts) = self.disk().facts(&self.path(name, state)) else { continue };
            if facts.kind == Kind::File {
                let is_sure = !lives && hands.claim.is_some();
                hands.adopted.insert(name, if is_sure { Hold::Claimed } else { Hold::Contested });
                let bytes = u32::try_from(facts.bytes).unwrap_or(u32::MAX);
                found.push((facts.modified_unix_ns, Sealed { name, events: 0, bytes }));
            }
        }
        found.sort_unstable_by_key(|(modified_unix_ns, sealed)| (*modified_unix_ns, sealed.name));
        Ok(found.into_iter().map(|(_, sealed)| sealed).collect())
    }

    /// Removes what a dead writer had not finished, and marks without a segment.
    fn tidy(&self, name: SegmentName, state: State, waiting: &Waiting) {
        let is_marked = || [State::Ready, State::Fold].iter().any(|state| waiting.contains(&(name, *state)));
        if state == State::New || (state == State::Seen && !is_marked()) {
            let _ = self.disk().remove(&self.path(name, state));
        }
    }

    fn unsealed(&self) -> io::Result<Vec<SegmentName>> {
        let names = self.disk().list(self.project.folder())?;
        let open = names.iter().filter_map(|name| SegmentName::parse(name)).filter(|(_, state)| *state == State::Open);
        Ok(open.map(|(name, _)| name).collect())
    }

    /// Copies of what living writers have for this destination and have not sealed. Their own delivery comes later.
    pub(crate) fn copies(&self) -> Vec<Content> {
        let mut copies = Vec::new();
        for name in self.unsealed().unwrap_or_default() {
            let Ok(file) = self.disk().open(&self.project.path(name, State::Open)) else { continue };
            let Ok(content) = scan::read(&*file, name, &self.project.name()) else { continue };
            let destinations = seal::destinations_of(&content, &self.project);
            let is_for_us = destinations.contains(&self.destination) && !content.batch.events.is_empty();
            // Marked first: sums of what the destination has would be counted twice.
            if is_for_us && self.doubt(name).is_ok() {
                copies.push(content);
            }
        }
        copies
    }

    fn unreadable(&self, cause: io::Error) -> Error {
        let folder = self.folder.display();
        Error::new(ErrorCode::Storage, format!("the spool {folder} cannot be read; check its owner and mode"))
            .caused_by(cause)
    }
}
