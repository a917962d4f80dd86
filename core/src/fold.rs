//! Giving up detail and keeping the money: many events become few rollups that add up to exactly the same.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use crate::event::{
    Attribution, Charge, CostSource, CostState, Event, EventId, Facts, Operation, Origin, Rollup, Status, Subject,
    Tally,
};
use crate::money::Money;
use crate::usage::Usage;

#[cfg(test)]
mod tests;

/// A fold has no more rollups. Where there would be more, it gives up what [`GIVEN_UP`] says.
const MAX_ROLLUPS: usize = 1_024;

const DAY_NS: i64 = 86_400_000_000_000;

/// What rollups of a fold are told apart by, until there are too many: first the finest, and at last the day, which is
/// then the first of all. What is left after that are fewer than [`MAX_ROLLUPS`].
const GIVEN_UP: [fn(&mut Key); 6] = [
    |key| key.user = None,
    |key| key.feature = None,
    |key| key.model = None,
    |key| key.provider = None,
    |key| key.operation = None,
    |key| key.day = None,
];

/// What the events of a rollup have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    day: Option<i64>,
    provider: Option<Cow<'static, str>>,
    model: Option<String>,
    operation: Option<Operation>,
    feature: Option<String>,
    user: Option<String>,
    status: Status,
    charge: Option<(CostState, CostSource)>,
}

impl Key {
    fn of(event: &Event) -> Self {
        let (provider, model, operation) = match &event.facts.subject {
            Subject::Call(call) => (call.provider.clone(), call.model.clone(), Some(call.operation)),
            Subject::Rollup(rollup) => (rollup.provider.clone(), rollup.model.clone(), rollup.operation),
            Subject::Step(_) => (None, None, None),
        };
        Self {
            day: Some(event.facts.unix_ns.div_euclid(DAY_NS)),
            provider,
            model,
            operation,
            feature: event.attribution.feature.clone(),
            user: event.attribution.user.clone(),
            status: event.facts.status,
            charge: event.charge.map(|charge| (charge.bounded().state, charge.source)),
        }
    }
}

/// Integers only, so that the order in which events come makes no difference.
#[derive(Default)]
struct Sums {
    cost: Option<Money>,
    usage: Usage,
    tally: Tally,
}

impl Sums {
    fn of(event: &Event) -> Self {
        let usage = match &event.facts.subject {
            Subject::Call(call) => call.usage.bounded(),
            Subject::Rollup(rollup) => rollup.usage,
            Subject::Step(_) => Usage::new(),
        };
        let cost = event.charge.and_then(|charge| charge.bounded().total);
        Self { cost, usage, tally: event.facts.tally() }
    }

    fn add(&mut self, other: &Self) {
        if let Some(cost) = other.cost {
            *self.cost.get_or_insert_default() += cost;
        }
        self.usage.add(&other.usage);
        self.tally = self.tally.plus(other.tally);
    }
}

/// Events being folded. It holds the sums, never the events.
pub(crate) struct Fold {
    rollups: BTreeMap<Key, Sums>,
    /// How many steps of [`GIVEN_UP`] were taken.
    given_up: usize,
    max_rollups: usize,
    first_day: i64,
    origin: Option<Origin>,
}

impl Fold {
    pub(crate) const fn new() -> Self {
        Self::within(MAX_ROLLUPS)
    }

    const fn within(max_rollups: usize) -> Self {
        Self { rollups: BTreeMap::new(), given_up: 0, max_rollups, first_day: i64::MAX, origin: None }
    }

    pub(crate) fn add(&mut self, event: &Event) {
        self.first_day = self.first_day.min(event.facts.unix_ns.div_euclid(DAY_NS));
        match &mut self.origin {
            Some(origin) => keep_common(origin, &event.origin),
            none => *none = Some((*event.origin).clone()),
        }
        self.put(Key::of(event), &Sums::of(event));
        // More rollups never become fewer with more events: what is given up early would be given up anyway.
        while self.rollups.len() > self.max_rollups && self.given_up < GIVEN_UP.len() {
            self.given_up += 1;
            for (key, sums) in mem::take(&mut self.rollups) {
                self.put(key, &sums);
            }
        }
    }

    fn put(&mut self, mut key: Key, sums: &Sums) {
        for give_up in &GIVEN_UP[..self.given_up] {
            give_up(&mut key);
        }
        self.rollups.entry(key).or_default().add(sums);
    }

    /// What all of the events share. Runs, environments and services that differ are in no sum of their own, so the rollups
    /// must not claim one: they need a writer of this origin.
    pub(crate) fn origin(&self) -> Origin {
        self.origin.clone().unwrap_or_default()
    }

    /// The rollups, in an order that depends on nothing but the events.
    pub(crate) fn finish(self, origin: &Arc<Origin>, mut next_id: impl FnMut() -> EventId) -> Vec<Event> {
        let first_day = self.first_day;
        let event = |(key, sums): (Key, Sums)| rollup(key, &sums, first_day, next_id(), Arc::clone(origin));
        self.rollups.into_iter().map(event).collect()
    }
}

/// Folds events of one project into at most 1,024 rollups of the same cost, usage and number of calls, failed attempts and
/// steps. Rollups may be folded again.
pub(crate) fn fold<'a>(
    events: impl IntoIterator<Item = &'a Event>,
    origin: &Arc<Origin>,
    next_id: impl FnMut() -> EventId,
) -> Vec<Event> {
    let mut fold = Fold::new();
    for event in events {
        fold.add(event);
    }
    fold.finish(origin, next_id)
}

fn keep_common(origin: &mut Origin, other: &Origin) {
    let keep = |mine: &mut Option<String>, other: &Option<String>| {
        if *mine != *other {
            *mine = None;
        }
    };
    keep(&mut origin.run_id, &other.run_id);
    keep(&mut origin.environment, &other.environment);
    keep(&mut origin.service, &other.service);
}

fn rollup(key: Key, sums: &Sums, first_day: i64, id: EventId, origin: Arc<Origin>) -> Event {
    let attribution = Attribution { feature: key.feature, user: key.user, ..Attribution::default() };
    let rollup = Rollup {
        provider: key.provider,
        model: key.model,
        operation: key.operation,
        usage: sums.usage,
        tally: sums.tally,
    };
    Event {
        id,
        origin,
        attribution: Arc::new(attribution),
        facts: Facts {
            unix_ns: key.day.unwrap_or(first_day).saturating_mul(DAY_NS),
            latency_ns: None,
            status: key.status,
            error_type: None,
            subject: Subject::Rollup(Box::new(rollup)),
        },
        charge: key.charge.map(|(state, source)| Charge {
            total: sums.cost,
            state,
            source,
            catalogue_version: 0,
            matched_by: None,
        }),
    }
}
