//! The folder of one project: what is written lies in it, what waits for a destination in a folder of that name.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::SPOOL;
use super::counters::Dropped;
use super::disk::{Disk, Kind, Lock};
use super::name::{self, SegmentName, State, WriterState};
use crate::error::Result;

/// The folder of a project, on some disk.
pub(crate) struct Project {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
}

impl Project {
    /// No effects.
    pub(super) fn new(disk: Arc<dyn Disk>, home: &Path, project: &str) -> Arc<Self> {
        Arc::new(Self { disk, folder: home.join(SPOOL).join(name::folder_of(project)) })
    }

    /// All that were ever recorded, sorted by the names of their folders.
    pub(super) fn all(disk: &Arc<dyn Disk>, home: &Path) -> Vec<Arc<Self>> {
        let spool = home.join(SPOOL);
        let mut folders = folders(&**disk, &spool);
        folders.sort();
        folders
            .into_iter()
            .map(|folder| Arc::new(Self { disk: Arc::clone(disk), folder: spool.join(folder) }))
            .collect()
    }

    pub(super) fn make(&self, home: &Path, destinations: &[String]) -> Result<()> {
        self.disk.make_home(home)?;
        self.disk.make_folder(&home.join(SPOOL))?;
        self.disk.make_folder(&self.folder)?;
        destinations.iter().try_for_each(|destination| self.disk.make_folder(&self.folder.join(destination)))
    }

    pub(super) fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The project's name, as well as its folder's tells.
    pub(super) fn name(&self) -> String {
        self.folder.file_name().map(|name| name::project_of(&name.to_string_lossy())).unwrap_or_default()
    }

    pub(super) fn path(&self, name: SegmentName, state: State) -> PathBuf {
        self.folder.join(name.file(state))
    }

    pub(super) fn writer_path(&self, writer: [u8; 16], state: WriterState) -> PathBuf {
        self.folder.join(name::writer_file(writer, state))
    }

    /// The destinations that have a folder, sorted.
    pub(super) fn destinations(&self) -> Vec<String> {
        let mut destinations = folders(self.disk(), &self.folder);
        destinations.sort();
        destinations
    }

    /// The writer may still write. Death is for ever: a writer's name is never used again. Where nobody can tell, it lives.
    pub(super) fn lives(&self, writer: [u8; 16]) -> bool {
        let file = match self.disk.open(&self.writer_path(writer, WriterState::Writer)) {
            Ok(file) => file,
            Err(error) => return error.kind() != io::ErrorKind::NotFound,
        };
        // Shared, so that two who ask at once do not take each other for the writer.
        let is_dead = matches!(file.try_lock(Lock::Shared), Ok(true));
        if is_dead {
            file.unlock();
        }
        !is_dead
    }

    /// The writers of whom something waits, here or for a destination.
    pub(super) fn awaited(&self) -> io::Result<HashSet<[u8; 16]>> {
        // A segment moves from the project's folder to the others, never back: looked at in this order, none is missed.
        let mut names = self.disk.list(&self.folder)?;
        for destination in self.destinations() {
            names.extend(self.disk.list(&self.folder.join(destination))?);
        }
        let segments = names.iter().filter_map(|name| SegmentName::parse(name));
        Ok(segments.filter(|(_, state)| *state != State::Kept).map(|(name, _)| name.writer).collect())
    }

    /// Removes the file of a writer that writes no more, and of whom nothing waits. What it gave up is kept under another
    /// name.
    pub(super) fn retire(&self, writer: [u8; 16], dropped: &Dropped) -> io::Result<()> {
        let path = self.writer_path(writer, WriterState::Writer);
        if dropped.is_zero() {
            self.disk.remove(&path)
        } else {
            self.disk.rename(&path, &self.writer_path(writer, WriterState::Counters))
        }
    }
}

fn folders(disk: &dyn Disk, parent: &Path) -> Vec<String> {
    let names = disk.list(parent).unwrap_or_default();
    let is_folder = |name: &String| disk.facts(&parent.join(name)).is_ok_and(|facts| facts.kind == Kind::Folder);
    names.into_iter().filter(is_folder).collect()
}
