//! Sabotage that turns these red: in `reprice`, leave `rollups.remove` out; write the charge and not the rollups; compare
//! the version as well, so that a second run changes something.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::event::{Attribution, MatchedBy};
use crate::fold::fold;
use crate::ledger::Key;
use crate::money::Money;
use crate::sink::Batch;
use crate::spool::testing::{any_project, call, dear, header};
use proptest::prelude::*;

fn ledger_of(events: Vec<Event>) -> Ledger {
    let mut ledger = Ledger::read(Path::new("/nowhere/ledger.db")).unwrap();
    ledger.ingest(&[Batch { id: "b".into(), origin: header().origin, events }]).unwrap();
    ledger
}

fn charged(total: Option<&str>) -> Charge {
    Charge {
        total: total.map(|text| text.parse().unwrap()),
        state: if total.is_some() { CostState::Priced } else { CostState::Unpriced },
        source: CostSource::Catalogue,
        catalogue_version: 7,
        matched_by: Some(MatchedBy::Override),
    }
}

/// By the input tokens, so that every call has a price of its own; some have none.
fn by_input(call: &Call, _: Status, unix_ns: i64) -> Charge {
    let input = i128::from(call.usage.count(crate::usage::Dimension::Input) % 1_000_000_007);
    let total = Money::from_atto(input * 1_000_000_007 + i128::from(unix_ns % 1_000));
    match input % 4 {
        0 => charged(None),
        1 => Charge { state: CostState::Estimated, total: Some(total), ..charged(None) },
        _ => Charge { state: CostState::Priced, total: Some(total), ..charged(None) },
    }
}

fn sorted(ledger: &mut Ledger, axes: &[GroupBy]) -> Vec<(Key, Totals)> {
    let mut totals = ledger.totals(&Filter::default(), axes).unwrap();
    totals.sort_by_key(|(key, _)| format!("{key:?}"));
    // A dimension that is used no more in a group stays there, with 0.
    for (_, totals) in &mut totals {
        totals.usage = crate::usage::Usage::new();
    }
    totals
}

fn events(ledger: &mut Ledger) -> Vec<Event> {
    let mut events = Vec::new();
    ledger
        .for_each_event(&Filter::default(), &mut |event| {
            events.push(event);
            Ok(())
        })
        .unwrap();
    events
}

proptest! {
    #![proptest_config(dear(48))]
    #[test]
    fn rollups_stay_the_sum_of_the_events_and_facts_stay_what_they_are(project in any_project(), slice in 1_usize..20) {
        let mut ledger = ledger_of(project);
        let before = events(&mut ledger);
        let Ledger { connection, words, .. } = &mut ledger;
        let first = reprice(connection, words, &Repricing::default(), &by_input, slice).unwrap();
        let axes = [GroupBy::Hour, GroupBy::Provider, GroupBy::Model, GroupBy::Feature, GroupBy::State];
        let in_detail: Vec<_> = axes.into_iter().chain([GroupBy::User]).collect();
        let mut by_user = sorted(&mut ledger, &in_detail);
        let mut merged = BTreeMap::new();
        for (key, totals) in by_user.drain(..) {
            let key = Key(key.0.into_iter().filter(|(axis, _)| *axis != GroupBy::User).collect());
            merged.entry(format!("{key:?}")).or_insert_with(Totals::default).add(&totals);
        }
        let fast: BTreeMap<_, _> =
            sorted(&mut ledger, &axes).into_iter().map(|(key, totals)| (format!("{key:?}"), totals)).collect();
        prop_assert_eq!(fast, merged);
        let after = events(&mut ledger);
        for (old, new) in before.iter().zip(&after) {
            prop_assert_eq!((&old.id, &old.facts, &old.attribution), (&new.id, &new.facts, &new.attribution));
            match (&new.facts.subject, old.charge) {
                (Subject::Call(_), Some(charge)) if is_stated(charge.source) => prop_assert_eq!(new.charge, old.charge),
                (Subject::Call(call), _) => {
                    let expected = by_input(call, new.facts.status, new.facts.unix_ns);
                    prop_assert_eq!(new.charge.map(|charge| (charge.total, charge.state)), Some((expected.total, expected.state)));
                }
                _ => prop_assert_eq!(new.charge, old.charge),
            }
        }
        let Ledger { connection, words, .. } = &mut ledger;
        let second = reprice(connection, words, &Repricing::default(), &by_input, slice).unwrap();
        prop_assert_eq!((second.changed, second.calls), (0, first.calls));
        prop_assert_eq!(events(&mut ledger), after);
    }
}

