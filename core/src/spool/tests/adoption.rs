//! What others left: taken once, and never from the living.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::scene::{BOTH, FIRST, NOBODY, SECOND, Store, cost_of, frame_of, header_of, open, queue};
use crate::sink::Guarantee;
use crate::spool::testing::header;
use crate::spool::testing::model::{Fault, ModelDisk};
use crate::spool::{Disk, Queue, RealDisk, Spool};

const LIVING: [u8; 16] = [1; 16];
const DEAD: [u8; 16] = [2; 16];

/// A writer that has sealed ten events and is writing five more.
fn writer(disk: &ModelDisk, writer: [u8; 16]) -> Spool {
    let mut spool = open(disk, writer, &BOTH).unwrap();
    let mut sealed = spool.segment().unwrap();
    (0..10).for_each(|counter| sealed.append(&frame_of(writer, counter)).unwrap());
    sealed.seal().unwrap();
    let mut open = spool.segment().unwrap();
    (10..15).for_each(|counter| open.append(&frame_of(writer, counter)).unwrap());
    spool
}

fn files(disk: &ModelDisk) -> Vec<String> {
    let project = super::scene::folder(FIRST).parent().unwrap().to_owned();
    let mut files = disk.list(&project).unwrap();
    for destination in BOTH {
        let names = disk.list(&project.join(destination)).unwrap();
        files.extend(names.into_iter().map(|name| format!("{destination}/{name}")));
    }
    files.retain(|name| !BOTH.contains(&name.as_str()) && !name.ends_with("lane"));
    files
}

/// Sabotage: `Project::lives` that ignores the lock.
#[test]
fn the_dead_are_adopted_and_the_living_are_not() {
    let disk = ModelDisk::default();
    let living = writer(&disk, LIVING);
    drop(writer(&disk, DEAD));
    let first = queue(&disk, FIRST);
    let adopted = first.adopt(NOBODY, Guarantee::AtLeastOnce).unwrap();
    assert_eq!(adopted.iter().map(|sealed| sealed.name.writer).collect::<Vec<_>>(), [DEAD, DEAD]);
    assert_eq!(first.adopt(NOBODY, Guarantee::AtLeastOnce).unwrap(), [], "said once");
    for sealed in adopted {
        assert!(first.read(sealed.name).unwrap().unwrap().is_whole());
        first.release(sealed.name, true);
    }
    // What a destination that knows ids may have as well, and what nobody may.
    let taken = first.adopt(NOBODY, Guarantee::ExactlyOnce).unwrap();
    assert_eq!(taken.iter().map(|sealed| (sealed.name.writer, sealed.name.number)).collect::<Vec<_>>(), [(LIVING, 0)]);
    assert_eq!(first.read(taken[0].name).unwrap().unwrap().batch.events.len(), 10);
    first.release(taken[0].name, true);
    let mut store = Store::default();
    store.recover(&disk, SECOND);
    assert_eq!(store.calls(), 15);
    // Nothing is left of the dead one, as the next one to look finds, and all of the living.
    store.recover(&disk, SECOND);
    let stem = format!("{:032x}", u128::from_be_bytes(LIVING));
    let expected = [format!("{stem}-00000001.open"), format!("{stem}.writer"), format!("second/{stem}-00000000.ready")];
    assert_eq!(files(&disk), expected);
    drop(living);
    store.recover(&disk, SECOND);
    assert_eq!(store.calls(), 30);
}

/// Sabotage: `claim` that is not exclusive.
#[test]
fn one_process_at_a_time_adopts_and_another_when_it_is_done_or_gives_up() {
    let disk = ModelDisk::default();
    drop(writer(&disk, DEAD));
    let (one, other) = (queue(&disk, FIRST), queue(&disk, FIRST));
    assert_eq!(one.adopt(NOBODY, Guarantee::AtLeastOnce).unwrap().len(), 2);
    assert_eq!(other.adopt(NOBODY, Guarantee::AtLeastOnce).unwrap(), []);
    one.disown();
    let adopted = other.adopt(NOBODY, Guarantee::AtLeastOnce).unwrap();
    assert_eq!(adopted.len(), 2);
    other.release(adopted[0].name, true);
    assert_eq!(one.adopt(NOBODY, Guarantee::AtLeastOnce).unwrap(), []);
    other.release(adopted[1].name, true);
    drop(writer(&disk, [3; 16]));
    assert_eq!(one.adopt(NOBODY, Guarantee::AtLeastOnce).unwrap().len(), 2);
}

