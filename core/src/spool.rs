//! The files in which events wait: one folder a project, one writer a file.
//!
//! The promise is that an event whose frame was written survives the death of the process. It rests on three rules: a
//! frame can be found again without anything before it ([`frame`]), the name of a file is its state ([`name`]), and the
//! lock on a file tells whether its writer lives ([`segment`], [`sweep`]).

use std::io;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::event::Event;

mod codec;
mod disk;
mod field;
mod frame;
mod header;
mod name;
mod scan;
mod segment;
mod sweep;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use disk::{home_folder, not_writable, private_file, private_folder};
pub(crate) use header::Header;
pub(crate) use scan::Content;
pub(crate) use segment::{Sealed, Segment};
pub(crate) use sweep::{Reach, SEGMENTS_AT_ONCE, sweep};

use name::SegmentName;

/// The folder of one project, as its writers see it.
pub(crate) struct Spool {
    folder: PathBuf,
    header: Header,
    next: u64,
}

impl Spool {
    /// Makes the folders that are missing.
    ///
    /// # Errors
    /// If they cannot be made, or belong to somebody else.
    pub(crate) fn open(home: &Path, header: Header) -> Result<Self> {
        let folder = folder(home, &header.origin.project);
        home_folder(home)?;
        private_folder(&home.join(SPOOL))?;
        private_folder(&folder)?;
        Ok(Self { folder, header, next: 0 })
    }

    /// Begins the next segment.
    pub(crate) fn segment(&mut self) -> io::Result<Segment> {
        // A sibling that looks for orphans may take a new file away before it is locked; never twice in a row.
        const ATTEMPTS: u32 = 3;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let name = SegmentName { writer: self.header.writer, number: self.next };
            self.next += 1;
            match Segment::create(&self.folder, name, &self.header) {
                Ok(segment) => return Ok(segment),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::ErrorKind::Other.into()))
    }
}

/// Makes the folders and a file in them, and removes the file.
///
/// # Errors
/// If events could not be spooled there.
pub(crate) fn check(home: &Path) -> Result<()> {
    home_folder(home)?;
    let folder = home.join(SPOOL);
    private_folder(&folder)?;
    let probe = folder.join(format!("probe-{}.new", std::process::id()));
    let made = private_file().write(true).create(true).truncate(true).open(&probe);
    made.map_err(|cause| not_writable(&folder, cause))?;
    std::fs::remove_file(&probe).map_err(|cause| not_writable(&folder, cause))
}

const SPOOL: &str = "spool";

/// Where the segments of a project are.
pub(crate) fn folder(home: &Path, project: &str) -> PathBuf {
    home.join(SPOOL).join(name::folder_of(project))
}

/// The folders of all projects; none if nothing was ever recorded.
pub(crate) fn folders(home: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(home.join(SPOOL)) else { return Vec::new() };
    let mut folders: Vec<_> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// Writes the frame of an event into `out`, replacing what it held. `false` if the event is too long for a frame.
pub(crate) fn encode(event: &Event, out: &mut Vec<u8>) -> bool {
    frame::write(out, frame::KIND_EVENT, |out| codec::encode(event, out))
}

/// Reads a segment of one's own back; `None` if somebody else delivered and removed it.
pub(crate) fn read(sealed: &Sealed) -> io::Result<Option<Content>> {
    let Some((name, _)) = SegmentName::parse(&sealed.path) else { return Err(io::ErrorKind::InvalidInput.into()) };
    match private_file().read(true).open(&sealed.path) {
        Ok(mut file) => scan::read(&mut file, name, "").map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Gives a delivered segment up: removed if all of it was understood, else kept aside.
pub(crate) fn release(sealed: &Sealed, is_whole: bool) {
    sweep::release(&sealed.path, is_whole);
}
