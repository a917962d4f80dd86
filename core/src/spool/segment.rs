//! One file of frames, written by one engine.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::disk::DiskFile;
use super::frame::{self, KIND_HEADER};
use super::header::{self, Header};
use super::name::{SegmentName, State};
use super::project::Project;
use super::seal;

/// The segment that is being written. It has no lock of its own: its writer's tells whether somebody still writes it.
pub(crate) struct Segment {
    file: Arc<dyn DiskFile>,
    project: Arc<Project>,
    name: SegmentName,
    destinations: Arc<[String]>,
    /// Where the next frame goes. A write that failed or came out short did not move it.
    offset: u64,
    events: u32,
    is_named: Arc<AtomicBool>,
}

/// A complete segment, which waits for its delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) name: SegmentName,
    /// 0 for one that somebody else left: how many there are is found by reading it.
    pub(crate) events: u32,
    pub(crate) bytes: u32,
}

/// Brings a segment to the platter without the lock under which it is written.
#[derive(Clone)]
pub(crate) struct SyncHandle {
    file: Arc<dyn DiskFile>,
    project: Arc<Project>,
    /// The name of the file is on the platter as well; once is enough.
    is_named: Arc<AtomicBool>,
}

impl SyncHandle {
    /// Every event appended before survives the loss of power.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync()?;
        if !self.is_named.load(Ordering::Acquire) {
            self.project.disk().sync_folder(self.project.folder())?;
            self.is_named.store(true, Ordering::Release);
        }
        Ok(())
    }
}

impl Segment {
    pub(super) fn create(project: &Arc<Project>, name: SegmentName, header: &Header) -> io::Result<Self> {
        let path = project.path(name, State::Open);
        let file = project.disk().create(&path)?;
        let mut segment = Self {
            file,
            project: Arc::clone(project),
            name,
            destinations: Arc::clone(&header.destinations),
            offset: 0,
            events: 0,
            is_named: Arc::default(),
        };
        if let Err(error) = segment.begin(header) {
            // It holds no event; one that stays is removed by whoever looks for orphans.
            let _ = project.disk().remove(&path);
            return Err(error);
        }
        Ok(segment)
    }

    fn begin(&mut self, header: &Header) -> io::Result<()> {
        let mut frame = Vec::new();
        if !frame::write(&mut frame, KIND_HEADER, |out| header::encode(header, out)) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the names of project, service, run and sinks are too long",
            ));
        }
        self.put(&frame)
    }

    fn put(&mut self, frame: &[u8]) -> io::Result<()> {
        let written = loop {
            match self.file.write_at(frame, self.offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        if written < frame.len() {
            // The next frame overwrites the part that was written; cutting it off only spares a reader the garbage.
            let _ = self.file.cut(self.offset);
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the disk took only a part of an event"));
        }
        self.offset += frame.len() as u64;
        Ok(())
    }

    /// Writes the frame of an event. When this returns `Ok`, the event survives the death of the process.
    pub(crate) fn append(&mut self, frame: &[u8]) -> io::Result<()> {
        self.put(frame)?;
        self.events += 1;
        Ok(())
    }

    pub(crate) const fn events(&self) -> u32 {
        self.events
    }

    pub(crate) const fn bytes(&self) -> u64 {
        self.offset
    }

    /// For the events appended so far and later.
    pub(crate) fn sync_handle(&self) -> SyncHandle {
        SyncHandle {
            file: Arc::clone(&self.file),
            project: Arc::clone(&self.project),
            is_named: Arc::clone(&self.is_named),
        }
    }

    /// Ends it, and puts it into the folder of each destination; an empty one leaves nothing behind. Where that fails,
    /// [`super::Queue::read`] tries again.
    pub(crate) fn seal(self) -> Option<Sealed> {
        let (project, name, destinations) = (Arc::clone(&self.project), self.name, Arc::clone(&self.destinations));
        let sealed = self.end();
        if sealed.is_some() {
            let _ = seal::distribute(&project, name, &destinations);
        }
        sealed
    }

    /// Ends it, and leaves it where it is: [`super::Queue::read`] puts it into the folders, in an order that no loss of
    /// power can undo. For whoever wants that, at the cost of an `fsync` of each folder.
    pub(crate) fn end(self) -> Option<Sealed> {
        if self.events == 0 {
            let _ = self.project.disk().remove(&self.project.path(self.name, State::Open));
            return None;
        }
        let bytes = u32::try_from(self.offset).unwrap_or(u32::MAX);
        Some(Sealed { name: self.name, events: self.events, bytes })
    }
}
