use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::*;
use crate::event::{Attribution, Event, EventId};
use crate::ledger::{Filter, GroupBy, Totals};
use crate::sink::Batch;
use crate::spool::testing::{any_project, call, dear, header};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;

const FAST: [GroupBy; 6] =
    [GroupBy::Hour, GroupBy::Project, GroupBy::Provider, GroupBy::Model, GroupBy::Feature, GroupBy::State];

fn memory() -> Ledger {
    Ledger::read(Path::new("/nowhere/ledger.db")).unwrap()
}

fn batch(events: Vec<Event>) -> Batch {
    Batch { id: "b".into(), origin: header().origin, events }
}

type Groups = BTreeMap<Vec<Option<String>>, Totals>;

fn ask(ledger: &mut Ledger, filter: &Filter, axes: &[GroupBy]) -> Groups {
    let found = ledger.totals(filter, axes).unwrap();
    found.into_iter().map(|(key, totals)| (key.0.into_iter().map(|(_, value)| value).collect(), totals)).collect()
}

fn totals(ledger: &mut Ledger, axes: &[GroupBy]) -> Groups {
    ask(ledger, &Filter::default(), axes)
}

fn sum(groups: &Groups) -> Totals {
    groups.values().fold(Totals::default(), |mut sum, group| {
        sum.add(group);
        sum
    })
}

fn exported(ledger: &mut Ledger) -> Vec<EventId> {
    let mut ids = Vec::new();
    let each = &mut |event: Event| {
        ids.push(event.id);
        Ok(())
    };
    ledger.for_each_event(&Filter::default(), each).unwrap();
    ids
}

/// A call at an hour of the first day, by a user.
fn at(counter: u64, hour: i64, user: &str) -> Event {
    let mut event = call(counter);
    event.facts.unix_ns = hour * HOUR_NS + 1_800_000_000_000;
    event.attribution = Arc::new(Attribution { user: Some(user.into()), ..Attribution::default() });
    event
}

proptest! {
    #![proptest_config(dear(64))]
    #[test]
    fn pruning_changes_no_total_and_is_remembered(
        events in any_project(),
        cuts in vec(0..220_i64, 1..4),
        slice in 1..20_usize,
        late: prop::sample::Index,
    ) {
        let mut ledger = memory();
        let (late, early): (Vec<Event>, Vec<Event>) =
            events.iter().cloned().partition(|event| event.id.counter % 7 == late.index(7) as u64);
        ledger.ingest(&[batch(early.clone())]).unwrap();
        let before = totals(&mut ledger, &FAST);
        let users = totals(&mut ledger, &[GroupBy::User]);
        let mut horizon = i64::MIN;
        for cut in &cuts {
            let cut = start_of_hour(call(0).facts.unix_ns + cut * HOUR_NS);
            let expected = ledger.prunable(cut).unwrap().events;
            prop_assert_eq!(prune(&mut ledger.connection, cut, slice).unwrap().events, expected);
            if expected > 0 {
                horizon = horizon.max(cut);
            }
        }
        prop_assert_eq!(ledger.detail_since().unwrap().unwrap_or(i64::MIN), horizon);
        prop_assert_eq!(&totals(&mut ledger, &FAST), &before);
        prop_assert_eq!(sum(&totals(&mut ledger, &[GroupBy::User])), sum(&users));

        let kept: BTreeSet<_> = exported(&mut ledger).into_iter().collect();
        let expected = early.iter().filter(|event| event.facts.unix_ns >= horizon).map(|event| event.id).collect();
        prop_assert_eq!(kept, expected);

        let again = ledger.ingest(&[batch(early.clone())]).unwrap();
        prop_assert_eq!((again[0].stored, again[0].duplicates), (0, early.len() as u64));
        prop_assert_eq!(&totals(&mut ledger, &FAST), &before);
        let first = ledger.ingest(&[batch(late.clone())]).unwrap();
        prop_assert_eq!(first[0].stored, late.len() as u64, "what never came is no duplicate, however late it comes");
        let mut whole = memory();
        whole.ingest(&[batch(events)]).unwrap();
        prop_assert_eq!(totals(&mut ledger, &FAST), totals(&mut whole, &FAST));
    }
}

