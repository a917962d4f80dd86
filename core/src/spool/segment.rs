//! One file of frames, written by one engine.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::disk::{private_file, write_at};
use super::frame::{self, KIND_HEADER};
use super::header::{self, Header};
use super::name::{SegmentName, State};

/// The segment that is being written. Its lock tells others that the writer lives; dropping it, or dying, gives it up.
pub(crate) struct Segment {
    file: File,
    folder: PathBuf,
    name: SegmentName,
    /// Where the next frame goes. A write that failed or came out short did not move it.
    offset: u64,
    events: u32,
}

/// A complete segment, which waits for its delivery.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) path: PathBuf,
    pub(crate) events: u32,
}

/// Closing alone would not do: a child that the host forks holds a copy of the file, and the lock with it, until it
/// executes something else.
impl Drop for Segment {
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

impl Segment {
    /// It is locked before it gets a name under which others look for the segments of the dead.
    pub(super) fn create(folder: &Path, name: SegmentName, header: &Header) -> io::Result<Self> {
        let new = folder.join(name.file(State::New));
        let file = private_file().write(true).create_new(true).open(&new)?;
        let mut segment = Self { file, folder: folder.to_owned(), name, offset: 0, events: 0 };
        let made = segment.begin(header).and_then(|()| std::fs::rename(&new, segment.path(State::Open)));
        if let Err(error) = made {
            // It holds no event; a file that stays is removed by whoever looks for orphans.
            let _ = std::fs::remove_file(&new);
            return Err(error);
        }
        Ok(segment)
    }

    fn begin(&mut self, header: &Header) -> io::Result<()> {
        self.file.try_lock()?;
        let mut frame = Vec::new();
        if !frame::write(&mut frame, KIND_HEADER, |out| header::encode(header, out)) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the names of project, service and run are too long",
            ));
        }
        self.put(&frame)
    }

    fn path(&self, state: State) -> PathBuf {
        self.folder.join(self.name.file(state))
    }

    fn put(&mut self, frame: &[u8]) -> io::Result<()> {
        let written = loop {
            match write_at(&self.file, frame, self.offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        if written < frame.len() {
            // The next frame overwrites the part that was written; cutting it off only spares a reader the garbage.
            let _ = self.file.set_len(self.offset);
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

    /// Ends it; an empty one leaves nothing behind.
    pub(crate) fn seal(self) -> Option<Sealed> {
        let open = self.path(State::Open);
        if self.events == 0 {
            let _ = std::fs::remove_file(open);
            return None;
        }
        let ready = self.path(State::Ready);
        // Under its old name it is delivered as well, by us or by whoever finds it without a living writer.
        let path = if std::fs::rename(&open, &ready).is_ok() { ready } else { open };
        Some(Sealed { path, events: self.events })
    }
}
