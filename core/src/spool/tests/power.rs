//! The power goes at any moment: what was synced is there, whatever the file system kept of the rest.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::scene::{BOTH, Store, chooser, event_of, frame_of, open, queue};
use crate::event::EventId;
use crate::spool::testing::model::{Journal, ModelDisk};
use crate::spool::{Queue, Sealed, Segment, SegmentName, Spool};

const WRITER: [u8; 16] = [7; 16];

#[derive(Clone, Copy, Debug)]
enum Action {
    Append,
    Sync,
    Seal,
    Deliver(usize),
}

fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => Just(Action::Append),
        2 => Just(Action::Sync),
        2 => Just(Action::Seal),
        2 => (0..2_usize).prop_map(Action::Deliver),
    ]
}

/// What one process does, and how much of the disk's log there was when it was sure of something.
struct Trace {
    disk: ModelDisk,
    journal: Journal,
    spool: Spool,
    queues: [Queue; 2],
    segment: Option<Segment>,
    waiting: [VecDeque<Sealed>; 2],
    in_segment: BTreeMap<SegmentName, Vec<u64>>,
    unsynced: Vec<u64>,
    current: Vec<u64>,
    next: u64,
    acknowledged_at: BTreeMap<u64, usize>,
    released_at: [BTreeMap<u64, usize>; 2],
}

impl Trace {
    fn new(journal: Journal) -> Self {
        let disk = ModelDisk::default();
        Self {
            spool: open(&disk, WRITER, &BOTH).unwrap(),
            queues: BOTH.map(|destination| queue(&disk, destination)),
            disk,
            journal,
            segment: None,
            waiting: Default::default(),
            in_segment: BTreeMap::new(),
            unsynced: Vec::new(),
            current: Vec::new(),
            next: 0,
            acknowledged_at: BTreeMap::new(),
            released_at: Default::default(),
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Append => {
                let segment = match &mut self.segment {
                    Some(segment) => segment,
                    none => none.insert(self.spool.segment().unwrap()),
                };
                segment.append(&frame_of(WRITER, self.next)).unwrap();
                self.unsynced.push(self.next);
                self.current.push(self.next);
                self.next += 1;
            }
            Action::Sync => {
                let Some(segment) = &self.segment else { return };
                segment.sync_handle().sync().unwrap();
                let at = self.disk.log_len();
                self.acknowledged_at.extend(self.unsynced.drain(..).map(|counter| (counter, at)));
            }
            Action::Seal => {
                let Some(segment) = self.segment.take() else { return };
                // Where names reach the platter in any order, the folders must be synced, which the host cannot wait for.
                let sealed = if self.journal == Journal::Ordered { segment.seal() } else { segment.end() };
                let sealed = sealed.unwrap();
                self.in_segment.insert(sealed.name, std::mem::take(&mut self.current));
                self.unsynced.clear();
                self.waiting.iter_mut().for_each(|waiting| waiting.push_back(sealed));
            }
            Action::Deliver(to) => {
                let Some(sealed) = self.waiting[to].pop_front() else { return };
                let content = self.queues[to].read(sealed.name).unwrap().unwrap();
                let counters: Vec<_> = content.batch.events.iter().map(|event| event.id.counter).collect();
                assert_eq!(counters, self.in_segment[&sealed.name]);
                let at = self.disk.log_len();
                self.released_at[to].extend(counters.into_iter().map(|counter| (counter, at)));
                self.queues[to].release(sealed.name, content.is_whole());
            }
        }
    }

    /// What must be found after the power went at some point of the log.
    fn must_have(&self, to: usize, at: usize) -> impl Iterator<Item = EventId> {
        let is_sure = move |(_, acknowledged_at): &(&u64, &usize)| **acknowledged_at <= at;
        let waits = move |counter: &u64| self.released_at[to].get(counter).is_none_or(|released_at| *released_at >= at);
        let sure = self.acknowledged_at.iter().filter(is_sure).map(|(counter, _)| *counter).filter(waits);
        sure.map(|counter| EventId { writer: WRITER, counter })
    }
}

fn check(actions: &[Action], journal: Journal, seed: u64) {
    let start = Trace::new(journal);
    let begun = start.disk.log_len();
    let mut trace = start;
    for action in actions {
        trace.act(*action);
    }
    let mut choose = chooser(seed);
    let end = trace.disk.log_len();
    for round in 0..24 {
        let at = if round == 0 { end } else { begun + choose(end - begun + 1) };
        let after = match round % 4 {
            // The least and the most that may be left, and two between.
            0 => trace.disk.after_power_loss(at, journal, &mut |_| 0),
            1 => trace.disk.after_power_loss(at, journal, &mut |of| of - 1),
            _ => trace.disk.after_power_loss(at, journal, &mut choose),
        };
        for (to, destination) in BOTH.iter().enumerate() {
            let mut store = Store::default();
            store.recover(&after, destination);
            let found = store.ids();
            for id in trace.must_have(to, at) {
                assert!(found.contains(&id), "{} is lost for {destination}: {actions:?}, at {at} of {end}", id.counter);
            }
            let calls: Vec<_> = found.iter().map(|id| event_of(WRITER, id.counter)).collect();
            let mut expected = Store::default();
            expected.take(&calls);
            assert_eq!(store, expected, "something was made up");
            let mut again = Store::default();
            again.recover(&after, destination);
            assert_eq!(again, Store::default(), "delivered for ever");
        }
    }
}

proptest! {
    /// Sabotage: `SyncHandle::sync` without the folder's sync; `distribute_for_sure` without that of the new names.
    #[test]
    fn with_fsync_a_synced_event_survives_whatever_the_file_system_keeps(
        actions in prop::collection::vec(any_action(), 1..40),
        seed: u64,
    ) {
        check(&actions, Journal::None, seed);
    }

    /// Sabotage: `distribute` that renames to the first destination before it links the others.
    #[test]
    fn without_fsync_a_synced_event_survives_on_a_journaling_file_system(
        actions in prop::collection::vec(any_action(), 1..40),
        seed: u64,
    ) {
        check(&actions, Journal::Ordered, seed);
    }
}