/// Sabotage: `retire` that removes the file whatever its counters say; counters of one slot, so that a torn one is none.
#[test]
fn what_a_dead_writer_gave_up_is_remembered_when_nothing_else_of_it_is_left() {
    let disk = ModelDisk::default();
    let mut spool = writer(&disk, DEAD);
    spool.note_dropped(&[(0, 3), (4, 1)]).unwrap();
    disk.fail(1, Fault::Short(20));
    assert_eq!(spool.note_dropped(&[(0, 5)]).unwrap_err().kind(), ErrorKind::StorageFull);
    drop(spool);
    for destination in BOTH {
        Store::default().recover(&disk, destination);
    }
    // Whoever comes next finds that nothing of it is left.
    Store::default().recover(&disk, FIRST);
    let name = format!("{:032x}.counters", u128::from_be_bytes(DEAD));
    assert_eq!(files(&disk), std::slice::from_ref(&name));
    let file = disk.open(&super::scene::folder(FIRST).with_file_name(name)).unwrap();
    assert_eq!(crate::spool::counters::Dropped::read(&*file).unwrap().counts(), [(0, 3), (4, 1)]);
}

#[test]
fn a_writer_that_ends_in_order_leaves_no_file() {
    let disk = ModelDisk::default();
    open(&disk, LIVING, &BOTH).unwrap().close();
    assert_eq!(files(&disk), [""; 0]);
    let spool = writer(&disk, LIVING);
    spool.close();
    assert_eq!(files(&disk).len(), 4, "what waits needs it still");
}

/// Sabotage: an adopter that hands out what has its old name still.
#[test]
fn what_another_process_is_still_sealing_is_not_handed_out() {
    let disk = ModelDisk::default();
    drop(writer(&disk, DEAD));
    let stem = format!("{}-00000001", "02".repeat(16));
    let (first, second) = (super::scene::folder(FIRST), super::scene::folder(SECOND));
    let open = first.with_file_name(format!("{stem}.open"));
    let ready = format!("{stem}.ready");
    // Another adopter is between the first link and the second.
    let sealing = disk.open(&open).unwrap();
    assert!(sealing.try_lock(crate::spool::disk::Lock::Alone).unwrap());
    disk.link(&open, &first.join(&ready)).unwrap();
    let mut store = Store::default();
    store.recover(&disk, FIRST);
    assert_eq!(store.calls(), 10);
    // It dies there, and the next one brings the segment to both.
    drop(sealing);
    store.recover(&disk, SECOND);
    assert!(disk.facts(&first.join(&ready)).is_ok() && disk.facts(&second.join(&ready)).is_err());
    store.recover(&disk, FIRST);
    assert_eq!(store.calls(), 15);
}

/// Sabotage: `distribute_for_sure` that writes anew what it has taken away.
#[test]
fn an_adopter_may_die_at_any_operation_and_the_next_one_delivers_each_event_once() {
    for number in 1.. {
        let disk = ModelDisk::default();
        drop(writer(&disk, DEAD));
        let mut stores = [Store::default(), Store::default()];
        disk.fail(number, Fault::Always(ErrorKind::Other));
        let mut twice = 0;
        for (store, destination) in stores.iter_mut().zip(BOTH) {
            let queue = queue(&disk, destination);
            for sealed in queue.adopt(NOBODY, Guarantee::AtLeastOnce).unwrap_or_default() {
                if let Ok(Some(content)) = queue.read(sealed.name) {
                    store.take(&content.batch.events);
                    queue.release(sealed.name, true);
                    twice += 1;
                }
            }
        }
        let reached = disk.recover();
        disk.kill();
        for (store, destination) in stores.iter_mut().zip(BOTH) {
            store.recover(&disk, destination);
            assert_eq!((store.calls(), store.cost()), (15, cost_of(15)), "{destination} at {number}");
        }
        if !reached {
            assert_eq!(twice, 4);
            break;
        }
    }
}

/// Sabotage: `Project::lives` that ignores the lock.
#[test]
fn adopters_that_race_deliver_each_segment_once() {
    let home = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    for round in 1..20_u8 {
        let mut spool = Spool::open(Arc::clone(&disk), home.path(), header_of([round; 16], &[FIRST])).unwrap();
        for number in 0..5 {
            let mut segment = spool.segment().unwrap();
            segment.append(&frame_of([round; 16], number)).unwrap();
            if number < 4 {
                segment.seal().unwrap();
            }
        }
        let start = std::sync::Barrier::new(4);
        let (read, dead) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut spool = Some(spool);
        std::thread::scope(|scope| {
            for adopter in 0..3 {
                let (start, read, dead, disk) = (&start, &read, &dead, &disk);
                let home = home.path();
                scope.spawn(move || {
                    let queue = Queue::new(Arc::clone(disk), home, &header().origin.project, FIRST);
                    start.wait();
                    while read.load(Ordering::SeqCst) < 5 {
                        let was_dead = dead.load(Ordering::SeqCst) == 1;
                        for sealed in queue.adopt([adopter + 100; 16], Guarantee::AtLeastOnce).unwrap() {
                            let content = queue.read(sealed.name).unwrap().unwrap();
                            assert!(was_dead || dead.load(Ordering::SeqCst) == 1, "taken from the living");
                            read.fetch_add(content.batch.events.len(), Ordering::SeqCst);
                            queue.release(sealed.name, true);
                        }
                    }
                });
            }
            start.wait();
            dead.store(1, Ordering::SeqCst);
            spool.take();
        });
        assert_eq!(read.load(Ordering::SeqCst), 5);
    }
}

