//! Sums in the place of detail: exact, whenever the process or the power goes.

use std::io::ErrorKind;
use std::sync::Arc;

use super::scene::{
    FIRST, NOBODY, NONE, Store, chooser, cost_of, event_of, fold, fold_sparing, frame_of, header_of, open, queue,
};
use crate::event::{Event, Origin};
use crate::sink::Guarantee;
use crate::spool::testing::model::{Fault, Journal, ModelDisk};
use crate::spool::{Bounds, Disk, Header, Queue, Sealed, Spool, encode};

const WRITER: [u8; 16] = [7; 16];

/// So many segments of ten events.
fn segments(spool: &mut Spool, writer: [u8; 16], count: u64) -> Vec<Sealed> {
    let segment = |number| {
        let mut segment = spool.segment().unwrap();
        (0..10).for_each(|counter| segment.append(&frame_of(writer, number * 10 + counter)).unwrap());
        segment.sync_handle().sync().unwrap();
        segment.seal().unwrap()
    };
    (0..count).map(segment).collect()
}

fn scene(count: u64) -> (ModelDisk, Spool, Queue, Vec<Sealed>) {
    let disk = ModelDisk::default();
    let mut spool = open(&disk, WRITER, &[FIRST]).unwrap();
    let sealed = segments(&mut spool, WRITER, count);
    let queue = queue(&disk, FIRST);
    (disk, spool, queue, sealed)
}

fn read_all(queue: &Queue, segments: &[Sealed]) -> Store {
    let mut store = Store::default();
    for sealed in segments {
        store.take(&queue.read(sealed.name).unwrap().unwrap().batch.events);
    }
    store
}

#[test]
fn what_is_over_the_bound_is_summed_oldest_first_and_nothing_else() {
    let (_disk, mut spool, queue, sealed) = scene(16);
    let (count, total) = queue.sizes().unwrap();
    assert_eq!(count, 16);
    assert_eq!(fold(&queue, &mut spool, WRITER, Bounds { bytes: total, days: 30 }).unwrap(), []);
    let folded = fold(&queue, &mut spool, WRITER, Bounds { bytes: total - 1, days: 30 }).unwrap();
    assert_eq!(folded.len(), 1);
    // Down to seven eighths.
    let names: Vec<_> = folded[0].sources.iter().map(|(name, events)| (*name, *events)).collect();
    assert_eq!(names, sealed[..names.len()].iter().map(|sealed| (sealed.name, 10)).collect::<Vec<_>>());
    assert!((2..=3).contains(&names.len()), "{}", names.len());
    let mut left = vec![folded[0].sum];
    left.extend(&sealed[names.len()..]);
    let store = read_all(&queue, &left);
    assert_eq!((store.calls(), store.cost()), (160, cost_of(160)));
    assert!(queue.read(sealed[0].name).unwrap().is_none());
}

#[test]
fn what_is_too_old_is_summed_and_sums_are_summed_again() {
    let (_disk, mut spool, queue, _) = scene(3);
    let bounds = Bounds { bytes: u64::MAX, days: 0 };
    // The model's clock stands at its beginning: nothing is older than today, and all of it than no day at all.
    assert_eq!(fold(&queue, &mut spool, WRITER, bounds).unwrap(), []);
    let first = fold(&queue, &mut spool, WRITER, NONE).unwrap();
    assert_eq!(fold(&queue, &mut spool, WRITER, NONE).unwrap(), [], "a sum of itself is no gain");
    segments(&mut spool, WRITER, 1);
    let second = fold(&queue, &mut spool, WRITER, NONE).unwrap();
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_eq!(second[0].sources.len(), 2);
    assert_eq!(queue.sizes().unwrap().0, 1);
    assert_eq!(read_all(&queue, &[second[0].sum]).calls(), 40);
}

#[test]
fn environments_and_services_are_not_mixed() {
    let disk = ModelDisk::default();
    let queue = queue(&disk, FIRST);
    let mut spools = Vec::new();
    for (number, environment) in (1..).zip(["test", "production"]) {
        let origin =
            Arc::new(Origin { environment: Some(environment.into()), ..(*header_of(WRITER, &[]).origin).clone() });
        let header = Header { origin, ..header_of([number; 16], &[FIRST]) };
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let mut spool = Spool::open(shared, super::scene::HOME.as_ref(), header).unwrap();
        segments(&mut spool, [number; 16], 2);
        spools.push(spool);
    }
    drop(spools);
    assert_eq!(queue.adopt(WRITER, Guarantee::AtLeastOnce).unwrap().len(), 4);
    let mut spool = open(&disk, WRITER, &[FIRST]).unwrap();
    let folded = fold(&queue, &mut spool, WRITER, NONE).unwrap();
    let environment = |sum: &Sealed| queue.read(sum.name).unwrap().unwrap().batch.origin.environment.clone().unwrap();
    let mut environments: Vec<_> = folded.iter().map(|folded| environment(&folded.sum)).collect();
    environments.sort();
    assert_eq!(environments, ["production", "test"]);
}