#[test]
fn a_dry_run_says_what_would_change_and_changes_nothing() {
    let mut ledger = ledger_of((0..5).map(call).collect());
    let (before, totals) = (events(&mut ledger), sorted(&mut ledger, &[]));
    let double = |_: &Call, _: Status, _: i64| charged(Some("0.023247"));
    let dry = Repricing { is_dry_run: true, ..Repricing::default() };
    let told = ledger.reprice(&dry, &double).unwrap();
    assert_eq!((told.calls, told.changed, told.kept, told.beyond_reach), (5, 5, 0, 0));
    let [model] = &told.models[..] else { panic!("one model: {told:?}") };
    assert_eq!((model.old.cost.to_string(), model.new.cost.to_string()), ("0.0581175".into(), "0.116235".into()));
    assert_eq!((events(&mut ledger), sorted(&mut ledger, &[])), (before, totals));
    let done = ledger.reprice(&Repricing::default(), &double).unwrap();
    assert_eq!(done, told);
    assert_eq!(sorted(&mut ledger, &[])[0].1.cost.to_string(), "0.116235");
    let charge = events(&mut ledger)[0].charge.unwrap();
    assert_eq!((charge.catalogue_version, charge.matched_by), (7, Some(MatchedBy::Override)));
}

#[test]
fn what_the_provider_stated_and_the_host_gave_is_kept() {
    let stated = |counter, source| {
        let mut event = call(counter);
        event.charge.as_mut().unwrap().source = source;
        event
    };
    let mut ledger = ledger_of(vec![stated(0, CostSource::Provider), stated(1, CostSource::Host), call(2)]);
    let free = |_: &Call, _: Status, _: i64| charged(Some("0"));
    let repriced = ledger.reprice(&Repricing::default(), &free).unwrap();
    assert_eq!((repriced.calls, repriced.kept, repriced.changed), (3, 2, 1));
    assert_eq!(sorted(&mut ledger, &[])[0].1.cost.to_string(), "0.023247");
}

#[test]
fn only_what_is_asked_for_is_charged_anew() {
    let other = |counter| {
        let mut event = call(counter);
        let Subject::Call(call) = &mut event.facts.subject else { panic!("a call") };
        (call.provider, call.model) = (Some("groq".into()), Some("llama".into()));
        event
    };
    let free = |_: &Call, _: Status, _: i64| charged(Some("0"));
    let all = Repricing::default();
    let at = call(1).facts.unix_ns;
    for (repricing, changed) in [
        (Repricing { provider: Some("groq".into()), ..all.clone() }, 2),
        (Repricing { model: Some("llama".into()), ..all.clone() }, 2),
        (Repricing { model: Some("gpt-5".into()), ..all.clone() }, 4),
        (Repricing { filter: Filter { project: Some("other".into()), ..Filter::default() }, ..all.clone() }, 0),
        (Repricing { filter: Filter { since_ns: Some(at), ..Filter::default() }, ..all.clone() }, 3),
        (Repricing { filter: Filter { until_ns: Some(at), ..Filter::default() }, ..all.clone() }, 1),
    ] {
        let mut ledger = ledger_of(vec![call(0), call(1), other(2), other(3)]);
        assert_eq!(ledger.reprice(&repricing, &free).unwrap().changed, changed, "{repricing:?}");
    }
}

#[test]
fn what_is_pruned_or_folded_is_said_to_be_beyond_reach() {
    let old: Vec<Event> = (0..3).map(call).collect();
    let mut ids = 90..;
    let folded = fold(&(10..14).map(call).collect::<Vec<_>>(), &header().origin, || call(ids.next().unwrap()).id);
    let new = |counter| {
        let mut event = call(counter);
        event.facts.unix_ns += 10 * crate::ledger::HOUR_NS;
        event
    };
    let mut ledger = ledger_of([old, folded, vec![new(20), new(21)]].concat());
    ledger.prune(new(20).facts.unix_ns).unwrap();
    let before = sorted(&mut ledger, &[]);
    let free = |_: &Call, _: Status, _: i64| charged(Some("0"));
    let repriced = ledger.reprice(&Repricing::default(), &free).unwrap();
    assert_eq!((repriced.calls, repriced.changed, repriced.beyond_reach), (2, 2, 7));
    let lost = before[0].1.cost - sorted(&mut ledger, &[])[0].1.cost;
    assert_eq!(lost.to_string(), "0.023247");
}

