//! Sums by hour, so that a total takes as long whatever the number of events.

use std::collections::HashMap;
use std::sync::LazyLock;

use rusqlite::{Connection, Result};

use super::schema::column;
use super::words::{NONE, Words};
use crate::event::{Charge, CostState, Event, Status, Subject};
use crate::money::Money;
use crate::usage::Dimension;

#[cfg(test)]
mod tests;

/// Nanoseconds in the hour of a rollup.
pub(crate) const HOUR_NS: i64 = 3_600_000_000_000;

/// No rollup event counts more of anything, for the reason of [`crate::Usage`]'s `MAX_COUNT`. The event itself keeps its count.
pub(super) const MAX_SUM: u64 = 1 << 56;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    hour: i64,
    project: i64,
    provider: i64,
    model: i64,
    feature: i64,
    state: CostState,
}

#[derive(Default)]
struct Sums {
    calls: i64,
    failed_attempts: i64,
    cost_nano: i64,
    cost_atto: i64,
    usage: [Option<i64>; Dimension::COUNT],
}

/// What [`crate::event::Facts::tally`] takes for a failed attempt, in SQL, of a call in `events e`.
pub(super) static IS_FAILED_ATTEMPT: LazyLock<String> = LazyLock::new(|| {
    let used = Dimension::ALL.map(|dimension| format!("e.{}", column(dimension))).join(", ");
    format!("(e.status IN ({}, {}) AND coalesce({used}) IS NULL)", Status::Error as u8, Status::Lost as u8)
});

fn bounded(count: u64) -> i64 {
    count.min(MAX_SUM).cast_signed()
}

/// What a transaction adds. Gathered first, because many events of a batch fall into one rollup.
#[derive(Default)]
pub(super) struct Rollups(HashMap<Key, Sums>);

impl Rollups {
    /// Steps cost nothing and are in no rollup.
    pub(super) fn add(&mut self, connection: &Connection, words: &mut Words, event: &Event) -> Result<()> {
        self.change(connection, words, event, 1)
    }

    /// Takes an event out again, which must be in. A dimension that only it had stays in the sums, with 0.
    pub(super) fn remove(&mut self, connection: &Connection, words: &mut Words, event: &Event) -> Result<()> {
        self.change(connection, words, event, -1)
    }

    fn change(&mut self, connection: &Connection, words: &mut Words, event: &Event, sign: i64) -> Result<()> {
        let (provider, model, usage) = match &event.facts.subject {
            Subject::Call(call) => (call.provider.as_deref(), call.model.as_deref(), call.usage.bounded()),
            Subject::Rollup(rollup) => (rollup.provider.as_deref(), rollup.model.as_deref(), rollup.usage),
            Subject::Step(_) => return Ok(()),
        };
        let tally = event.facts.tally();
        if tally.calls == 0 && tally.failed_attempts == 0 {
            return Ok(());
        }
        let charge = event.charge.map(Charge::bounded);
        let mut word = |text: Option<&str>| text.map_or(Ok(NONE), |text| words.intern(connection, text));
        let key = Key {
            hour: event.facts.unix_ns.div_euclid(HOUR_NS),
            project: word(Some(&event.origin.project))?,
            provider: word(provider)?,
            model: word(model)?,
            feature: word(event.attribution.feature.as_deref())?,
            state: charge.map_or(CostState::Unpriced, |charge| charge.state),
        };
        let sums = self.0.entry(key).or_default();
        sums.calls += sign * bounded(tally.calls);
        sums.failed_attempts += sign * bounded(tally.failed_attempts);
        let (nano, atto) = charge.and_then(|charge| charge.total).and_then(Money::to_nano_atto).unwrap_or((0, 0));
        sums.cost_nano = sums.cost_nano.saturating_add(sign * nano);
        sums.cost_atto += sign * atto;
        for (dimension, count) in usage.iter() {
            let sum = &mut sums.usage[dimension as usize];
            *sum = Some(sum.unwrap_or(0).saturating_add(sign * bounded(count)));
        }
        Ok(())
    }

    /// Adds what was gathered to the table.
    pub(super) fn store(&self, connection: &Connection) -> Result<()> {
        let mut upsert = connection.prepare_cached(&UPSERT)?;
        for (key, sums) in &self.0 {
            let facts = [
                key.hour,
                key.project,
                key.provider,
                key.model,
                key.feature,
                i64::from(key.state as u8),
                sums.calls,
                sums.failed_attempts,
                sums.cost_nano,
                sums.cost_atto,
            ];
            let values = facts.into_iter().map(Some).chain(sums.usage);
            for (index, value) in values.enumerate() {
                upsert.raw_bind_parameter(index + 1, value)?;
            }
            upsert.raw_execute()?;
        }
        for key in self.0.iter().filter(|(_, sums)| sums.calls < 0 || sums.failed_attempts < 0).map(|(key, _)| key) {
            let mut delete = connection.prepare_cached(
                "DELETE FROM rollups WHERE hour = ?1 AND project = ?2 AND provider = ?3 AND model = ?4 AND feature = ?5
                   AND cost_state = ?6 AND calls = 0 AND failed_attempts = 0",
            )?;
            delete.execute((key.hour, key.project, key.provider, key.model, key.feature, key.state as u8))?;
        }
        Ok(())
    }
}

/// No hour of a group costs more, 9.2 billion USD. An overflow would be no integer, which the column refuses, and with it
/// every batch in which it occurs.
const MOST: i64 = i64::MAX;

static UPSERT: LazyLock<String> = LazyLock::new(|| {
    let used: Vec<_> = Dimension::ALL.into_iter().map(column).collect();
    let sums: Vec<_> =
        used.iter().map(|x| format!(", {x} = coalesce({x} + excluded.{x}, {x}, excluded.{x})")).collect();
    let sums = sums.concat();
    format!(
        "INSERT INTO rollups (hour, project, provider, model, feature, cost_state, calls, failed_attempts, cost_nano,
           cost_atto, {}) VALUES ({})
         ON CONFLICT DO UPDATE SET calls = calls + excluded.calls,
           failed_attempts = failed_attempts + excluded.failed_attempts,
           cost_nano = CASE WHEN typeof(cost_nano + excluded.cost_nano) = 'integer' THEN cost_nano + excluded.cost_nano
             WHEN cost_nano > 0 THEN {MOST} ELSE -{MOST} END,
           cost_atto = cost_atto + excluded.cost_atto {sums}",
        used.join(", "),
        vec!["?"; 10 + used.len()].join(", "),
    )
});
