//! Sums that wait beside what they stand for: the process that made them failed, or died.

use std::collections::HashSet;
use std::io;

use super::{Queue, Waiting};
use crate::spool::disk::Kind;
use crate::spool::name::{SegmentName, State};
use crate::spool::scan;

/// As often sums may be unreadable in a row; they are looked at twice a minute.
const MOST_FAILURES: u32 = 10;

/// See [`Queue::remove_summed`].
#[derive(Default)]
pub(super) struct Summed {
    pub(super) sources: HashSet<SegmentName>,
    pub(super) unsettled: HashSet<SegmentName>,
}

impl Queue {
    /// The segments that sums in this folder stand for. They are never delivered; those that are still there are removed.
    /// Also says which sums still have some beside them.
    pub(super) fn remove_summed(&self, waiting: &Waiting) -> io::Result<Summed> {
        let mut summed = Summed::default();
        for &(name, _) in waiting.iter().filter(|(_, state)| *state == State::Fold) {
            let path = self.path(name, State::Fold);
            let sources = match self.disk().open(&path).and_then(|file| scan::read(&*file, name, "")) {
                Ok(content) => content.sources,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                // No file, and so no sums. One that cannot be read for now is another matter.
                Err(_) if self.disk().facts(&path).is_ok_and(|it| it.kind != Kind::File) => continue,
                Err(_) if self.gives_up(name) => continue,
                Err(error) => return Err(error),
            };
            if sources
                .iter()
                .any(|source| waiting.contains(&(*source, State::Ready)) || waiting.contains(&(*source, State::Fold)))
                && self.remove_sources(&sources).is_err()
            {
                summed.unsettled.insert(name);
            }
            summed.sources.extend(sources);
        }
        Ok(summed)
    }

    /// Sums that cannot be read may stand for any segment beside them, so that nothing is adopted. Where that lasts they are
    /// lost, and kept aside: whatever they stand for and is still there can then be delivered as itself.
    fn gives_up(&self, name: SegmentName) -> bool {
        let mut hands = self.hands.lock();
        let failures = hands.unreadable.entry(name).or_default();
        *failures += 1;
        let is_over = *failures >= MOST_FAILURES && hands.claim.is_some();
        is_over && self.disk().rename(&self.path(name, State::Fold), &self.path(name, State::Kept)).is_ok()
    }

    /// In this order no loss of power leaves neither the sums nor what was summed, nor both of them after the sums are
    /// delivered.
    pub(super) fn remove_sources(&self, sources: &[SegmentName]) -> io::Result<()> {
        self.disk().sync_folder(&self.folder)?;
        for &source in sources {
            for state in [State::Ready, State::Fold, State::Seen] {
                match self.disk().remove(&self.path(source, state)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
        }
        self.disk().sync_folder(&self.folder)
    }
}
