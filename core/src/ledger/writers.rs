//! The row ids of events: the number of the writer in the upper half, the lower half of the event's counter in the lower.
//!
//! A writer has a number for each origin: those of its rollups differ from its own. An event is what its id says all the
//! same: known under one origin, it is a duplicate under any other, as when a damaged file does not tell it any more.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{OptionalExtension, Result, Transaction};

use super::prune;
use super::words::Words;
use crate::event::{Event, EventId, Origin};

/// The writers that a transaction met, by nonce and upper half of the counter. Another process may number them between two
/// transactions.
#[derive(Default)]
pub(super) struct Writers(HashMap<([u8; 16], u32), Numbers>);

struct Numbers {
    all: Vec<i64>,
    last: Option<(Arc<Origin>, i64)>,
}

impl Writers {
    /// That of the event, be it there already or not.
    pub(super) fn row_id(&mut self, transaction: &Transaction<'_>, words: &mut Words, event: &Event) -> Result<i64> {
        let EventId { writer, counter } = event.id;
        let [high, low] = [counter >> 32, counter & u64::from(u32::MAX)];
        let key = (writer, u32::try_from(high).unwrap_or(u32::MAX));
        let numbers = match self.0.get_mut(&key) {
            Some(numbers) => numbers,
            None => self.0.entry(key).or_insert(Numbers { all: known(transaction, key)?, last: None }),
        };
        let number = match &numbers.last {
            Some((origin, number)) if *origin == event.origin => *number,
            _ => {
                let number = number(transaction, words, key, &event.origin)?;
                if !numbers.all.contains(&number) {
                    numbers.all.push(number);
                }
                numbers.last = Some((Arc::clone(&event.origin), number));
                number
            }
        };
        let row_id = |number: i64| number << 32 | low.cast_signed();
        for &other in numbers.all.iter().filter(|other| **other != number) {
            if is_taken(transaction, row_id(other))? {
                return Ok(row_id(other));
            }
        }
        Ok(row_id(number))
    }
}

fn known(transaction: &Transaction<'_>, key: ([u8; 16], u32)) -> Result<Vec<i64>> {
    let mut select = transaction.prepare_cached("SELECT id FROM writers WHERE nonce = ?1 AND counter_high = ?2")?;
    select.query_map(key, |row| row.get(0))?.collect()
}

fn is_taken(transaction: &Transaction<'_>, row_id: i64) -> Result<bool> {
    let there = transaction.prepare_cached("SELECT 1 FROM events WHERE id = ?1")?.exists([row_id])?;
    Ok(there || prune::is_pruned(transaction, row_id)?)
}

/// The number of a writer and an origin, which get one if they have none.
fn number(
    transaction: &Transaction<'_>,
    words: &mut Words,
    (nonce, high): ([u8; 16], u32),
    origin: &Origin,
) -> Result<i64> {
    let mut word = |text: Option<&str>| text.map(|text| words.intern(transaction, text)).transpose();
    let project = word(Some(&origin.project))?;
    let run = word(origin.run_id.as_deref())?;
    let environment = word(origin.environment.as_deref())?;
    let service = word(origin.service.as_deref())?;
    let writer = (nonce, high, project, run, environment, service);
    let found = transaction
        .prepare_cached(
            "SELECT id FROM writers WHERE nonce = ?1 AND counter_high = ?2
             AND project IS ?3 AND run IS ?4 AND environment IS ?5 AND service IS ?6",
        )?
        .query_row(writer, |row| row.get(0))
        .optional()?;
    if let Some(number) = found {
        return Ok(number);
    }
    transaction
        .prepare_cached(
            "INSERT INTO writers (nonce, counter_high, project, run, environment, service)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .insert(writer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Filter, Ledger};
    use crate::sink::Batch;
    use crate::spool::testing::{call, header};
    use std::path::Path;

    fn of_run(counter: u64, run: Option<&str>) -> Event {
        let origin = Origin { run_id: run.map(str::to_owned), ..(*header().origin).clone() };
        Event { origin: Arc::new(origin), ..call(counter) }
    }

    fn stored(ledger: &mut Ledger, events: Vec<Event>) -> u64 {
        ledger.ingest(&[Batch { id: "b".into(), origin: header().origin, events }]).unwrap()[0].stored
    }

    fn calls_of(ledger: &mut Ledger, run: Option<&str>) -> u64 {
        let filter = Filter { run_id: run.map(str::to_owned), ..Filter::default() };
        ledger.totals(&filter, &[]).unwrap().first().map_or(0, |(_, totals)| totals.calls)
    }

    #[test]
    fn one_writer_may_write_for_several_runs() {
        let mut ledger = Ledger::read(Path::new("/nowhere/ledger.db")).unwrap();
        let events = vec![of_run(0, Some("a")), of_run(1, None), of_run(2, Some("a")), of_run(3, Some("b"))];
        assert_eq!([stored(&mut ledger, events.clone()), stored(&mut ledger, events)], [4, 0]);
        let calls = [None, Some("a"), Some("b"), Some("c")].map(|run| calls_of(&mut ledger, run));
        assert_eq!(calls, [4, 2, 1, 0]);
    }

    #[test]
    fn an_event_that_comes_without_its_origin_is_the_same_event_there_or_pruned() {
        let mut ledger = Ledger::read(Path::new("/nowhere/ledger.db")).unwrap();
        let nameless = |counter: u64| of_run(counter, None);
        assert_eq!(stored(&mut ledger, (0..3).map(|counter| of_run(counter, Some("a"))).collect()), 3);
        assert_eq!(stored(&mut ledger, (0..4).map(nameless).collect()), 1);
        assert_eq!(stored(&mut ledger, vec![of_run(3, Some("a"))]), 0);
        ledger.prune(i64::MAX).unwrap();
        assert_eq!(stored(&mut ledger, (0..4).map(nameless).collect()), 0);
        assert_eq!((calls_of(&mut ledger, None), calls_of(&mut ledger, Some("a"))), (4, 0));
    }
}
