//! Files that a bad disk, a repair or a stranger has left: every intact frame is recovered, every byte accounted for, and
//! nothing removed that was not understood.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;

use super::scene::{FIRST, NOBODY, Store, event_of, frame_of, header_of};
use crate::event::EventId;
use crate::sink::Guarantee;
use crate::spool::frame::{self, Frames, KIND_HEADER};
use crate::spool::name::SegmentName;
use crate::spool::testing::{call, header};
use crate::spool::{Disk, Queue, RealDisk, Spool, verify};

const WRITER: [u8; 16] = [7; 16];
const STRANGER: [u8; 16] = [8; 16];

#[derive(Clone, Debug)]
enum Damage {
    Flip(Index, u8),
    ZeroPage(Index),
    Truncate(Index),
    DuplicateTail(Index),
    /// Another file's bytes from somewhere in the place of our own from somewhere.
    Splice(Index, Index),
    Foreign(Vec<u8>),
    Empty,
    FutureVersion,
}

fn any_damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    prop_oneof![
        (at(), 1..=255_u8).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        at().prop_map(Damage::ZeroPage),
        at().prop_map(Damage::Truncate),
        at().prop_map(Damage::DuplicateTail),
        (at(), at()).prop_map(|(ours, theirs)| Damage::Splice(ours, theirs)),
        prop::collection::vec(any::<u8>(), 1..500).prop_map(Damage::Foreign),
        Just(Damage::Empty),
        Just(Damage::FutureVersion),
    ]
}

/// The bytes of a segment, and of each frame that is an event.
fn segment(writer: [u8; 16]) -> (Vec<u8>, Vec<(EventId, Vec<u8>)>) {
    let mut bytes = Vec::new();
    assert!(frame::write(&mut bytes, KIND_HEADER, |out| crate::spool::header::encode(
        &header_of(writer, &[FIRST]),
        out
    )));
    let frames: Vec<_> = (0..30).map(|counter| (event_of(writer, counter).id, frame_of(writer, counter))).collect();
    for (_, frame) in &frames {
        bytes.extend_from_slice(frame);
    }
    (bytes, frames)
}

fn apply(damage: &Damage) -> Vec<u8> {
    let (mut bytes, _) = segment(WRITER);
    let len = bytes.len();
    match damage {
        Damage::Flip(at, bits) => bytes[at.index(len)] ^= bits,
        Damage::ZeroPage(at) => {
            let page = at.index(len) / 512 * 512;
            bytes[page..len.min(page + 512)].fill(0);
        }
        Damage::Truncate(at) => bytes.truncate(at.index(len)),
        Damage::DuplicateTail(at) => bytes.extend_from_within(at.index(len)..),
        Damage::Splice(ours, theirs) => {
            bytes.truncate(ours.index(len));
            let (other, _) = segment(STRANGER);
            bytes.extend_from_slice(&other[theirs.index(other.len())..]);
        }
        Damage::Foreign(foreign) => bytes.clone_from(foreign),
        Damage::Empty => bytes.clear(),
        Damage::FutureVersion => {
            let mut newer = Vec::new();
            assert!(frame::write(&mut newer, KIND_HEADER, |out| out.extend_from_slice(&[2, 99])));
            bytes.splice(0..0, newer);
        }
    }
    bytes
}

struct Scene {
    home: tempfile::TempDir,
    disk: Arc<dyn Disk>,
    folder: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        Spool::open(Arc::clone(&disk), home.path(), header_of(STRANGER, &[FIRST])).unwrap().close();
        let project = crate::spool::name::folder_of(&header().origin.project);
        let folder = home.path().join("spool").join(project).join(FIRST);
        Self { home, disk, folder }
    }

    fn queue(&self) -> Queue {
        Queue::new(Arc::clone(&self.disk), self.home.path(), &header().origin.project, FIRST)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Delivers what there is, as a lane does.
    fn deliver(&self) -> Store {
        let (queue, mut store) = (self.queue(), Store::default());
        for sealed in queue.adopt(NOBODY, Guarantee::AtLeastOnce).unwrap() {
            if let Ok(Some(content)) = queue.read(sealed.name) {
                store.take(&content.batch.events);
                queue.release(sealed.name, content.is_whole());
            }
        }
        store
    }
}

fn ready(writer: [u8; 16]) -> String {
    format!("{}.ready", SegmentName { writer, number: 3 }.stem())
}

fn kept(path: &Path) -> PathBuf {
    path.with_extension("kept")
}

