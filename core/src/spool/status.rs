//! What waits in the spool, for people.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::counters::Dropped;
use super::disk::{Disk, RealDisk};
use super::name::{SegmentName, State, WriterState, parse_writer};
use super::project::Project;
use super::queue::{DEAD, DEAD_BEFORE, dead};
use super::{scan, seal};

/// What waits in the spool of one project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectSpool {
    /// The project.
    pub project: String,
    /// Each destination that has a folder, sorted by name.
    pub destinations: Vec<Waiting>,
    /// Writers that live.
    pub living: u64,
    /// Writers that died and of which something waits.
    pub dead: u64,
    /// Events given up by all writers whose counters are still there: the number of the
    /// [`DropReason`](crate::outbox::DropReason), and how many.
    pub dropped: Vec<(u8, u64)>,
}

/// What waits for one destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// The destination, as [`SinkSettings::destination`](crate::sink::SinkSettings::destination) names it.
    pub name: String,
    /// Files that wait, those included that are being written.
    pub segments: u64,
    /// Events in them.
    pub events: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The start of the oldest event that waits.
    pub oldest_unix_ns: Option<i64>,
    /// Files that were delivered, and kept because something in them could not be read.
    pub kept: u64,
    /// Events that the destination will never take, as far as they are kept.
    pub dead: u64,
}

/// What waits in the spool of a home, by project. Changes nothing; what cannot be read is left out.
pub fn status(home: &Path) -> Vec<ProjectSpool> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    Project::all(&disk, home).iter().map(|project| status_of(project)).collect()
}

fn status_of(project: &Project) -> ProjectSpool {
    let mut status = ProjectSpool { project: project.name(), ..ProjectSpool::default() };
    let mut dropped = Dropped::default();
    // Segments first: one that is sealed meanwhile is found again under its new name, and told apart by it.
    let names = project.disk().list(project.folder()).unwrap_or_default();
    let open: Vec<_> = names.iter().filter_map(|name| read(project, project.folder(), name)).collect();
    for (writer, state) in names.iter().filter_map(|name| parse_writer(name)) {
        if let Ok(found) =
            project.disk().open(&project.writer_path(writer, state)).and_then(|file| Dropped::read(&*file))
        {
            dropped.add(&found);
        }
        if state == WriterState::Writer {
            let count = if project.lives(writer) { &mut status.living } else { &mut status.dead };
            *count += 1;
        }
    }
    status.dropped = dropped.counts();
    let mut destinations = project.destinations();
    destinations.extend(open.iter().flat_map(|found| found.destinations.iter().cloned()));
    destinations.sort();
    destinations.dedup();
    status.destinations = destinations.into_iter().map(|name| waiting_for(project, name, &open)).collect();
    status
}

/// What is to be known of a segment; not its events, of which there may be many.
struct Found {
    name: SegmentName,
    bytes: u64,
    events: u64,
    oldest_unix_ns: Option<i64>,
    sources: Vec<SegmentName>,
    destinations: Vec<String>,
}

fn read(project: &Project, folder: &Path, file_name: &str) -> Option<Found> {
    let (name, state) = SegmentName::parse(file_name)?;
    if !matches!(state, State::Open | State::Ready | State::Fold) {
        return None;
    }
    let file = project.disk().open(&folder.join(file_name)).ok()?;
    let content = scan::read(&*file, name, "").ok()?;
    Some(Found {
        name,
        bytes: file.facts().ok()?.bytes,
        events: content.batch.events.len() as u64,
        oldest_unix_ns: content.batch.events.iter().map(|event| event.facts.unix_ns).min(),
        destinations: seal::destinations_of(&content, project),
        sources: content.sources,
    })
}

fn waiting_for(project: &Project, name: String, open: &[Found]) -> Waiting {
    let folder = project.folder().join(&name);
    let mut waiting = Waiting { name, ..Waiting::default() };
    let names = project.disk().list(&folder).unwrap_or_default();
    let is_kept = |name: &&String| SegmentName::parse(name).is_some_and(|(_, state)| state == State::Kept);
    waiting.kept = names.iter().filter(is_kept).count() as u64;
    for name in [DEAD_BEFORE, DEAD] {
        if let Ok(lines) = project.disk().open(&folder.join(name)).and_then(|file| file.read(u64::MAX)) {
            waiting.dead += dead::count(&lines).0;
        }
    }
    let found: Vec<_> = names.iter().filter_map(|name| read(project, &folder, name)).collect();
    let sealed: HashSet<_> = found.iter().map(|found| found.name).collect();
    let summed: HashSet<_> = found.iter().flat_map(|found| &found.sources).collect();
    let is_open = |found: &&Found| !sealed.contains(&found.name) && found.destinations.contains(&waiting.name);
    let open: Vec<_> = open.iter().filter(is_open).collect();
    for found in found.iter().chain(open).filter(|found| !summed.contains(&found.name)) {
        waiting.segments += 1;
        waiting.bytes += found.bytes;
        waiting.events += found.events;
        waiting.oldest_unix_ns = [waiting.oldest_unix_ns, found.oldest_unix_ns].into_iter().flatten().min();
    }
    waiting
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::testing::{WRITER, call, header};
    use crate::spool::{Header, Queue, Spool, encode};

    #[test]
    fn what_waits_is_told_for_each_destination_and_nothing_is_changed() {
        let home = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        assert_eq!(status(home.path()), []);
        let open = |writer, destinations: &[&str]| {
            let destinations = destinations.iter().map(ToString::to_string).collect();
            Spool::open(Arc::clone(&disk), home.path(), Header { writer, destinations, ..header() }).unwrap()
        };
        let write = |spool: &mut Spool, counters: std::ops::Range<u64>| {
            let (mut segment, mut frame) = (spool.segment().unwrap(), Vec::new());
            for counter in counters {
                assert!(encode(&call(counter), &mut frame));
                segment.append(&frame).unwrap();
            }
            segment
        };
        let mut living = open(WRITER, &["one", "two"]);
        let sealed = write(&mut living, 5..15).seal().unwrap();
        let unfinished = write(&mut living, 20..23);
        let mut dead = open([9; 16], &["two"]);
        write(&mut dead, 0..4).seal();
        dead.note_dropped(&[(2, 7)]).unwrap();
        drop(dead);
        let one = Queue::new(disk, home.path(), &header().origin.project, "one");
        one.bury(&call(1), "no", 0).unwrap();
        one.release(sealed.name, false);
        let found = status(home.path());
        assert_eq!(found, status(home.path()), "looking changes nothing");
        let [found] = &found[..] else { panic!("{found:?}") };
        assert_eq!((&*found.project, found.living, found.dead), ("shop/back end", 1, 1));
        assert_eq!(found.dropped, [(2, 7)]);
        let start = |counter| Some(call(counter).facts.unix_ns);
        let counts =
            |waiting: &Waiting| (waiting.name.clone(), waiting.segments, waiting.events, waiting.oldest_unix_ns);
        let destinations: Vec<_> = found.destinations.iter().map(counts).collect();
        assert_eq!(destinations, [("one".into(), 1, 3, start(20)), ("two".into(), 3, 17, start(0))]);
        let aside: Vec<_> = found.destinations.iter().map(|waiting| (waiting.kept, waiting.dead)).collect();
        assert_eq!(aside, [(1, 1), (0, 0)]);
        assert_eq!(unfinished.events(), 3);
    }
}
