//! What dead writers left in a project's folder: segments that were never sealed, and their own files.

use std::collections::HashMap;
use std::io;

use super::LEDGER;
use super::counters::Dropped;
use super::disk::Lock;
use super::name::{SegmentName, State, WriterState, parse_writer};
use super::project::Project;
use super::{scan, seal};

/// Whether writers live, asked once each.
pub(super) struct Living<'a> {
    project: &'a Project,
    known: HashMap<[u8; 16], bool>,
}

impl<'a> Living<'a> {
    pub(super) fn new(project: &'a Project) -> Self {
        Self { project, known: HashMap::new() }
    }

    pub(super) fn has(&mut self, writer: [u8; 16]) -> bool {
        *self.known.entry(writer).or_insert_with(|| self.project.lives(writer))
    }
}

/// Puts what the dead were writing into the folders of the destinations, and removes what holds nothing. What cannot be
/// done now is left to the next call.
///
/// # Errors
/// If the folder cannot be read.
pub(super) fn put_away(project: &Project, own: [u8; 16], living: &mut Living<'_>) -> io::Result<()> {
    let names = project.disk().list(project.folder())?;
    for (name, state) in names.iter().filter_map(|name| SegmentName::parse(name)) {
        if name.writer != own && !living.has(name.writer) {
            // One that fails must not keep the others from their way.
            let _ = seal_for(project, name, state);
        }
    }
    let writers =
        names.iter().filter_map(|name| parse_writer(name)).filter(|(_, state)| *state != WriterState::Counters);
    let dead: Vec<_> = writers.filter(|(writer, _)| *writer != own && !living.has(*writer)).collect();
    if dead.is_empty() {
        return Ok(());
    }
    // They make no new segments, so that one look is enough for all of them.
    let awaited = project.awaited()?;
    for (writer, state) in dead.into_iter().filter(|(writer, _)| !awaited.contains(writer)) {
        let _ = retire(project, writer, state);
    }
    Ok(())
}

fn seal_for(project: &Project, name: SegmentName, state: State) -> io::Result<()> {
    let path = project.path(name, state);
    let file = project.disk().open(&path)?;
    // Not two at once; and a writer of version 0.1 locks its segment instead of a file of its own.
    if !file.try_lock(Lock::Alone)? {
        return Ok(());
    }
    let sealed = if file.is_at(&path) {
        match state {
            State::New => project.disk().remove(&path),
            State::Open => {
                let content = scan::read(&*file, name, &project.name())?;
                if content.newer.is_some() {
                    Ok(())
                } else if content.is_empty() {
                    project.disk().remove(&path)
                } else {
                    seal::distribute_for_sure(project, name, &seal::destinations_of(&content, project))
                }
            }
            // Where version 0.1 put what it had sealed.
            State::Ready => {
                let folder = project.folder().join(LEDGER);
                let made = project.disk().make_folder(&folder).map_err(io::Error::other);
                made.and_then(|()| project.disk().rename(&path, &folder.join(name.file(State::Ready))))
            }
            State::Fold | State::Seen | State::Kept => Ok(()),
        }
    } else {
        Ok(())
    };
    file.unlock();
    sealed
}

fn retire(project: &Project, writer: [u8; 16], state: WriterState) -> io::Result<()> {
    let path = project.writer_path(writer, state);
    let file = project.disk().open(&path)?;
    if !file.try_lock(Lock::Alone)? {
        return Ok(());
    }
    let retired = match (file.is_at(&path), state) {
        (true, WriterState::New) => project.disk().remove(&path),
        (true, _) => Dropped::read(&*file).and_then(|dropped| project.retire(writer, &dropped)),
        (false, _) => Ok(()),
    };
    file.unlock();
    retired
}
