//! Any operation of the disk fails, or the process dies at it: nothing that was acknowledged is lost, and nothing counted
//! twice.

use std::collections::{BTreeSet, VecDeque};
use std::io::ErrorKind;

use super::scene::{BOTH, FIRST, SECOND, Store, cost_of, fold, frame_of, open, queue};
use crate::event::EventId;
use crate::spool::testing::model::{Fault, ModelDisk};
use crate::spool::{Bounds, Queue, Sealed, Segment, Spool};

const WRITER: [u8; 16] = [7; 16];
const EVENTS: u64 = 30;

/// A process as the engine is one: what cannot be written waits in memory, what cannot be read is read later.
struct Host {
    disk: ModelDisk,
    spool: Option<Spool>,
    segment: Option<Segment>,
    memory: VecDeque<u64>,
    acknowledged: BTreeSet<u64>,
    queues: [Queue; 2],
    waiting: [VecDeque<Sealed>; 2],
    stores: [Store; 2],
}

impl Host {
    fn new(disk: &ModelDisk) -> Self {
        Self {
            disk: disk.clone(),
            spool: None,
            segment: None,
            memory: VecDeque::new(),
            acknowledged: BTreeSet::new(),
            queues: BOTH.map(|destination| queue(disk, destination)),
            waiting: Default::default(),
            stores: Default::default(),
        }
    }

    fn spool_memory(&mut self) {
        while let Some(&counter) = self.memory.front() {
            if self.spool.is_none() {
                self.spool = open(&self.disk, WRITER, &BOTH).ok();
            }
            let Some(spool) = &mut self.spool else { return };
            if self.segment.is_none() {
                self.segment = spool.segment().ok();
            }
            let Some(segment) = &mut self.segment else { return };
            if segment.append(&frame_of(WRITER, counter)).is_err() {
                self.seal();
                return;
            }
            self.memory.pop_front();
            self.acknowledged.insert(counter);
        }
    }

    fn seal(&mut self) {
        if let Some(sealed) = self.segment.take().and_then(Segment::seal) {
            self.waiting.iter_mut().for_each(|waiting| waiting.push_back(sealed));
        }
    }

    fn deliver(&mut self) {
        for to in 0..2 {
            let Some(sealed) = self.waiting[to].front() else { continue };
            let Ok(content) = self.queues[to].read(sealed.name) else { continue };
            if let Some(content) = content {
                self.stores[to].take(&content.batch.events);
                self.queues[to].release(sealed.name, content.is_whole());
            }
            self.waiting[to].pop_front();
        }
    }

    fn fold(&mut self) {
        let Some(spool) = &mut self.spool else { return };
        let bounds = Bounds { bytes: 2_000, days: 30 };
        for folded in fold(&self.queues[1], spool, WRITER, bounds).unwrap_or_default() {
            self.waiting[1].retain(|sealed| folded.sources.iter().all(|(name, _)| *name != sealed.name));
            self.waiting[1].push_back(folded.sum);
        }
    }

    fn live(&mut self) {
        for counter in 0..EVENTS {
            self.memory.push_back(counter);
            self.spool_memory();
            if counter % 5 == 4 {
                self.seal();
                if let Some(spool) = &mut self.spool {
                    let _ = spool.note_dropped(&[(2, counter)]);
                }
            }
            if counter % 13 == 12 {
                self.deliver();
            }
            if counter % 12 == 11 {
                self.fold();
            }
        }
    }

    fn finish(&mut self) {
        self.spool_memory();
        assert!(self.memory.is_empty());
        self.seal();
        while self.waiting.iter().any(|waiting| !waiting.is_empty()) {
            self.deliver();
        }
    }
}

const FAULTS: [Fault; 6] = [
    Fault::Once(ErrorKind::StorageFull),
    Fault::Once(ErrorKind::Other),
    Fault::Once(ErrorKind::QuotaExceeded),
    Fault::Once(ErrorKind::PermissionDenied),
    Fault::Short(0),
    Fault::Short(17),
];

/// Sabotage: `release` that neither remembers nor marks what it could not remove, so that it is summed; `finish_seal` left
/// out of `read`.
#[test]
fn any_operation_may_fail_once_and_every_event_arrives_once() {
    for fault in FAULTS {
        for number in 1.. {
            let disk = ModelDisk::default();
            disk.fail(number, fault);
            let mut host = Host::new(&disk);
            host.live();
            let reached = disk.recover();
            host.finish();
            for (store, destination) in host.stores.iter().zip(BOTH) {
                let what = format!("{destination}, {fault:?} at {number}");
                assert_eq!((store.calls(), store.cost()), (EVENTS, cost_of(EVENTS)), "{what}");
            }
            assert_eq!(host.stores[0].ids().len() as u64, EVENTS);
            drop(host);
            disk.kill();
            // Nothing is left but what could not be removed, and that is known.
            for (to, destination) in [(0, FIRST), (1, SECOND)] {
                let mut store = Store::default();
                store.recover(&disk, destination);
                assert!(store.ids().len() <= 6, "{destination} {to}");
            }
            if !reached {
                break;
            }
        }
    }
}

/// Sabotage: `seal` that takes the old name away before the links are made; sums that list no sources.
#[test]
fn a_process_may_die_at_any_operation_and_what_it_acknowledged_arrives_once() {
    for number in 1.. {
        let disk = ModelDisk::default();
        disk.fail(number, Fault::Always(ErrorKind::Other));
        let mut host = Host::new(&disk);
        host.live();
        let Host { acknowledged, stores, .. } = host;
        let reached = disk.recover();
        disk.kill();
        for (mut store, destination) in stores.into_iter().zip(BOTH) {
            store.recover(&disk, destination);
            let sure = acknowledged.len() as u64;
            assert_eq!((store.calls(), store.cost()), (sure, cost_of(sure)), "{destination}, dead at {number}");
        }
        if !reached {
            break;
        }
    }
}

/// Sabotage: `Segment::put` that moves its offset after a short write.
#[test]
fn a_write_that_was_cut_short_leaves_nothing_behind() {
    for written in [1, 12, 13, 60] {
        let disk = ModelDisk::default();
        let mut segment = open(&disk, WRITER, &[FIRST]).unwrap().segment().unwrap();
        segment.append(&frame_of(WRITER, 0)).unwrap();
        disk.fail(1, Fault::Short(written));
        assert_eq!(segment.append(&frame_of(WRITER, 1)).unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(segment.events(), 1);
        segment.append(&frame_of(WRITER, 2)).unwrap();
        let sealed = segment.seal().unwrap();
        let content = queue(&disk, FIRST).read(sealed.name).unwrap().unwrap();
        assert!(content.is_whole());
        assert_eq!(content.batch.events.iter().map(|event| event.id.counter).collect::<Vec<_>>(), [0, 2]);
    }
}

#[test]
fn the_disk_may_stay_full_for_as_long_as_it_likes() {
    let disk = ModelDisk::default();
    let mut host = Host::new(&disk);
    for (counter, number) in (0..EVENTS).zip(1..) {
        disk.fail(number, Fault::Always(ErrorKind::StorageFull));
        host.memory.push_back(counter);
        host.spool_memory();
        host.seal();
        host.deliver();
        disk.recover();
    }
    host.finish();
    for store in &host.stores {
        assert_eq!(store.ids(), (0..EVENTS).map(|counter| EventId { writer: WRITER, counter }).collect());
    }
}
