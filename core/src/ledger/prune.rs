//! Giving up old detail. The rollups stay for ever, so no total changes.

use rusqlite::{Connection, OptionalExtension, Result as SqliteResult, Transaction, TransactionBehavior};

use super::Ledger;
use super::rollup::HOUR_NS;
use crate::error::Result;

#[cfg(test)]
mod tests;

/// Events removed in one transaction. Other processes wait for it, and they wait no longer than five seconds.
const SLICE: usize = 10_000;

/// What [`Ledger::prune`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// Events that are gone: calls, steps and rollup events.
    pub events: u64,
    /// They began before this, in nanoseconds since 1970: the start of an hour.
    pub before_ns: i64,
}

impl Ledger {
    /// Removes the events that began before a moment, rounded down to the hour. What they cost and used stays in the totals
    /// by hour, project, provider, model, feature and state; their users, sessions, runs, tags and traces are gone. One of
    /// them that is delivered again is still known, and counts no second time.
    ///
    /// Other processes may record and ask meanwhile. The file keeps its size, and new events fill it.
    ///
    /// # Errors
    /// [`crate::ErrorCode::Storage`]; what was removed until then is removed properly, and a second call goes on.
    pub fn prune(&mut self, before_unix_ns: i64) -> Result<Pruned> {
        let before = start_of_hour(before_unix_ns);
        prune(&mut self.connection, before, SLICE).map_err(|cause| self.failure(cause))
    }

    /// What [`Ledger::prune`] would do.
    ///
    /// # Errors
    /// [`crate::ErrorCode::Storage`].
    pub fn prunable(&self, before_unix_ns: i64) -> Result<Pruned> {
        let before_ns = start_of_hour(before_unix_ns);
        let count = self
            .connection
            .query_row("SELECT count(*) FROM events WHERE unix_ns < ?1", [before_ns], |row| row.get::<_, i64>(0));
        let events = count.map_err(|cause| self.failure(cause))?.cast_unsigned();
        Ok(Pruned { events, before_ns })
    }

    /// Before this moment, in nanoseconds since 1970, there are totals but no single events any more, except for those that
    /// came late. `None` where nothing was ever pruned.
    ///
    /// # Errors
    /// [`crate::ErrorCode::Storage`].
    pub fn detail_since(&self) -> Result<Option<i64>> {
        detail_since(&self.connection).map_err(|cause| self.failure(cause))
    }
}

/// Whole hours, because rollups are of hours: an hour is answered either from them or from its events.
fn start_of_hour(unix_ns: i64) -> i64 {
    unix_ns.div_euclid(HOUR_NS).saturating_mul(HOUR_NS)
}

pub(super) fn detail_since(connection: &Connection) -> SqliteResult<Option<i64>> {
    connection.prepare_cached("SELECT since_ns FROM detail")?.query_row([], |row| row.get(0)).optional()
}

/// Whether there was an event with this row id. Facts never change: one that began after [`detail_since`] need not be
/// looked for.
pub(super) fn is_pruned(connection: &Connection, row_id: i64) -> SqliteResult<bool> {
    let last: Option<i64> = connection
        .prepare_cached("SELECT last FROM pruned WHERE first <= ?1 ORDER BY first DESC LIMIT 1")?
        .query_row([row_id], |row| row.get(0))
        .optional()?;
    Ok(last.is_some_and(|last| row_id <= last))
}

fn prune(connection: &mut Connection, before: i64, slice: usize) -> SqliteResult<Pruned> {
    let mut events = 0;
    loop {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let removed = remove(&transaction, before, slice)?;
        if removed > 0 {
            transaction.execute(
                "INSERT INTO detail (id, since_ns) VALUES (0, ?1)
                 ON CONFLICT DO UPDATE SET since_ns = max(since_ns, excluded.since_ns)",
                [before],
            )?;
        }
        transaction.commit()?;
        events += removed as u64;
        if removed < slice {
            break;
        }
    }
    Ok(Pruned { events, before_ns: before })
}

/// Removes the oldest events and remembers which they were. Words stay: other processes have their numbers by heart.
fn remove(transaction: &Transaction<'_>, before: i64, slice: usize) -> SqliteResult<usize> {
    let mut ids: Vec<i64> = transaction
        .prepare_cached("SELECT id FROM events WHERE unix_ns < ?1 ORDER BY unix_ns LIMIT ?2")?
        .query_map((before, i64::try_from(slice).unwrap_or(i64::MAX)), |row| row.get(0))?
        .collect::<SqliteResult<_>>()?;
    ids.sort_unstable();
    let mut delete = transaction.prepare_cached("DELETE FROM events WHERE id BETWEEN ?1 AND ?2")?;
    for range in ids.chunk_by(|one, next| one + 1 == *next) {
        if let (Some(&first), Some(&last)) = (range.first(), range.last()) {
            delete.execute((first, last))?;
            remember(transaction, first, last)?;
        }
    }
    Ok(ids.len())
}

/// Joins a range to its neighbours, so that there are about as many as there were writers.
fn remember(transaction: &Transaction<'_>, mut first: i64, mut last: i64) -> SqliteResult<()> {
    let before = transaction
        .prepare_cached("SELECT first, last FROM pruned WHERE first < ?1 ORDER BY first DESC LIMIT 1")?
        .query_row([first], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))
        .optional()?;
    if let Some((start, end)) = before
        && end + 1 == first
    {
        first = start;
    }
    let after = transaction
        .prepare_cached("DELETE FROM pruned WHERE first = ?1 RETURNING last")?
        .query_row([last.saturating_add(1)], |row| row.get(0))
        .optional()?;
    last = after.unwrap_or(last);
    transaction
        .prepare_cached(
            "INSERT INTO pruned (first, last) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET last = excluded.last",
        )?
        .execute((first, last))?;
    Ok(())
}
