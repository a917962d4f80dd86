//! Whether the files of the spool are sound, for people.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, DiskFile, Kind, RealDisk};
use super::name::{SegmentName, State, parse_writer};
use super::project::Project;
use super::queue::{DEAD, DEAD_BEFORE, LANE, dead};
use super::scan;

/// One file of the spool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// The file.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Events that can be read.
    pub events: u64,
    /// Bytes that belong to no intact frame.
    pub damaged_bytes: u64,
    /// Bytes of a last frame that was never finished, so that nobody was told that it was recorded: no damage.
    pub torn_bytes: u64,
    /// Intact frames of a meaning that this version does not know.
    pub unknown_frames: u64,
    /// The version of the format, if it is newer than ours; then nothing of it was read.
    pub newer: Option<u64>,
    /// Not a file of ours, by its name or its kind. It was not read.
    pub is_foreign: bool,
    /// Why it could not be read.
    pub unreadable: Option<String>,
}

impl Verified {
    /// Everything in it is understood.
    pub const fn is_sound(&self) -> bool {
        self.damaged_bytes == 0
            && self.unknown_frames == 0
            && self.newer.is_none()
            && !self.is_foreign
            && self.unreadable.is_none()
    }
}

/// Reads every file in the spool of a home, sorted by path. Changes nothing.
pub fn verify(home: &Path) -> Vec<Verified> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let mut verified = Vec::new();
    for project in Project::all(&disk, home) {
        let mut folders = vec![project.folder().to_owned()];
        folders.extend(project.destinations().iter().map(|destination| project.folder().join(destination)));
        for folder in folders {
            let names = disk.list(&folder).unwrap_or_default();
            let paths = names.iter().map(|name| folder.join(name));
            let is_file = |path: &PathBuf| {
                !disk.facts(path).is_ok_and(|facts| facts.kind == Kind::Folder && folder == project.folder())
            };
            verified.extend(paths.filter(is_file).map(|path| verify_file(&*disk, path)));
        }
    }
    verified.sort_by(|one, other| one.path.cmp(&other.path));
    verified
}

fn verify_file(disk: &dyn Disk, path: PathBuf) -> Verified {
    let mut verified = Verified { path, ..Verified::default() };
    let name = verified.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let Some(meaning) = Meaning::of(&name) else {
        verified.is_foreign = true;
        return verified;
    };
    match disk.open(&verified.path).and_then(|file| meaning.read(&*file, &mut verified)) {
        // A pipe or a folder under a name of ours.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => verified.is_foreign = true,
        Err(error) => verified.unreadable = Some(error.to_string()),
        Ok(()) => {}
    }
    verified
}

/// What a file of a name holds.
enum Meaning {
    Frames(SegmentName),
    Lines,
    Nothing,
}

impl Meaning {
    fn of(name: &str) -> Option<Self> {
        if let Some((name, state)) = SegmentName::parse(name) {
            return Some(if state == State::Seen { Self::Nothing } else { Self::Frames(name) });
        }
        if let Some((writer, _)) = parse_writer(name) {
            return Some(Self::Frames(SegmentName { writer, number: 0 }));
        }
        match name {
            DEAD | DEAD_BEFORE => Some(Self::Lines),
            LANE => Some(Self::Nothing),
            _ => None,
        }
    }

    fn read(&self, file: &dyn DiskFile, verified: &mut Verified) -> io::Result<()> {
        verified.bytes = file.facts()?.bytes;
        match *self {
            Self::Frames(name) => {
                let content = scan::read(file, name, "")?;
                verified.events = content.batch.events.len() as u64;
                verified.damaged_bytes = content.damaged_bytes;
                verified.torn_bytes = content.torn_bytes;
                verified.unknown_frames = content.unknown_frames;
                verified.newer = content.newer;
            }
            Self::Lines => {
                let (whole, broken) = dead::count(&file.read(u64::MAX)?);
                (verified.events, verified.damaged_bytes) = (whole, broken);
            }
            Self::Nothing => {}
        }
        Ok(())
    }
}