/// Sabotage: `may_sum` and `fold_chunk` without the mark; `may_sum` without `spare`.
#[test]
fn what_somebody_may_have_already_is_never_summed() {
    let (disk, mut spool, queue, sealed) = scene(4);
    queue.doubt(sealed[0].name).unwrap();
    let in_flight = sealed[1].name;
    let folded = fold_sparing(&queue, &mut spool, WRITER, NONE, &|name| name == in_flight).unwrap();
    assert_eq!(folded[0].sources.iter().map(|(name, _)| *name).collect::<Vec<_>>(), [sealed[2].name, sealed[3].name]);
    // Somebody who knows ids reads the segments of the living, and holds on to them.
    let other = super::scene::queue(&disk, FIRST);
    segments(&mut spool, WRITER, 1);
    let found = other.adopt(NOBODY, Guarantee::ExactlyOnce).unwrap();
    assert_eq!(found.len(), 4);
    for sealed in &found {
        other.read(sealed.name).unwrap().unwrap();
    }
    assert_eq!(fold(&queue, &mut spool, WRITER, NONE).unwrap(), []);
}

/// One process folds so many times and delivers; at some operation something goes wrong, and perhaps it dies of it.
fn fold_and_deliver(spool: &mut Spool, queue: &Queue, sealed: &[Sealed], times: u64, store: &mut Store) {
    let mut waiting = sealed.to_vec();
    for _ in 0..times {
        for folded in fold(queue, spool, WRITER, NONE).unwrap_or_default() {
            waiting.retain(|sealed| folded.sources.iter().all(|(name, _)| *name != sealed.name));
            waiting.push(folded.sum);
        }
    }
    deliver(queue, &waiting, store);
}

fn deliver(queue: &Queue, segments: &[Sealed], store: &mut Store) {
    for sealed in segments {
        if let Ok(Some(content)) = queue.read(sealed.name) {
            store.take(&content.batch.events);
            queue.release(sealed.name, content.is_whole());
        }
    }
}

/// Sabotage: sums that list no sources; `remove` of sums that leaves their sources.
#[test]
fn a_fold_may_fail_or_die_at_any_operation_and_the_totals_are_exact() {
    let kinds = [ErrorKind::StorageFull, ErrorKind::PermissionDenied];
    let mut faults: Vec<_> = kinds.map(Fault::Once).to_vec();
    faults.extend(kinds.map(Fault::Always));
    faults.extend([Fault::Short(0), Fault::Short(300)]);
    for (fault, times) in faults.into_iter().flat_map(|fault| [(fault, 1), (fault, 2)]) {
        for number in 1.. {
            let (disk, mut spool, queue, sealed) = scene(3);
            disk.fail(number, fault);
            let mut store = Store::default();
            fold_and_deliver(&mut spool, &queue, &sealed, times, &mut store);
            let reached = disk.recover();
            drop((spool, queue));
            disk.kill();
            store.recover(&disk, FIRST);
            assert_eq!((store.calls(), store.cost()), (30, cost_of(30)), "{fault:?} at {number}");
            if !reached {
                break;
            }
        }
    }
}

/// Sabotage: `adopt` that does not look for sums; one that hands out sources that it could not remove.
#[test]
fn who_finds_half_a_fold_may_fail_at_any_operation_as_well() {
    for died_at in 1.. {
        let (disk, mut spool, queue, _) = scene(2);
        disk.fail(died_at, Fault::Always(ErrorKind::Other));
        let _ = fold(&queue, &mut spool, WRITER, NONE);
        let died = disk.recover();
        drop((spool, queue));
        for fault in [Fault::Once(ErrorKind::Other), Fault::Always(ErrorKind::Other)] {
            for number in 1.. {
                let disk = disk.after_power_loss(disk.log_len(), Journal::Ordered, &mut |of| of - 1);
                let queue = super::scene::queue(&disk, FIRST);
                let mut store = Store::default();
                disk.fail(number, fault);
                let adopted = queue.adopt(NOBODY, Guarantee::AtLeastOnce).unwrap_or_default();
                deliver(&queue, &adopted, &mut store);
                let reached = disk.recover();
                drop(queue);
                disk.kill();
                store.recover(&disk, FIRST);
                assert_eq!((store.calls(), store.cost()), (20, cost_of(20)), "{died_at}, {fault:?} at {number}");
                if !reached {
                    break;
                }
            }
        }
        if !died {
            break;
        }
    }
}

