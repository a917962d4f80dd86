//! Disks that are slow, full, and well again.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};

use super::kit::{Kit, LONG, Mood, Server, settings, until};
use crate::clock::{Clock, SystemClock};
use crate::error::Result;
use crate::outbox::{Durability, Kept};
use crate::sink::Guarantee;
use crate::spool::{Disk, RealDisk};
use crate::spool::{DiskFile, Facts, FileLock as Lock};

/// A real disk with a gate before its writes.
#[derive(Clone, Default)]
struct Gate(Arc<Inside>);

#[derive(Default)]
struct Inside {
    closed: Mutex<bool>,
    changed: Condvar,
    is_full: Mutex<bool>,
    syncs: AtomicU64,
    waiting: AtomicU64,
}

impl Gate {
    fn close(&self, closed: bool) {
        *self.0.closed.lock() = closed;
        self.0.changed.notify_all();
    }

    fn fill(&self, is_full: bool) {
        *self.0.is_full.lock() = is_full;
    }

    fn pass(&self) -> io::Result<()> {
        let mut closed = self.0.closed.lock();
        self.0.waiting.fetch_add(1, Ordering::SeqCst);
        while *closed {
            self.0.changed.wait(&mut closed);
        }
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
        if *self.0.is_full.lock() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

struct GatedFile(Gate, Arc<dyn DiskFile>);

impl DiskFile for GatedFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.0.pass()?;
        self.1.write_at(bytes, offset)
    }
    fn read(&self, at_most: u64) -> io::Result<Vec<u8>> {
        self.1.read(at_most)
    }
    fn cut(&self, bytes: u64) -> io::Result<()> {
        self.1.cut(bytes)
    }
    fn sync(&self) -> io::Result<()> {
        self.0.0.syncs.fetch_add(1, Ordering::SeqCst);
        self.1.sync()
    }
    fn try_lock(&self, lock: Lock) -> io::Result<bool> {
        self.1.try_lock(lock)
    }
    fn unlock(&self) {
        self.1.unlock();
    }
    fn facts(&self) -> io::Result<Facts> {
        self.1.facts()
    }
    fn set_modified(&self, unix_ns: i64) -> io::Result<()> {
        self.1.set_modified(unix_ns)
    }
    fn is_at(&self, path: &Path) -> bool {
        self.1.is_at(path)
    }
}

impl Disk for Gate {
    fn make_home(&self, path: &Path) -> Result<()> {
        RealDisk.make_home(path)
    }
    fn make_folder(&self, path: &Path) -> Result<()> {
        RealDisk.make_folder(path)
    }
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(GatedFile(self.clone(), RealDisk.create(path)?)))
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        RealDisk.open(path)
    }
    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        RealDisk.append(path, bytes)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }
    fn link(&self, original: &Path, link: &Path) -> io::Result<()> {
        RealDisk.link(original, link)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_folder(path)
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        RealDisk.list(folder)
    }
    fn facts(&self, path: &Path) -> io::Result<Facts> {
        RealDisk.facts(path)
    }
}

fn kit(home: &Path, gate: &Gate, durability: Durability) -> (Kit, Server) {
    let server = Server::default();
    let mut settings = settings();
    settings.durability = durability;
    let outlets = vec![server.outlet(Guarantee::ExactlyOnce)];
    (Kit::with(home, settings, Arc::new(gate.clone()), outlets), server)
}

/// Moves the clock of the kit while it works: patience is measured on it.
fn with_time<T>(kit: &Kit, work: impl FnOnce() -> T) -> T {
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                kit.clock.advance_ns(1_000_000);
                std::thread::yield_now();
            }
        });
        let outcome = work();
        is_over.store(true, Ordering::SeqCst);
        outcome
    })
}

// Sabotage: a blocking lock in `intake_for`, a patience without an end.
#[test]
fn a_disk_that_hangs_holds_up_the_one_thread_that_writes_and_no_other() {
    let home = tempfile::tempdir().unwrap();
    let gate = Gate::default();
    let (kit, server) = kit(home.path(), &gate, Durability::Process);
    kit.post(10);
    kit.look();
    gate.close(true);
    std::thread::scope(|scope| {
        let stuck = scope.spawn(|| kit.post(1));
        until(|| gate.0.waiting.load(Ordering::SeqCst) > 0);
        let kept = with_time(&kit, || {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| kit.post(500))).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(kept.iter().all(|kept| *kept == Kept::Memory), "{kept:?}");
        assert_eq!((kit.books().in_memory, kit.books().spooled), (4_000, 10));
        assert!(!stuck.is_finished());
        gate.close(false);
        stuck.join().unwrap();
    });
    assert!(kit.outbox.flush(LONG).is_complete());
    assert_eq!((server.has(), kit.books().delivered), (4_011, 4_011));
}

