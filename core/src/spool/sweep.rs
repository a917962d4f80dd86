//! Delivering what others left: the segments of dead writers, and copies of what living ones have written so far.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::disk::{is_at, private_file};
use super::name::{SegmentName, State, project_of};
use super::scan::{self, Content};
use crate::error::{Error, ErrorCode, Result};
use crate::sink::{Batch, Sink};

/// How many segments go to the sink at once. It bounds the open files and the memory.
pub(crate) const SEGMENTS_AT_ONCE: usize = 40;

/// Which segments of a folder a sweep reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Those of dead writers; each is removed once it is delivered.
    Orphans,
    /// Copies of those of the living as well. They stay, and their own writer delivers them again.
    All,
}

/// What a sweep found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Swept {
    pub(crate) stored: u64,
    pub(crate) duplicates: u64,
    /// Files of which something could not be read; its readable events were delivered.
    pub(crate) kept: Vec<PathBuf>,
    /// Files of a newer format.
    pub(crate) newer: Vec<PathBuf>,
}

impl Swept {
    /// What somebody should know about the files that stay.
    pub(crate) fn warning(&self) -> Option<Error> {
        let (path, problem) = match (self.newer.first(), self.kept.first()) {
            (Some(path), _) => (path, "is of a newer llmlab and was left alone; upgrade llmlab"),
            (None, Some(path)) => (path, "is damaged; what could be read was delivered, and the file is kept"),
            (None, None) => return None,
        };
        Some(Error::new(ErrorCode::Storage, format!("the segment {} {problem}", path.display())))
    }
}

struct Found {
    path: PathBuf,
    content: Content,
    /// Held while we are the one to remove the file. `None`: somebody else is at it.
    claim: Option<File>,
}

/// Sweeps the folder of one project. `own` is the writer whose segments are left to itself; `go_on` is asked between
/// deliveries.
///
/// # Errors
/// The sink's. What was not delivered stays where it is.
pub(crate) fn sweep(
    folder: &Path,
    own: Option<[u8; 16]>,
    reach: Reach,
    sink: &mut dyn Sink,
    go_on: &dyn Fn() -> bool,
) -> Result<Swept> {
    let project = folder.file_name().map(|name| project_of(&name.to_string_lossy())).unwrap_or_default();
    let mut swept = Swept::default();
    let segments = segments_in(folder)?;
    let others: Vec<_> = segments.into_iter().filter(|(name, _)| own != Some(name.writer)).collect();
    for chunk in others.chunks(SEGMENTS_AT_ONCE) {
        if !go_on() {
            break;
        }
        let found = chunk.iter().filter_map(|&(name, state)| find(folder, name, state, &project, reach)).collect();
        deliver(found, sink, &mut swept)?;
    }
    Ok(swept)
}

/// The segments of a folder, a writer's in the order of their writing. Files with other names are not ours.
fn segments_in(folder: &Path) -> Result<Vec<(SegmentName, State)>> {
    let entries = std::fs::read_dir(folder).map_err(|cause| {
        Error::new(
            ErrorCode::Storage,
            format!("the spool {} cannot be read; check its owner and mode", folder.display()),
        )
        .caused_by(cause)
    })?;
    let mut names: Vec<_> = entries
        .filter_map(|entry| SegmentName::parse(&entry.ok()?.path()))
        .filter(|(_, state)| *state != State::Kept)
        .collect();
    names.sort_unstable_by_key(|(name, _)| *name);
    Ok(names)
}

/// Opens and reads a segment; `None` if it is gone, not to be read, or unreadable for now.
fn find(folder: &Path, name: SegmentName, state: State, project: &str, reach: Reach) -> Option<Found> {
    let path = folder.join(name.file(state));
    let (mut file, path, state) = match private_file().read(true).open(&path) {
        Ok(file) => (file, path, state),
        // Its writer sealed it since the folder was listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound && state == State::Open => {
            let path = folder.join(name.file(State::Ready));
            (private_file().read(true).open(&path).ok()?, path, State::Ready)
        }
        Err(_) => return None,
    };
    // Whoever held the lock may have renamed or removed the file before it gave the lock up.
    let ours = file.try_lock().is_ok() && is_at(&file, &path);
    if state == State::New {
        if ours {
            let _ = std::fs::remove_file(path);
        }
        return None;
    }
    if !ours && reach == Reach::Orphans {
        return None;
    }
    let content = scan::read(&mut file, name, project).ok()?;
    Some(Found { path, content, claim: ours.then_some(file) })
}

fn deliver(mut found: Vec<Found>, sink: &mut dyn Sink, swept: &mut Swept) -> Result<()> {
    found.retain(|found| {
        if found.content.newer.is_some() {
            swept.newer.push(found.path.clone());
        }
        found.content.newer.is_none()
    });
    let batches: Vec<Batch> = found.iter_mut().map(|found| std::mem::take(&mut found.content.batch)).collect();
    let receipts = if batches.iter().all(|batch| batch.events.is_empty()) {
        vec![crate::sink::Receipt::default(); batches.len()]
    } else {
        sink.deliver(&batches)?
    };
    for ((found, batch), receipt) in found.into_iter().zip(&batches).zip(receipts) {
        swept.stored += receipt.stored;
        swept.duplicates += receipt.duplicates;
        if receipt.accounts_for(batch.events.len())
            && found.claim.is_some()
            && !release(&found.path, found.content.is_whole())
        {
            swept.kept.push(found.path);
        }
    }
    Ok(())
}

