//! What this process has in hand of a destination, and would not know from the files.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;

use super::Queue;
use crate::spool::disk::{DiskFile, Lock};
use crate::spool::name::SegmentName;
use crate::spool::scan::Content;

#[derive(Default)]
pub(super) struct Hands {
    /// Held while we are the one to adopt.
    pub(super) claim: Option<Arc<dyn DiskFile>>,
    pub(super) adopted: HashMap<SegmentName, Hold>,
    /// Delivered, and could not be removed. They must be in no sum.
    pub(super) unreleased: HashMap<SegmentName, bool>,
    /// Segments that others may sum, locked against that while we deliver them.
    pub(super) locked: HashMap<SegmentName, Arc<dyn DiskFile>>,
    /// Sums, and how often they could not be read.
    pub(super) unreadable: HashMap<SegmentName, u32>,
    /// Of a format that we do not know.
    pub(super) newer: HashSet<SegmentName>,
    /// A full disk may have taken a part of the last line of `dead.jsonl`; it must not spoil the next one.
    pub(super) is_line_torn: bool,
}

/// How sure we are of a segment that is not our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// Nobody else delivers or sums it: its writer is dead, and we have the claim.
    Claimed,
    /// Its writer may, or whoever has the claim. It is locked and marked before it is read.
    Contested,
}

impl Hands {
    /// The claim goes with the last one that was adopted.
    pub(super) fn let_go(&mut self, name: SegmentName) {
        if let Some(file) = self.locked.remove(&name) {
            file.unlock();
        }
        if self.adopted.remove(&name).is_some() && self.adopted.is_empty() {
            self.unclaim();
        }
    }

    pub(super) fn unclaim(&mut self) {
        if let Some(claim) = self.claim.take() {
            claim.unlock();
        }
    }
}

impl Drop for Hands {
    fn drop(&mut self) {
        self.unclaim();
        for file in self.locked.values() {
            file.unlock();
        }
    }
}

impl Queue {
    /// Locks and marks contested segments, so that nobody sums them while they are delivered. Many at once, because then the
    /// folder is looked at but once. What is not locked afterwards is somebody else's, or gone.
    pub(super) fn take(&self, names: &[SegmentName]) -> io::Result<()> {
        let mut taken = Vec::new();
        for &name in names {
            let Some((file, state)) = self.open(name)? else { continue };
            if !file.try_lock(Lock::Alone)? {
                continue;
            }
            if file.is_at(&self.path(name, state)) && self.doubt(name).is_ok() {
                taken.push((name, file));
            } else {
                file.unlock();
            }
        }
        // Who summed one and died before removing it did so before we had the lock: now the sums are there to be seen.
        let summed = self.waiting().and_then(|waiting| self.remove_summed(&waiting));
        for (name, file) in taken {
            match &summed {
                Ok(summed) if !summed.sources.contains(&name) => {
                    self.hands.lock().locked.insert(name, file);
                }
                _ => file.unlock(),
            }
        }
        summed.map(drop)
    }

    /// As [`Queue::read`] of each, with less looking around.
    pub(crate) fn read_many(&self, names: &[SegmentName]) -> Vec<io::Result<Option<Content>>> {
        let taken: Vec<_> = names.iter().copied().filter(|name| self.must_take(*name)).collect();
        if !taken.is_empty() {
            // What failed is tried again for each.
            let _ = self.take(&taken);
        }
        names.iter().map(|name| self.read(*name)).collect()
    }

    pub(super) fn must_take(&self, name: SegmentName) -> bool {
        let hands = self.hands.lock();
        hands.adopted.get(&name) == Some(&Hold::Contested) && !hands.locked.contains_key(&name)
    }
}
