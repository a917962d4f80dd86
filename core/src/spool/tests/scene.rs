//! A writer with two destinations, and what became of its events.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::event::{Event, EventId, Tally};
use crate::money::Money;
use crate::sink::Guarantee;
use crate::spool::testing::model::ModelDisk;
use crate::spool::testing::{call, header};
use crate::spool::{Bounds, Disk, Folded, Folding, Header, Queue, SegmentName, Spool, encode};

pub(super) const HOME: &str = "/home/.llmlab";
pub(super) const FIRST: &str = "first";
pub(super) const SECOND: &str = "second";
pub(super) const BOTH: [&str; 2] = [FIRST, SECOND];
pub(super) const NOBODY: [u8; 16] = [0; 16];

pub(super) fn header_of(writer: [u8; 16], destinations: &[&str]) -> Header {
    Header { writer, destinations: destinations.iter().map(ToString::to_string).collect(), ..header() }
}

pub(super) fn event_of(writer: [u8; 16], counter: u64) -> Event {
    Event { id: EventId { writer, counter }, ..call(counter) }
}

pub(super) fn frame_of(writer: [u8; 16], counter: u64) -> Vec<u8> {
    let mut frame = Vec::new();
    assert!(encode(&event_of(writer, counter), &mut frame));
    frame
}

pub(super) fn open(disk: &ModelDisk, writer: [u8; 16], destinations: &[&str]) -> crate::error::Result<Spool> {
    Spool::open(Arc::new(disk.clone()), Path::new(HOME), header_of(writer, destinations))
}

pub(super) fn queue(disk: &ModelDisk, destination: &str) -> Queue {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Queue::new(disk, Path::new(HOME), &header().origin.project, destination)
}

/// What a destination has, told apart by id: a second delivery changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Store(BTreeMap<EventId, (Tally, Option<Money>)>);

impl Store {
    pub(super) fn take(&mut self, events: &[Event]) {
        let entry = |event: &Event| (event.id, (event.facts.tally(), event.charge.and_then(|charge| charge.total)));
        self.0.extend(events.iter().map(entry));
    }

    pub(super) fn calls(&self) -> u64 {
        self.0.values().map(|(tally, _)| tally.calls).sum()
    }

    pub(super) fn cost(&self) -> Money {
        self.0.values().filter_map(|(_, cost)| *cost).sum()
    }

    pub(super) fn ids(&self) -> BTreeSet<EventId> {
        self.0.keys().copied().collect()
    }

    /// Delivers all that a process finds which starts now.
    pub(super) fn recover(&mut self, disk: &ModelDisk, destination: &str) {
        let queue = queue(disk, destination);
        for sealed in queue.adopt(NOBODY, Guarantee::AtLeastOnce).unwrap() {
            if let Some(content) = queue.read(sealed.name).unwrap() {
                self.take(&content.batch.events);
                queue.release(sealed.name, content.is_whole());
            }
        }
    }
}

/// What so many of [`call`] cost.
pub(super) fn cost_of(calls: u64) -> Money {
    (0..calls).filter_map(|counter| call(counter).charge?.total).sum()
}

/// Folds what is over the bounds, as an engine does.
pub(super) fn fold(queue: &Queue, spool: &mut Spool, writer: [u8; 16], bounds: Bounds) -> std::io::Result<Vec<Folded>> {
    fold_sparing(queue, spool, writer, bounds, &|_| false)
}

pub(super) fn fold_sparing(
    queue: &Queue,
    spool: &mut Spool,
    writer: [u8; 16],
    bounds: Bounds,
    spare: &dyn Fn(SegmentName) -> bool,
) -> std::io::Result<Vec<Folded>> {
    static NEXT: AtomicU64 = AtomicU64::new(1 << 40);
    let mut next_name = || spool.next_name();
    // Apart from those of the events, which count from 0.
    let mut next_id = || EventId { writer, counter: NEXT.fetch_add(1, Ordering::Relaxed) };
    queue.fold(&mut Folding { bounds, now_unix_ns: 0, writer, next_name: &mut next_name, next_id: &mut next_id, spare })
}

/// Nothing may stay.
pub(super) const NONE: Bounds = Bounds { bytes: 0, days: 30 };

/// Where a destination's segments wait.
pub(super) fn folder(destination: &str) -> std::path::PathBuf {
    let project = crate::spool::name::folder_of(&header().origin.project);
    Path::new(HOME).join("spool").join(project).join(destination)
}

/// A small generator: which of the legal states is looked at.
pub(super) fn chooser(mut seed: u64) -> impl FnMut(usize) -> usize {
    move |of| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % of
    }
}