/// What a process of version 0.1 left: sealed or not, it lies in the project's folder and names no destination.
#[test]
fn segments_of_the_first_version_go_to_the_ledger() {
    let disk = ModelDisk::default();
    drop(writer(&disk, DEAD));
    let folder = super::scene::folder(FIRST).parent().unwrap().to_owned();
    for (number, extension) in [(7, "open"), (8, "ready"), (9, "new")] {
        let mut bytes = Vec::new();
        let named = header_of([9; 16], &[]);
        assert!(crate::spool::frame::write(&mut bytes, crate::spool::frame::KIND_HEADER, |out| {
            crate::spool::header::encode(&named, out);
        }));
        bytes.extend(frame_of([9; 16], number));
        let file = disk.create(&folder.join(format!("{}-{number:08}.{extension}", "09".repeat(16)))).unwrap();
        file.write_at(&bytes, 0).unwrap();
    }
    let locked = disk.open(&folder.join(format!("{}-00000007.open", "09".repeat(16)))).unwrap();
    assert!(locked.try_lock(crate::spool::disk::Lock::Alone).unwrap());
    let mut store = Store::default();
    store.recover(&disk, "ledger");
    assert_eq!(store.ids().iter().map(|id| id.counter).collect::<Vec<_>>(), [8], "the other one is being written");
    drop(locked);
    store.recover(&disk, "ledger");
    assert_eq!(store.ids().iter().map(|id| id.counter).collect::<Vec<_>>(), [7, 8]);
    assert!(!disk.list(&folder).unwrap().iter().any(|name| name.starts_with("0909")));
}

/// Sabotage: `read` that does not let go of what it does not know.
#[test]
fn what_a_newer_llmlab_wrote_is_left_to_one() {
    let disk = ModelDisk::default();
    open(&disk, LIVING, &BOTH).unwrap().close();
    let mut bytes = Vec::new();
    assert!(crate::spool::frame::write(&mut bytes, crate::spool::frame::KIND_HEADER, |out| out.extend([2, 99])));
    bytes.extend(frame_of(DEAD, 1));
    let path = super::scene::folder(FIRST).join(format!("{}-00000000.ready", "02".repeat(16)));
    disk.create(&path).unwrap().write_at(&bytes, 0).unwrap();
    let (old, new) = (queue(&disk, FIRST), queue(&disk, FIRST));
    let [sealed] = old.adopt(NOBODY, Guarantee::AtLeastOnce).unwrap()[..] else { panic!("one is there") };
    assert_eq!(old.read(sealed.name).unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(old.adopt(NOBODY, Guarantee::AtLeastOnce).unwrap(), [], "it is not offered again");
    assert_eq!(new.adopt(NOBODY, Guarantee::AtLeastOnce).unwrap(), [sealed]);
    assert_eq!(disk.open(&path).unwrap().read(u64::MAX).unwrap(), bytes);
}

#[test]
fn processes_agree_when_to_try_a_destination_again() {
    let home = tempfile::tempdir().unwrap();
    let queue = |destination| Queue::new(Arc::new(RealDisk), home.path(), "shop", destination);
    drop(Spool::open(Arc::new(RealDisk), home.path(), {
        let origin = crate::event::Origin { project: "shop".into(), ..Default::default() };
        crate::spool::Header { origin: Arc::new(origin), ..header_of(LIVING, &BOTH) }
    }));
    let moment = 1_790_000_000_123_456_789;
    assert_eq!(queue(FIRST).held_until(), 0);
    queue(FIRST).hold_until(moment).unwrap();
    assert_eq!((queue(FIRST).held_until(), queue(SECOND).held_until()), (moment, 0));
    queue(FIRST).hold_until(5).unwrap();
    assert_eq!(queue(FIRST).held_until(), 5);
}

#[test]
fn an_event_that_is_never_taken_is_a_line_with_its_reason() {
    let disk = ModelDisk::default();
    let spool = writer(&disk, LIVING);
    let queue = queue(&disk, FIRST);
    let event = super::scene::event_of(LIVING, 3);
    queue.bury(&event, "no such model", 1_790_000_000_000_000_000).unwrap();
    // The append is made of several operations here; its write comes after the looking up.
    disk.fail(5, Fault::Short(10));
    assert!(queue.bury(&event, "cut short", 0).is_err());
    queue.bury(&event, "again", 0).unwrap();
    let bytes = disk.open(&super::scene::folder(FIRST).join("dead.jsonl")).unwrap().read(u64::MAX).unwrap();
    let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(crate::spool::queue::dead::count(&bytes), (2, 10));
    let line: serde_json::Value = serde_json::from_slice(lines[0]).unwrap();
    assert_eq!((line["reason"].as_str(), line["at"].as_str()), (Some("no such model"), Some("2026-09-21T14:13:20Z")));
    assert_eq!(line["event"]["id"], event.id.to_string());
    drop(spool);
}
