//! One engine that writes: its lock, which tells that it lives, and its drop counters, which outlive it.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::counters::{self, Dropped};
use super::disk::{Disk, DiskFile, Lock, not_writable};
use super::frame::{self, KIND_HEADER};
use super::header::{self, Header};
use super::name::{SegmentName, WriterState};
use super::project::Project;
use super::segment::Segment;
use crate::error::Result;

/// The spool of one project, as one of its writers sees it. Dropping it, or dying, tells others that they may deliver what
/// it left.
pub(crate) struct Spool {
    project: Arc<Project>,
    header: Header,
    next: u64,
    file: Arc<dyn DiskFile>,
    dropped: Dropped,
    /// Where the counters go: behind the header, in two places by turns.
    counters_at: u64,
    turn: u64,
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.file.unlock();
    }
}

impl Spool {
    /// Makes the folders that are missing, and takes the writer's lock.
    ///
    /// # Errors
    /// If that cannot be done, or the folders belong to somebody else.
    pub(crate) fn open(disk: Arc<dyn Disk>, home: &Path, header: Header) -> Result<Self> {
        // A sibling that looks for orphans may take the new file away before it is locked; never twice in a row.
        const ATTEMPTS: u32 = 3;
        let project = Project::new(disk, home, &header.origin.project);
        project.make(home, &header.destinations)?;
        let mut attempt = 1;
        let (file, counters_at) = loop {
            match begin(&project, &header) {
                Ok(begun) => break begun,
                Err(cause) if attempt == ATTEMPTS => return Err(not_writable(project.folder(), cause)),
                Err(_) => attempt += 1,
            }
        };
        Ok(Self { project, header, next: 0, file, dropped: Dropped::default(), counters_at, turn: 0 })
    }

    /// Numbers its segments from here, and not from nothing: one of that number may still wait for its delivery.
    pub(crate) const fn numbered_from(mut self, next: u64) -> Self {
        self.next = next;
        self
    }

    pub(crate) const fn next_number(&self) -> u64 {
        self.next
    }

    /// Begins the next segment.
    pub(crate) fn segment(&mut self) -> io::Result<Segment> {
        self.unbegun().begin()
    }

    /// The next segment, to be begun without the lock that the spool is behind.
    pub(crate) fn unbegun(&mut self) -> Unbegun {
        Unbegun { project: Arc::clone(&self.project), name: self.next_name(), header: self.header.clone() }
    }

    /// A name that no segment of this writer has, for one that is not begun here.
    pub(crate) const fn next_name(&mut self) -> SegmentName {
        let name = SegmentName { writer: self.header.writer, number: self.next };
        self.next += 1;
        name
    }

    /// Keeps for ever how many events were given up in all, by the number of the reason; they only grow.
    pub(crate) fn note_dropped(&mut self, counts: &[(u8, u64)]) -> io::Result<()> {
        let mut dropped = self.dropped;
        for &(reason, count) in counts {
            dropped.raise(reason, count);
        }
        if dropped == self.dropped {
            return Ok(());
        }
        let frame = dropped.encode();
        let written = self.file.write_at(&frame, self.counters_at + self.turn * counters::FRAME)?;
        if written < frame.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.dropped = dropped;
        self.turn = 1 - self.turn;
        Ok(())
    }

    /// Gives the lock up, and removes what is not needed any more.
    pub(crate) fn close(self) {
        // What cannot be done is done by whoever looks for orphans.
        let writer = self.header.writer;
        if self.project.awaited().is_ok_and(|awaited| !awaited.contains(&writer)) {
            let _ = self.project.retire(writer, &self.dropped);
        }
    }
}

/// A segment that has a number, and no file yet.
pub(crate) struct Unbegun {
    project: Arc<Project>,
    name: SegmentName,
    header: Header,
}

impl Unbegun {
    pub(crate) fn begin(self) -> io::Result<Segment> {
        Segment::create(&self.project, self.name, &self.header)
    }
}

/// The file is locked before it gets the name under which others ask whether the writer lives.
fn begin(project: &Project, header: &Header) -> io::Result<(Arc<dyn DiskFile>, u64)> {
    let new = project.writer_path(header.writer, WriterState::New);
    let _ = project.disk().remove(&new);
    let file = project.disk().create(&new)?;
    let made = lock_and_describe(&*file, header).and_then(|bytes| {
        project.disk().rename(&new, &project.writer_path(header.writer, WriterState::Writer)).map(|()| bytes)
    });
    match made {
        Ok(bytes) => Ok((file, bytes)),
        Err(error) => {
            file.unlock();
            let _ = project.disk().remove(&new);
            Err(error)
        }
    }
}

fn lock_and_describe(file: &dyn DiskFile, header: &Header) -> io::Result<u64> {
    if !file.try_lock(Lock::Alone)? {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    let mut frame = Vec::new();
    if !frame::write(&mut frame, KIND_HEADER, |out| header::encode(header, out)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the names of project, service and run are too long"));
    }
    if file.write_at(&frame, 0)? < frame.len() {
        return Err(io::ErrorKind::StorageFull.into());
    }
    Ok(frame.len() as u64)
}