/// Removes a delivered segment, or keeps it under another name if something in it was not understood. Says which.
pub(super) fn release(path: &Path, is_whole: bool) -> bool {
    match (is_whole, SegmentName::parse(path)) {
        (false, Some((name, _))) => {
            let _ = std::fs::rename(path, path.with_file_name(name.file(State::Kept)));
        }
        // One that cannot be removed is delivered again some day, and recognised by its events' ids.
        _ => {
            let _ = std::fs::remove_file(path);
        }
    }
    is_whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::{Guarantee, Receipt};
    use crate::spool::testing::{call, header};
    use crate::spool::{Segment, Spool, encode};
    use std::collections::HashSet;

    /// Keeps the ids, as the ledger does.
    #[derive(Default)]
    struct Ids(HashSet<u64>);

    impl Sink for Ids {
        fn name(&self) -> &'static str {
            "ids"
        }

        fn guarantee(&self) -> Guarantee {
            Guarantee::ExactlyOnce
        }

        fn deliver(&mut self, batches: &[Batch]) -> Result<Vec<Receipt>> {
            let receipt = |batch: &Batch| {
                let stored = batch.events.iter().filter(|event| self.0.insert(event.id.counter)).count() as u64;
                Receipt { stored, duplicates: batch.events.len() as u64 - stored, ..Receipt::default() }
            };
            Ok(batches.iter().map(receipt).collect())
        }
    }

    fn write(spool: &mut Spool, counters: std::ops::Range<u64>) -> Segment {
        let mut segment = spool.segment().unwrap();
        let mut frame = Vec::new();
        for counter in counters {
            assert!(encode(&call(counter), &mut frame));
            segment.append(&frame).unwrap();
        }
        segment
    }

    fn files(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn sweep_all(folder: &Path, reach: Reach, ids: &mut Ids) -> Swept {
        sweep(folder, None, reach, ids, &|| true).unwrap()
    }

    #[test]
    fn a_living_writer_is_read_and_not_disturbed_and_a_dead_one_is_adopted() {
        let home = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(home.path(), header()).unwrap();
        let folder = crate::spool::folder(home.path(), &header().origin.project);
        let mut living = write(&mut spool, 0..3);
        let mut ids = Ids::default();
        assert_eq!(sweep_all(&folder, Reach::Orphans, &mut ids), Swept::default());
        assert_eq!(sweep_all(&folder, Reach::All, &mut ids).stored, 3);
        let mut frame = Vec::new();
        assert!(encode(&call(3), &mut frame));
        living.append(&frame).unwrap();
        assert_eq!(files(&folder).len(), 1);
        // Its lock goes with the writer, as at its death.
        drop(living);
        let swept = sweep_all(&folder, Reach::Orphans, &mut ids);
        assert_eq!((swept.stored, swept.duplicates), (1, 3));
        assert_eq!(files(&folder), [""; 0]);
    }

    #[test]
    fn a_damaged_segment_is_delivered_as_far_as_it_can_be_read_and_kept() {
        let home = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(home.path(), header()).unwrap();
        let sealed = write(&mut spool, 0..5).seal().unwrap();
        let mut bytes = std::fs::read(&sealed.path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        std::fs::write(&sealed.path, bytes).unwrap();
        let folder = sealed.path.parent().unwrap();
        let mut ids = Ids::default();
        let swept = sweep_all(folder, Reach::Orphans, &mut ids);
        assert_eq!((swept.stored, swept.kept.len()), (4, 1));
        assert_eq!(files(folder)[0].rsplit('.').next(), Some("kept"));
        assert_eq!(sweep_all(folder, Reach::Orphans, &mut ids), Swept::default(), "it is not delivered for ever");
    }

    #[test]
    fn what_is_foreign_or_newer_stays_and_an_unfinished_segment_goes() {
        let home = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(home.path(), header()).unwrap();
        let sealed = write(&mut spool, 0..1).seal().unwrap();
        let folder = sealed.path.parent().unwrap();
        let name = |number, state| folder.join(SegmentName { writer: [9; 16], number }.file(state));
        std::fs::write(folder.join("notes.txt"), "mine").unwrap();
        std::fs::write(folder.join("backup.ready"), "mine").unwrap();
        let mut newer = Vec::new();
        assert!(super::super::frame::write(&mut newer, super::super::frame::KIND_HEADER, |out| out.extend([2, 2])));
        std::fs::write(name(1, State::Ready), newer).unwrap();
        std::fs::write(name(2, State::New), "").unwrap();
        std::fs::write(name(3, State::Open), "").unwrap();
        std::fs::write(name(4, State::Ready), "not one frame").unwrap();
        let swept = sweep_all(folder, Reach::Orphans, &mut Ids::default());
        assert_eq!((swept.stored, swept.newer.len(), swept.kept.len()), (1, 1, 1));
        let left = files(folder);
        assert_eq!(left.len(), 4, "{left:?}");
        assert!(swept.warning().unwrap().to_string().contains("newer"));
        assert!(name(1, State::Ready).exists() && name(4, State::Kept).exists());
    }
}
