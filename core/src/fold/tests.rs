//! Against sums that are made in another way: event by event, in wider integers, per key of interest.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::spool::testing::{WRITER, any_event, any_project, call, header};
use crate::usage::Dimension;
use proptest::collection::vec;
use proptest::prelude::*;

/// The sums of some events: calls, failed attempts, steps, atto-dollars, and counts by dimension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Books {
    tally: [u128; 3],
    atto: i128,
    usage: BTreeMap<&'static str, u128>,
}

impl Books {
    fn take(&mut self, event: &Event) {
        let (usage, tally) = match &event.facts.subject {
            Subject::Rollup(rollup) => {
                let Tally { calls, failed_attempts, steps } = rollup.tally;
                (rollup.usage, [calls, failed_attempts, steps].map(u128::from))
            }
            Subject::Step(_) => (Usage::new(), [0, 0, 1]),
            Subject::Call(call) => {
                let failed = call.usage.iter().count() == 0 && ["error", "lost"].contains(&event.facts.status.as_str());
                (call.usage, if failed { [0, 1, 0] } else { [1, 0, 0] })
            }
        };
        for (sum, count) in self.tally.iter_mut().zip(tally) {
            *sum += count;
        }
        self.atto += event.charge.and_then(|charge| charge.total).map_or(0, Money::atto);
        for (dimension, count) in usage.iter() {
            *self.usage.entry(dimension.name()).or_default() += u128::from(count);
        }
    }
}

/// The books of each group of events that must never be thrown together.
fn books<'a>(events: impl IntoIterator<Item = &'a Event>) -> BTreeMap<String, Books> {
    let mut books: BTreeMap<String, Books> = BTreeMap::new();
    for event in events {
        let state = event.charge.map(|charge| (charge.state.as_str(), charge.source.as_str()));
        books.entry(format!("{} {state:?}", event.facts.status)).or_default().take(event);
    }
    books
}

fn ids() -> impl FnMut() -> EventId {
    let mut counter = 0;
    move || {
        counter += 1;
        EventId { writer: WRITER, counter }
    }
}

fn fold_within<'a>(max_rollups: usize, events: impl IntoIterator<Item = &'a Event>) -> Vec<Event> {
    let mut fold = Fold::within(max_rollups);
    events.into_iter().for_each(|event| fold.add(event));
    fold.finish(&header().origin, ids())
}

proptest! {
    #[test]
    fn the_books_of_a_fold_are_those_of_its_events(events in any_project(), max_rollups in 1..40_usize) {
        for folded in [fold(&events, &header().origin, ids()), fold_within(max_rollups, &events)] {
            prop_assert_eq!(books(&folded), books(&events));
            let ids: BTreeSet<_> = folded.iter().map(|event| event.id).collect();
            prop_assert_eq!(ids.len(), folded.len());
        }
    }

    #[test]
    fn the_order_of_events_makes_no_difference(events in any_project(), max_rollups in 1..40_usize) {
        let backwards: Vec<_> = events.iter().rev().collect();
        prop_assert_eq!(fold_within(max_rollups, &events), fold_within(max_rollups, backwards));
    }

    #[test]
    fn a_fold_of_folds_is_the_fold_of_all(events in any_project(), cut: prop::sample::Index) {
        let (first, second) = events.split_at(cut.index(events.len() + 1));
        let origin = header().origin;
        let parts = [fold(first, &origin, ids()), fold(second, &origin, ids())].concat();
        prop_assert_eq!(fold(&parts, &origin, ids()), fold(&events, &origin, ids()));
    }

    #[test]
    fn a_fold_of_tight_folds_loses_nothing(events in any_project(), cut: prop::sample::Index, max_rollups in 1..40_usize) {
        let (first, second) = events.split_at(cut.index(events.len() + 1));
        let parts = [fold_within(max_rollups, first), fold_within(max_rollups, second)].concat();
        prop_assert_eq!(books(&fold_within(max_rollups, &parts)), books(&events));
    }

    #[test]
    fn no_event_whatever_makes_it_panic(events in vec(any_event(), 0..20), max_rollups in 1..40_usize) {
        let folded = fold_within(max_rollups, &events);
        let again = fold_within(max_rollups, &folded);
        prop_assert!(again.len() <= folded.len());
    }
}