/// Sabotage: an error that ends every adoption; sums that are set aside at the first failure, or delivered after it.
#[test]
fn sums_that_stay_unreadable_are_kept_aside_and_hold_up_nothing_else_for_long() {
    let (disk, mut spool, queue, _) = scene(2);
    let sum = fold(&queue, &mut spool, WRITER, NONE).unwrap()[0].sum;
    segments(&mut spool, WRITER, 1);
    drop((spool, queue));
    disk.kill();
    let (queue, sums) = (super::scene::queue(&disk, FIRST), super::scene::folder(FIRST).join(sum.name.stem()));
    disk.spoil(&sums.with_extension("fold"));
    for _ in 0..3 {
        assert!(queue.adopt(NOBODY, Guarantee::AtLeastOnce).is_err(), "they may be readable again");
    }
    let mut looks = 0;
    let adopted = loop {
        looks += 1;
        assert!(looks < 20);
        if let Ok(adopted) = queue.adopt(NOBODY, Guarantee::AtLeastOnce) {
            break adopted;
        }
    };
    let mut store = Store::default();
    deliver(&queue, &adopted, &mut store);
    assert_eq!((store.calls(), store.cost()), (10, cost_of(10)));
    assert!(disk.facts(&sums.with_extension("kept")).is_ok());
}

/// Sabotage: `write_fold` without its sync; `remove_sources` without its first sync, and without its last.
#[test]
fn the_power_may_go_at_any_point_of_a_fold_that_failed_or_not_and_the_totals_are_exact() {
    let mut choose = chooser(1);
    for journal in [Journal::Ordered, Journal::None] {
        for number in 1.. {
            let (disk, mut spool, queue, sealed) = scene(3);
            // What was there before is on the platter.
            disk.sync_folder(&super::scene::folder(FIRST)).unwrap();
            let begun = disk.log_len();
            disk.fail(number, Fault::Once(ErrorKind::Other));
            let mut waiting = sealed;
            for folded in fold(&queue, &mut spool, WRITER, NONE).unwrap_or_default() {
                waiting.retain(|sealed| folded.sources.iter().all(|(name, _)| *name != sealed.name));
                waiting.push(folded.sum);
            }
            let failed = disk.recover();
            let folded_at = disk.log_len();
            let delivered = read_all(&queue, &waiting);
            for sealed in &waiting {
                queue.release(sealed.name, true);
            }
            let states = if failed { 8 } else { 128 };
            for (at, _) in (begun..=disk.log_len()).flat_map(|at| (0..states).map(move |state| (at, state))) {
                let after = disk.after_power_loss(at, journal, &mut choose);
                let mut store = if at > folded_at { delivered.clone() } else { Store::default() };
                store.recover(&after, FIRST);
                assert_eq!((store.calls(), store.cost()), (30, cost_of(30)), "{journal:?}, {number}, at {at}");
            }
            if !failed {
                break;
            }
        }
    }
}

#[test]
fn sums_of_too_many_things_for_one_file_become_several() {
    let disk = ModelDisk::default();
    let mut spool = open(&disk, WRITER, &[FIRST]).unwrap();
    let queue = queue(&disk, FIRST);
    let mut frame = Vec::new();
    for number in 0..12 {
        let mut segment = spool.segment().unwrap();
        for counter in 0..10 {
            let event = event_of(WRITER, number * 10 + counter);
            let user = Some(format!("{counter}-{number}-{}", "x".repeat(50_000)));
            let attribution = Arc::new(crate::event::Attribution { user, ..Default::default() });
            assert!(encode(&Event { attribution, ..event }, &mut frame));
            segment.append(&frame).unwrap();
        }
        segment.seal().unwrap();
    }
    let folded = fold(&queue, &mut spool, WRITER, NONE).unwrap();
    assert!(folded.len() > 1);
    let sums: Vec<_> = folded.iter().map(|folded| folded.sum).collect();
    assert_eq!(read_all(&queue, &sums).calls(), 120);
}