// Sabotage: a failed write that moves the offset, a frame that is dropped with the error.
#[test]
fn a_full_disk_costs_no_event_that_the_memory_can_hold() {
    let home = tempfile::tempdir().unwrap();
    let gate = Gate::default();
    let (kit, server) = kit(home.path(), &gate, Durability::Process);
    kit.post(150);
    gate.fill(true);
    let kept = kit.post(2_000);
    assert!(kept.iter().all(|kept| *kept == Kept::Memory));
    let books = kit.books();
    assert_eq!((books.in_memory, books.dropped_total()), (2_000, 0));
    assert!(kit.outbox.take_warning().unwrap().contains("cannot be written"));
    let start = SystemClock.now();
    let many = kit.post(30_000);
    assert!(SystemClock.now().ns_since(start) < 60_000_000_000);
    let dropped = many.iter().filter(|kept| **kept == Kept::Dropped).count() as u64;
    let books = kit.books();
    assert_eq!(books.dropped, [("memory_full", dropped)]);
    assert!(books.in_memory >= 10_000, "{}", books.in_memory);
    gate.fill(false);
    kit.pass(2);
    until(|| kit.books().in_memory == 0);
    assert_eq!(kit.outbox.flush(LONG).pending, 0);
    assert_eq!((server.has(), kit.books().delivered), (32_150 - dropped, 32_150 - dropped));
    assert!(kit.post(1) == [Kept::Spooled]);
}

// Sabotage: numbers that begin anew with the spool, so that a new segment takes the name of one that waits.
#[test]
fn what_waits_outlives_a_spool_that_was_opened_anew() {
    let home = tempfile::tempdir().unwrap();
    let gate = Gate::default();
    let (kit, server) = kit(home.path(), &gate, Durability::Process);
    server.mood(Mood::Gone);
    kit.post(250);
    kit.look();
    gate.fill(true);
    // The first finds out with the segment that is open, the second when it begins another.
    for _ in 0..2 {
        kit.post(1);
        kit.pass(2);
    }
    gate.fill(false);
    kit.pass(2);
    until(|| kit.books().in_memory == 0);
    kit.post(300);
    kit.look();
    server.mood(Mood::Stores);
    assert!(kit.outbox.flush(LONG).is_complete());
    assert_eq!((server.has(), kit.books().delivered), (552, 552));
}

// Sabotage: a commit that trusts the ticket of another segment; one that is never waited for.
#[test]
fn with_fsync_an_event_is_on_the_platter_when_post_returns() {
    let home = tempfile::tempdir().unwrap();
    let gate = Gate::default();
    let (kit, server) = kit(home.path(), &gate, Durability::Fsync);
    for _ in 0..3 {
        let before = gate.0.syncs.load(Ordering::SeqCst);
        assert_eq!(kit.post(1), [Kept::Spooled]);
        assert!(gate.0.syncs.load(Ordering::SeqCst) > before);
    }
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert!(kit.post(50).iter().all(|kept| *kept == Kept::Spooled)));
        }
    });
    assert!(kit.outbox.flush(LONG).is_complete());
    assert_eq!(server.has(), 403);
    kit.books();
}

// Sabotage: a sync with every event, or none.
#[test]
fn without_it_what_was_written_is_synced_within_five_seconds_and_once() {
    let home = tempfile::tempdir().unwrap();
    let gate = Gate::default();
    let (kit, _) = kit(home.path(), &gate, Durability::Process);
    kit.post(50);
    kit.look();
    assert_eq!(gate.0.syncs.load(Ordering::SeqCst), 0);
    kit.pass(4);
    assert_eq!(gate.0.syncs.load(Ordering::SeqCst), 0);
    kit.pass(2);
    assert_eq!(gate.0.syncs.load(Ordering::SeqCst), 1);
    kit.pass(100);
    assert_eq!(gate.0.syncs.load(Ordering::SeqCst), 1);
}
