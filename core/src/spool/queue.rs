//! What waits for one destination.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, DiskFile};
use super::name::{SegmentName, State};
use super::project::Project;
use super::scan::{self, Content};
use super::seal;
use crate::lock::Lock;

mod adoption;
pub(super) mod dead;
mod folding;
mod hands;
mod lane;
mod sums;

pub(super) use dead::{DEAD, DEAD_BEFORE};
#[cfg(test)]
pub(crate) use folding::Folded;
pub(crate) use folding::{Bounds, Folding};
use hands::{Hands, Hold};
pub(super) use lane::LANE;

/// The folder of one destination. One thread of a process reads it; other processes may have it open, too.
pub(crate) struct Queue {
    project: Arc<Project>,
    folder: PathBuf,
    destination: String,
    hands: Lock<Hands>,
}

/// What a folder holds.
type Waiting = HashSet<(SegmentName, State)>;

impl Queue {
    /// No effects.
    pub(crate) fn new(disk: Arc<dyn Disk>, home: &Path, project: &str, destination: &str) -> Self {
        Self::of(Project::new(disk, home, project), destination)
    }

    pub(super) fn of(project: Arc<Project>, destination: &str) -> Self {
        let folder = project.folder().join(destination);
        Self { project, folder, destination: destination.to_owned(), hands: Lock::default() }
    }

    fn disk(&self) -> &dyn Disk {
        self.project.disk()
    }

    pub(super) fn path(&self, name: SegmentName, state: State) -> PathBuf {
        self.folder.join(name.file(state))
    }

    /// Where a segment waits, or is kept once it is delivered and was damaged.
    pub(crate) fn ready_path(&self, name: SegmentName) -> PathBuf {
        let kept = self.path(name, State::Kept);
        if self.disk().facts(&kept).is_ok() { kept } else { self.path(name, State::Ready) }
    }

    /// Opens a complete segment, and says under which name.
    fn open(&self, name: SegmentName) -> io::Result<Option<(Arc<dyn DiskFile>, State)>> {
        for state in [State::Ready, State::Fold] {
            match self.disk().open(&self.path(name, state)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => return other.map(|file| Some((file, state))),
            }
        }
        Ok(None)
    }

    /// Reads a segment back. `None`: somebody else delivered and removed it.
    ///
    /// # Errors
    /// When it cannot be read for now; [`io::ErrorKind::Unsupported`] if a newer llmlab wrote it.
    pub(crate) fn read(&self, name: SegmentName) -> io::Result<Option<Content>> {
        self.finish_seal(name)?;
        if self.must_take(name) {
            self.take(&[name])?;
        }
        let Some((file, _)) = self.open(name)? else {
            self.hands.lock().let_go(name);
            return Ok(None);
        };
        if self.must_take(name) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let content = scan::read(&*file, name, &self.project.name())?;
        match content.newer {
            None => Ok(Some(content)),
            Some(version) => {
                let mut hands = self.hands.lock();
                // A newer process may adopt it.
                hands.let_go(name);
                hands.newer.insert(name);
                let message = format!("it is of format {version}, of a newer llmlab; upgrade llmlab");
                Err(io::Error::new(io::ErrorKind::Unsupported, message))
            }
        }
    }

    /// A segment whose sealing failed, or was left to us, is in the project's folder still.
    fn finish_seal(&self, name: SegmentName) -> io::Result<()> {
        let file = match self.disk().open(&self.project.path(name, State::Open)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        let content = scan::read(&*file, name, "")?;
        seal::distribute_for_sure(&self.project, name, &seal::destinations_of(&content, &self.project))
    }

    /// Gives a delivered segment up: removed if all of it was understood, else kept aside. One that cannot be removed now is
    /// removed later; if the process dies before, it is delivered again, and recognised by its events' ids.
    pub(crate) fn release(&self, name: SegmentName, is_whole: bool) {
        if self.remove(name, is_whole).is_ok() {
            let _ = self.disk().remove(&self.path(name, State::Seen));
        } else {
            self.hands.lock().unreleased.insert(name, is_whole);
            // Should we die before it is removed, nobody else may sum it.
            let _ = self.doubt(name);
        }
        self.hands.lock().let_go(name);
    }

    fn remove(&self, name: SegmentName, is_whole: bool) -> io::Result<()> {
        let give_up = |state| {
            let path = self.path(name, state);
            if is_whole { self.disk().remove(&path) } else { self.disk().rename(&path, &self.path(name, State::Kept)) }
        };
        match give_up(State::Ready) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        let Some((file, _)) = self.open(name)? else { return Ok(()) };
        // What the sums stand for must not outlive them, or it would be counted again.
        let sums = scan::read(&*file, name, "")?;
        self.remove_sources(&sums.sources)?;
        give_up(State::Fold)
    }

    fn remove_delivered(&self) {
        let unreleased: Vec<_> =
            self.hands.lock().unreleased.iter().map(|(name, is_whole)| (*name, *is_whole)).collect();
        for (name, is_whole) in unreleased {
            if self.remove(name, is_whole).is_ok() {
                let _ = self.disk().remove(&self.path(name, State::Seen));
                self.hands.lock().unreleased.remove(&name);
            }
        }
    }

    /// Marks a segment of which the destination may have some: it is delivered whole, where ids tell one event from another,
    /// and never summed.
    ///
    /// # Errors
    /// If the mark could not be made.
    pub(crate) fn doubt(&self, name: SegmentName) -> io::Result<()> {
        let mark = self.path(name, State::Seen);
        // Another name of its file, where that will do: a new file was the most expensive part of a delivery.
        let link = |state| self.disk().link(&self.path(name, state), &mark);
        let marked = link(State::Ready).or_else(|_| link(State::Fold));
        match marked.or_else(|_| self.disk().create(&mark).map(drop)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    /// Files that wait in this folder, in no order.
    fn waiting(&self) -> io::Result<Waiting> {
        let names = match self.disk().list(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            other => other?,
        };
        Ok(names.iter().filter_map(|name| SegmentName::parse(name)).collect())
    }

    /// How many segments wait, and their bytes. Looks at every file: an engine adds them up itself.
    #[cfg(test)]
    pub(crate) fn sizes(&self) -> io::Result<(u64, u64)> {
        let mut sizes = (0, 0);
        for (name, state) in self.waiting()? {
            if matches!(state, State::Ready | State::Fold)
                && let Ok(facts) = self.disk().facts(&self.path(name, state))
            {
                sizes = (sizes.0 + 1, sizes.1 + facts.bytes);
            }
        }
        Ok(sizes)
    }
}