proptest! {
    /// Sabotage: frames whose checksum is not looked at; `release` that removes what is not whole; a header that is taken for
    /// all of a spliced file.
    #[test]
    fn every_intact_frame_is_recovered_and_every_byte_accounted_for(damage in any_damage()) {
        let scene = Scene::new();
        let bytes = apply(&damage);
        let path = scene.put(&ready(WRITER), &bytes);
        let is_newer = matches!(damage, Damage::FutureVersion);

        // What is there by a search that knows nothing of frames but what was written.
        let mut intact = BTreeSet::new();
        for writer in [WRITER, STRANGER] {
            for (id, frame) in segment(writer).1 {
                if memchr::memmem::find(&bytes, &frame).is_some() {
                    intact.insert(id.counter);
                }
            }
        }
        let seen = verify(scene.home.path());
        let seen = seen.iter().find(|verified| verified.path == path).unwrap();
        prop_assert_eq!(seen.bytes, bytes.len() as u64);
        prop_assert_eq!(seen.newer, is_newer.then_some(99));
        let mut frames = Frames::new(&bytes);
        let framed: u64 = frames.by_ref().map(|frame| (frame::PREFIX + frame.payload.len()) as u64).sum();
        prop_assert_eq!(framed + seen.damaged_bytes + seen.torn_bytes, seen.bytes);

        let store = scene.deliver();
        let found: BTreeSet<_> = store.ids().iter().map(|id| id.counter).collect();
        prop_assert_eq!(&found, if is_newer { const { &BTreeSet::new() } } else { &intact });
        for id in store.ids() {
            prop_assert!(id.writer == WRITER || matches!(damage, Damage::Splice(..)) && id.writer == STRANGER);
        }
        // What was not understood stays, as it was.
        let left = [&path, &kept(&path)].into_iter().find_map(|path| std::fs::read(path).ok());
        prop_assert_eq!(left.is_none(), seen.is_sound(), "{:?}", seen);
        prop_assert!(left.is_none_or(|left| left == bytes));
    }
}

#[test]
fn a_header_of_each_part_of_a_spliced_file_counts_for_that_part() {
    let scene = Scene::new();
    let spliced = [segment(WRITER).0, segment(STRANGER).0].concat();
    scene.put(&ready(WRITER), &spliced);
    let expected: BTreeSet<_> =
        [WRITER, STRANGER].iter().flat_map(|writer| segment(*writer).1).map(|(id, _)| id).collect();
    assert_eq!(scene.deliver().ids(), expected);
}

/// Sabotage: an `open` that follows links.
#[cfg(unix)]
#[test]
fn what_is_no_file_of_ours_is_neither_read_nor_touched() {
    use nix::sys::stat::Mode;
    let scene = Scene::new();
    let name = |number| format!("{}.ready", SegmentName { writer: WRITER, number }.stem());
    nix::unistd::mkfifo(&scene.folder.join(name(1)), Mode::S_IRWXU).unwrap();
    std::fs::create_dir(scene.folder.join(name(2))).unwrap();
    let target = scene.put("target", &segment(WRITER).0);
    std::os::unix::fs::symlink(&target, scene.folder.join(name(3))).unwrap();
    let foreign = ["notes.txt", "backup.ready", "1-1.ready", "x.fold", ".ready"];
    for name in foreign {
        scene.put(name, b"mine");
    }
    scene.put(&name(4), &segment(WRITER).0);
    let store = scene.deliver();
    assert_eq!(store.calls(), 30);
    let mut left: Vec<_> = std::fs::read_dir(&scene.folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    let mut expected: Vec<_> = foreign.iter().map(ToString::to_string).collect();
    expected.extend([name(1), name(2), name(3), "lane".into(), "target".into()]);
    expected.sort();
    assert_eq!(left, expected);
    let foreign = verify(scene.home.path())
        .iter()
        .filter(|verified| verified.is_foreign || verified.unreadable.is_some())
        .count();
    assert_eq!(foreign, left.len() - 1);
}

// Sabotage: a file that grows for ever; one that is removed in the place of the older one.
#[test]
fn dead_letters_are_bounded_and_the_last_ones_are_kept() {
    let scene = Scene::new();
    let count = |name: &str| std::fs::read_to_string(scene.folder.join(name)).unwrap().trim().lines().count();
    let queue = scene.queue();
    queue.bury(&call(0), "no", 0).unwrap();
    for generation in 1..=2 {
        let full = std::fs::OpenOptions::new().append(true).open(scene.folder.join("dead.jsonl")).unwrap();
        std::io::Write::write_all(&mut &full, &vec![b'\n'; 16 * 1024 * 1024]).unwrap();
        (0..generation).for_each(|counter| queue.bury(&call(counter), "no", 0).unwrap());
        assert_eq!(count("dead.jsonl"), usize::try_from(generation).unwrap());
        assert_eq!(count("dead.1.jsonl"), 1);
    }
    let names = std::fs::read_dir(&scene.folder).unwrap();
    assert_eq!(
        names.filter(|name| name.as_ref().unwrap().file_name().to_string_lossy().starts_with("dead")).count(),
        2
    );
}
