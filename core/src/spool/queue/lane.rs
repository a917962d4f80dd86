//! What the processes that share a destination tell each other by one empty file: its time of change is when somebody may
//! try again, and its lock is with the one that delivers what the dead left.

use std::io;
use std::sync::Arc;

use super::Queue;
use crate::spool::disk::{DiskFile, Lock};

pub(in crate::spool) const LANE: &str = "lane";

impl Queue {
    fn lane(&self) -> io::Result<Arc<dyn DiskFile>> {
        let path = self.folder.join(LANE);
        match self.disk().open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        self.disk().make_folder(&self.folder).map_err(io::Error::other)?;
        match self.disk().create(&path) {
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.disk().open(&path),
            other => other,
        }
    }

    /// Tells all processes not to try this destination before a moment.
    pub(crate) fn hold_until(&self, unix_ns: i64) -> io::Result<()> {
        self.lane()?.set_modified(unix_ns)
    }

    /// What the last [`Queue::hold_until`] of any process said; in the past if there was none.
    pub(crate) fn held_until(&self) -> i64 {
        self.disk().facts(&self.folder.join(LANE)).map_or(0, |facts| facts.modified_unix_ns)
    }

    /// Becomes the one that adopts, if nobody else is. One at a time, because a destination may not tell a second delivery
    /// from a first.
    pub(super) fn claim(&self) -> io::Result<bool> {
        let mut hands = self.hands.lock();
        if let Some(claim) = &hands.claim {
            if claim.is_at(&self.folder.join(LANE)) {
                return Ok(true);
            }
            // Somebody tidied up, and the lock is worth nothing.
            hands.unclaim();
        }
        let lane = self.lane()?;
        let is_ours = lane.try_lock(Lock::Alone)?;
        if is_ours {
            hands.claim = Some(lane);
        }
        Ok(is_ours)
    }
}
