//! From the one file of a writer to one name in the folder of each destination.

use std::io;
use std::path::Path;

use super::LEDGER;
use super::name::{SegmentName, State};
use super::project::Project;
use super::scan::{Content, MAX_FILE_BYTES};

/// Gives a complete segment a name in the folder of each destination, and takes the old one away: as its writer does, on the
/// host's thread. A journaling file system brings names to the platter in the order in which they were made, so that one
/// of them is always there.
pub(super) fn distribute(project: &Project, name: SegmentName, destinations: &[String]) -> io::Result<()> {
    let Some((last, others)) = destinations.split_last() else { return Ok(()) };
    for destination in others {
        link(project, name, destination)?;
    }
    let ready = project.folder().join(last).join(name.file(State::Ready));
    project.disk().rename(&project.path(name, State::Open), &ready)
}

/// As [`distribute`], where it was begun before, by whom ever; and with an `fsync` of each folder before the old name goes,
/// so that no loss of power undoes it, whatever the file system. Not by renaming: onto another name of the same file that
/// does nothing.
pub(super) fn distribute_for_sure(project: &Project, name: SegmentName, destinations: &[String]) -> io::Result<()> {
    for destination in destinations {
        link(project, name, destination)?;
        project.disk().sync_folder(&project.folder().join(destination))?;
    }
    match project.disk().remove(&project.path(name, State::Open)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Where a segment goes that somebody left. One of version 0.1 names no destination; one that lost its header goes to all
/// there are, because nobody knows better.
pub(super) fn destinations_of(content: &Content, project: &Project) -> Vec<String> {
    let mut destinations = match &content.destinations {
        Some(destinations) => destinations.to_vec(),
        None => project.destinations(),
    };
    if destinations.is_empty() {
        destinations.push(LEDGER.to_owned());
    }
    destinations
}

/// A name that exists already is another one of the same file.
fn link(project: &Project, name: SegmentName, destination: &str) -> io::Result<()> {
    let folder = project.folder().join(destination);
    let (open, ready) = (project.path(name, State::Open), folder.join(name.file(State::Ready)));
    let linked = match project.disk().link(&open, &ready) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && project.disk().facts(&folder).is_err() => {
            project.disk().make_folder(&folder).map_err(io::Error::other)?;
            project.disk().link(&open, &ready)
        }
        other => other,
    };
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if has_no_links(&error) => copy(project, &open, &folder, name),
        other => other,
    }
}

fn has_no_links(error: &io::Error) -> bool {
    use io::ErrorKind::{CrossesDevices, PermissionDenied, TooManyLinks, Unsupported};
    matches!(error.kind(), CrossesDevices | PermissionDenied | TooManyLinks | Unsupported)
}

/// For a file system without hard links.
fn copy(project: &Project, open: &Path, folder: &Path, name: SegmentName) -> io::Result<()> {
    let (new, ready) = (folder.join(name.file(State::New)), folder.join(name.file(State::Ready)));
    let disk = project.disk();
    if disk.facts(&ready).is_ok() {
        return Ok(());
    }
    let bytes = disk.open(open)?.read(MAX_FILE_BYTES)?;
    let _ = disk.remove(&new);
    let file = disk.create(&new)?;
    if file.write_at(&bytes, 0)? < bytes.len() {
        let _ = disk.remove(&new);
        return Err(io::ErrorKind::StorageFull.into());
    }
    file.sync()?;
    disk.rename(&new, &ready)
}