#[test]
fn users_are_given_up_first_and_features_next() {
    let named = |feature: u32, user: u32| {
        let mut event = call(0);
        let attribution = Attribution {
            feature: Some(format!("f{feature}")),
            user: Some(format!("u{user}")),
            ..Attribution::default()
        };
        event.attribution = Arc::new(attribution);
        event
    };
    let of = |features: u32, users: u32| {
        let events: Vec<_> =
            (0..features).flat_map(|feature| (0..users).map(move |user| named(feature, user))).collect();
        let folded = fold(&events, &header().origin, ids());
        assert_eq!(books(&folded), books(&events));
        let has = |present: fn(&Attribution) -> bool| folded.iter().all(|event| present(&event.attribution));
        (folded.len(), has(|of| of.feature.is_some()), has(|of| of.user.is_some()))
    };
    assert_eq!(of(2, 512), (1_024, true, true));
    assert_eq!(of(5, 205), (5, true, false));
    assert_eq!(of(1_025, 1), (1, false, false));
}

#[test]
fn a_hostile_variety_of_everything_stays_within_the_bound() {
    let events: Vec<_> = (0..40_000_u64)
        .map(|number| {
            let mut event = call(number);
            event.facts.unix_ns = i64::try_from(number % 1_100).unwrap() * DAY_NS;
            let Subject::Call(call) = &mut event.facts.subject else { panic!("a call") };
            (call.provider, call.model) = (Some(format!("p{}", number % 7).into()), Some(format!("m{number}")));
            event
        })
        .collect();
    let folded = fold(&events, &header().origin, ids());
    assert_eq!(books(&folded), books(&events));
    assert_eq!((folded.len(), folded[0].facts.unix_ns), (1, 0), "the last to go is the day");
}

#[test]
fn hostile_counts_and_amounts_spoil_no_sum() {
    let (sane, mut hostile) = (call(1), call(0));
    let Subject::Call(call) = &mut hostile.facts.subject else { panic!("a call") };
    call.usage.set(Dimension::Input, u64::MAX);
    hostile.charge.as_mut().unwrap().total = Some(Money::from_atto(i128::MAX));
    let events = [hostile.clone(), hostile, sane];
    let folded = fold(&events, &header().origin, ids());
    let of = |state| folded.iter().find(|event| event.charge.unwrap().state == state).unwrap();
    assert_eq!(of(CostState::Priced).charge.unwrap().total.unwrap().to_string(), "0.0116235");
    let unpriced = of(CostState::Unpriced);
    assert_eq!(unpriced.charge.unwrap().total, None);
    let Subject::Rollup(rollup) = &unpriced.facts.subject else { panic!("a rollup") };
    assert_eq!(rollup.usage.get(Dimension::Input), Some(2 * Usage::MAX_COUNT));
    assert_eq!(rollup.tally, Tally { calls: 2, ..Tally::default() });
}

#[test]
fn a_fold_claims_no_run_that_not_all_of_its_events_are_of() {
    let mut fold = Fold::new();
    assert_eq!(fold.origin(), Origin::default());
    let mut other = call(1);
    fold.add(&other);
    assert_eq!(fold.origin(), *header().origin);
    other.origin = Arc::new(Origin { run_id: Some("run-2".into()), ..(*header().origin).clone() });
    fold.add(&other);
    assert_eq!(fold.origin(), Origin { run_id: None, ..(*header().origin).clone() });
    fold.add(&call(2));
    assert_eq!(fold.origin().run_id, None);
}
