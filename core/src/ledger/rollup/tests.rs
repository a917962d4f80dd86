//! Rollup events in the ledger: folded or in detail, a project has the same totals.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::event::{Event, EventId, Rollup, Subject, Tally};
use crate::fold::fold;
use crate::ledger::{Filter, GroupBy, Ledger, Totals};
use crate::sink::{Batch, Receipt};
use crate::spool::testing::{any_event, any_project, call, dear, header};
use crate::usage::{Dimension, Usage};
use proptest::prelude::*;

fn ledger_of(events: Vec<Event>) -> Ledger {
    let mut ledger = Ledger::read(Path::new("/nowhere/ledger.db")).unwrap();
    let batch = Batch { id: "b".into(), origin: header().origin, events };
    ledger.ingest(&[batch]).unwrap();
    ledger
}

fn folded(events: &[Event]) -> Vec<Event> {
    let mut counter = 0;
    fold(events, &header().origin, || {
        counter += 1;
        EventId { writer: *b"a writer of fold", counter }
    })
}

fn totals(ledger: &mut Ledger, axes: &[GroupBy]) -> BTreeMap<Vec<Option<String>>, Totals> {
    let found = ledger.totals(&Filter::default(), axes).unwrap();
    found.into_iter().map(|(key, totals)| (key.0.into_iter().map(|(_, value)| value).collect(), totals)).collect()
}

proptest! {
    #![proptest_config(dear(64))]
    #[test]
    fn a_project_has_the_same_totals_folded_or_in_detail(events in any_project(), cut: prop::sample::Index) {
        let (old, new) = events.split_at(cut.index(events.len() + 1));
        let (mut detailed, mut partly) = (ledger_of(events.clone()), ledger_of([&folded(old), new].concat()));
        for axis in GroupBy::ALL.iter().filter(|axis| **axis != GroupBy::Hour && **axis != GroupBy::Session) {
            prop_assert_eq!(totals(&mut partly, &[*axis]), totals(&mut detailed, &[*axis]), "{:?}", axis);
        }
        let all = [GroupBy::Day, GroupBy::Provider, GroupBy::Model, GroupBy::Feature, GroupBy::State, GroupBy::User];
        prop_assert_eq!(totals(&mut partly, &all[..5]), totals(&mut detailed, &all[..5]), "from rollups");
        prop_assert_eq!(totals(&mut partly, &all), totals(&mut detailed, &all), "from events");
    }

    #[test]
    fn rollups_and_single_events_agree_on_any_rollup_event(event in any_event()) {
        let mut ledger = ledger_of(vec![Event { facts: crate::event::Facts { unix_ns: 1, ..event.facts }, ..event }]);
        let fast: Totals = totals(&mut ledger, &[]).remove(&vec![]).unwrap_or_default();
        let slow: Vec<Totals> = totals(&mut ledger, &[GroupBy::User]).into_values().collect();
        prop_assert_eq!(slow.first().copied().unwrap_or_default(), fast);
    }
}

#[test]
fn a_rollup_that_is_delivered_again_changes_nothing() {
    let rollups = folded(&(0..100).map(call).collect::<Vec<_>>());
    let mut ledger = ledger_of(rollups.clone());
    let batch = Batch { id: "b".into(), origin: header().origin, events: rollups };
    let receipts = ledger.ingest(&[batch]).unwrap();
    assert_eq!(receipts, [Receipt { stored: 0, duplicates: 1, ..Receipt::default() }]);
    let all = totals(&mut ledger, &[])[&vec![]];
    assert_eq!((all.calls, all.priced, all.cost.to_string()), (100, 100, "1.16235".into()));
}

#[test]
fn hostile_rollups_spoil_no_sum() {
    let hostile = |counter| {
        let mut event = call(counter);
        let rollup = Rollup {
            usage: Usage::new().with(Dimension::Input, u64::MAX),
            tally: Tally { calls: u64::MAX, failed_attempts: u64::MAX, steps: u64::MAX },
            ..Rollup::default()
        };
        event.facts.subject = Subject::Rollup(Box::new(rollup));
        event.origin = Arc::clone(&header().origin);
        event
    };
    let mut ledger = ledger_of((0..3).map(hostile).collect());
    for axes in [vec![], vec![GroupBy::User]] {
        let all: Vec<_> = totals(&mut ledger, &axes).into_values().collect();
        assert_eq!((all.len(), all[0].calls, all[0].usage.count(Dimension::Input)), (1, 3 << 56, 3 << 56));
    }
}