#[test]
fn an_unpriced_call_becomes_a_priced_one_in_every_total() {
    let mut event = call(0);
    event.charge = Some(charged(None));
    event.attribution = Arc::new(Attribution::default());
    let mut ledger = ledger_of(vec![event, call(1)]);
    assert_eq!(sorted(&mut ledger, &[])[0].1.unpriced, 1);
    ledger.reprice(&Repricing::default(), &|_, _, _| charged(Some("0.5"))).unwrap();
    for axis in [GroupBy::Project, GroupBy::User] {
        let totals = sorted(&mut ledger, &[axis]);
        let sum = |of: fn(&Totals) -> u64| totals.iter().map(|(_, totals)| of(totals)).sum::<u64>();
        assert_eq!((sum(|totals| totals.priced), sum(|totals| totals.unpriced)), (2, 0), "{axis:?}");
        assert_eq!(totals.iter().map(|(_, totals)| totals.cost).sum::<Money>().to_string(), "1");
    }
}

#[test]
fn others_may_record_meanwhile_and_an_interruption_leaves_the_books_balanced() {
    let home = tempfile::tempdir().unwrap();
    let path = Ledger::path_in(home.path());
    let mut ledger = Ledger::open(&path).unwrap();
    let batch = |events| [Batch { id: "b".into(), origin: header().origin, events }];
    ledger.ingest(&batch((0..10).map(call).collect())).unwrap();
    // Between two slices another connection writes; at the last one the process dies, which is a rollback.
    let priced = std::cell::Cell::new(0);
    let price = |_: &Call, _: Status, _: i64| {
        priced.set(priced.get() + 1);
        assert!(priced.get() <= 7, "the process dies here");
        charged(Some("1"))
    };
    let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let Ledger { connection, words, .. } = &mut ledger;
        reprice(connection, words, &Repricing::default(), &price, 3)
    }));
    assert!(died.is_err());
    drop(ledger);
    let mut other = Ledger::open(&path).unwrap();
    other.ingest(&batch((10..12).map(call).collect())).unwrap();
    let books = |ledger: &mut Ledger| {
        let by_event: Money = events(ledger).iter().filter_map(|event| event.charge?.total).sum();
        (by_event.to_string(), ledger.totals(&Filter::default(), &[]).unwrap()[0].1.cost.to_string())
    };
    // Six at a dollar, and six as they were.
    assert_eq!(books(&mut other), ("6.069741".to_owned(), "6.069741".to_owned()));
    let rest = other.reprice(&Repricing::default(), &|_, _, _| charged(Some("1"))).unwrap();
    assert_eq!((rest.changed, books(&mut other)), (6, ("12".to_owned(), "12".to_owned())));
}

#[test]
fn a_writer_beside_it_loses_nothing_and_spoils_no_sum() {
    let home = tempfile::tempdir().unwrap();
    let path = Ledger::path_in(home.path());
    let mut ledger = Ledger::open(&path).unwrap();
    let batch = |events| [Batch { id: "b".into(), origin: header().origin, events }];
    ledger.ingest(&batch((0..20).map(call).collect())).unwrap();
    let dollar = |_: &Call, _: Status, _: i64| charged(Some("1"));
    let writer = {
        let path = path.clone();
        let write = move || {
            let mut ledger = Ledger::open(&path).unwrap();
            for counter in 20..60 {
                ledger
                    .ingest(&[Batch { id: "b".into(), origin: header().origin, events: vec![call(counter)] }])
                    .unwrap();
            }
        };
        std::thread::Builder::new().spawn(write).unwrap()
    };
    loop {
        let is_last = writer.is_finished();
        let Ledger { connection, words, .. } = &mut ledger;
        reprice(connection, words, &Repricing::default(), &dollar, 3).unwrap();
        let by_event = sorted(&mut ledger, &[GroupBy::User]);
        assert!(by_event[0].1.cost >= "20".parse().unwrap());
        if is_last {
            break;
        }
    }
    writer.join().unwrap();
    for axis in [GroupBy::Project, GroupBy::User] {
        let totals = sorted(&mut ledger, &[axis])[0].1;
        assert_eq!((totals.calls, totals.cost.to_string()), (60, "60".to_owned()), "{axis:?}");
    }
}