#[test]
fn what_was_pruned_is_nobodys_and_the_rest_keeps_its_user() {
    let mut ledger = memory();
    ledger.ingest(&[batch(vec![at(0, 1, "ann"), at(1, 5, "ann"), at(2, 6, "bob")])]).unwrap();
    assert_eq!(ledger.prune(5 * HOUR_NS + 1).unwrap(), Pruned { events: 1, before_ns: 5 * HOUR_NS });
    let by_user = totals(&mut ledger, &[GroupBy::User]);
    let calls: Vec<_> = by_user.iter().map(|(key, totals)| (key[0].as_deref(), totals.calls)).collect();
    assert_eq!(calls, [(None, 1), (Some("ann"), 1), (Some("bob"), 1)]);
    let ours = Filter { run_id: Some("run-1".into()), ..Filter::default() };
    assert_eq!(ask(&mut ledger, &ours, &[])[&vec![]].calls, 2, "a run lacks what was pruned of it");
}

#[test]
fn an_hour_without_detail_belongs_to_the_period_in_which_it_begins() {
    let mut ledger = memory();
    ledger.ingest(&[batch((0..10).map(|hour| at(hour, hour.cast_signed(), "ann")).collect())]).unwrap();
    ledger.prune(5 * HOUR_NS).unwrap();
    let half = HOUR_NS / 2;
    let mut count = |since: i64, until: i64| {
        let filter = Filter { since_ns: Some(since), until_ns: Some(until), ..Filter::default() };
        [vec![], vec![GroupBy::User]]
            .map(|axes| ask(&mut ledger, &filter, &axes).values().map(|of| of.calls).sum::<u64>())
    };
    assert_eq!(count(0, 3 * HOUR_NS + half), [4, 4]);
    assert_eq!(count(3 * HOUR_NS + half, 10 * HOUR_NS), [6, 6], "two periods are together what they are as one");
    assert_eq!(count(3 * HOUR_NS + half, 7 * HOUR_NS + half), [3, 3]);
    assert_eq!(count(7 * HOUR_NS + half, 10 * HOUR_NS), [3, 3]);
    assert_eq!(count(HOUR_NS, 2 * HOUR_NS), [1, 1]);
}

#[test]
fn a_writer_leaves_one_range_behind_however_often_it_is_pruned() {
    let mut ledger = memory();
    ledger.ingest(&[batch((0..100).map(|hour| at(hour, hour.cast_signed(), "ann")).collect())]).unwrap();
    for hour in [10, 11, 50, 90] {
        prune(&mut ledger.connection, hour * HOUR_NS, 7).unwrap();
    }
    let ranges: Vec<(i64, i64)> = ledger
        .connection
        .prepare("SELECT first & 4294967295, last & 4294967295 FROM pruned")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<SqliteResult<_>>()
        .unwrap();
    assert_eq!(ranges, [(0, 89)]);
}

#[test]
fn pruning_where_nothing_is_old_changes_nothing() {
    let mut ledger = memory();
    ledger.ingest(&[batch(vec![at(0, 9, "ann")])]).unwrap();
    assert_eq!(ledger.prune(9 * HOUR_NS + 1).unwrap(), Pruned { events: 0, before_ns: 9 * HOUR_NS });
    assert_eq!(ledger.detail_since().unwrap(), None);
}

#[test]
fn others_may_deliver_twice_while_it_is_pruned() {
    const EVENTS: u64 = 2_000;
    let home = tempfile::tempdir().unwrap();
    let path = Ledger::path_in(home.path());
    let open = || Ledger::open(&path).unwrap();
    let events: Vec<_> = (0..EVENTS).map(|number| at(number, (number / 20).cast_signed(), "ann")).collect();
    let deliver = || {
        let mut ledger = open();
        let receipts = events.chunks(50).map(|chunk| ledger.ingest(&[batch(chunk.to_vec())]).unwrap()[0].stored);
        receipts.sum::<u64>()
    };
    let mut ledger = open();
    let (stored, removed) = std::thread::scope(|scope| {
        let deliverers = [scope.spawn(deliver), scope.spawn(deliver)];
        let mut removed = 0;
        for hour in (0..=100).cycle() {
            removed += prune(&mut ledger.connection, hour * HOUR_NS, 7).unwrap().events;
            if deliverers.iter().all(std::thread::ScopedJoinHandle::is_finished) && hour == 100 {
                break;
            }
        }
        (deliverers.map(|deliverer| deliverer.join().unwrap()).iter().sum::<u64>(), removed)
    });
    assert_eq!((stored, removed), (EVENTS, EVENTS));
    assert_eq!((deliver(), totals(&mut ledger, &[])[&vec![]].calls), (0, EVENTS));
}
