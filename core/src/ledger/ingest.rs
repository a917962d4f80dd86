//! Taking events in, each once.

use rusqlite::{Connection, Result as SqliteResult, TransactionBehavior};

use super::Ledger;
use super::prune;
use super::rollup::Rollups;
use super::row;
use super::words::Words;
use super::writers::Writers;
use crate::error::Result;
use crate::sink::{Batch, Receipt};

impl Ledger {
    /// Takes batches in, in one transaction: all or nothing. An event that is there already, or was and is pruned, is a
    /// duplicate and changes nothing, so that every batch may be delivered any number of times.
    ///
    /// # Errors
    /// [`crate::ErrorCode::Storage`]; then nothing was stored.
    pub fn ingest(&mut self, batches: &[Batch]) -> Result<Vec<Receipt>> {
        let Self { connection, words, .. } = self;
        let receipts = ingest(connection, words, batches);
        if receipts.is_err() {
            self.words.clear();
        }
        receipts.map_err(|cause| self.failure(cause))
    }
}

fn ingest(connection: &mut Connection, words: &mut Words, batches: &[Batch]) -> SqliteResult<Vec<Receipt>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (mut rollups, mut writers) = (Rollups::default(), Writers::default());
    let mut receipts = Vec::with_capacity(batches.len());
    let detail_since = prune::detail_since(&transaction)?.unwrap_or(i64::MIN);
    {
        let mut insert = transaction.prepare_cached(&row::INSERT)?;
        for batch in batches {
            let mut receipt = Receipt::default();
            for event in &batch.events {
                let row_id = writers.row_id(&transaction, words, event)?;
                if event.facts.unix_ns < detail_since && prune::is_pruned(&transaction, row_id)? {
                    receipt.duplicates += 1;
                    continue;
                }
                row::bind(&mut insert, &transaction, words, row_id, event)?;
                if insert.raw_execute()? == 0 {
                    receipt.duplicates += 1;
                } else {
                    receipt.stored += 1;
                    rollups.add(&transaction, words, event)?;
                }
            }
            receipts.push(receipt);
        }
    }
    rollups.store(&transaction)?;
    transaction.commit()?;
    Ok(receipts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, EventId, Subject};
    use crate::ledger::{Filter, GroupBy, catch_up};
    use crate::money::Money;
    use crate::spool::testing::{any_event, call, dear, header};
    use crate::usage::{Dimension, Usage};
    use proptest::prelude::*;
    use std::path::Path;

    fn memory() -> Ledger {
        Ledger::read(Path::new("/nowhere/ledger.db")).unwrap()
    }

    fn batch(events: Vec<Event>) -> Batch {
        Batch { id: "b".into(), origin: header().origin, events }
    }

    fn everything(ledger: &mut Ledger) -> Vec<Event> {
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
        #![proptest_config(dear(64))]
        #[test]
        fn an_event_read_back_is_equal(event in any_event()) {
            let mut ledger = memory();
            ledger.ingest(&[batch(vec![event.clone()])]).unwrap();
            prop_assert_eq!(everything(&mut ledger), vec![event]);
        }
    }

    #[test]
    fn a_batch_delivered_again_changes_nothing() {
        let mut ledger = memory();
        let batch = batch((0..10).map(call).collect());
        let first = ledger.ingest(&[batch.clone(), batch.clone()]).unwrap();
        assert_eq!(
            first,
            [
                Receipt { stored: 10, duplicates: 0, ..Receipt::default() },
                Receipt { stored: 0, duplicates: 10, ..Receipt::default() }
            ]
        );
        assert!(first.iter().all(|receipt| receipt.accounts_for(batch.events.len())));
        let totals = ledger.totals(&Filter::default(), &[]).unwrap();
        assert_eq!((totals[0].1.calls, totals[0].1.cost.to_string()), (10, "0.116235".into()));
    }

    #[test]
    fn counters_of_any_size_are_different_events() {
        let mut ledger = memory();
        let counters = [0, 1, u64::from(u32::MAX), 1 << 32, (1 << 32) + 1, u64::MAX];
        let events: Vec<_> =
            counters.iter().map(|&counter| Event { id: EventId { counter, ..call(0).id }, ..call(0) }).collect();
        assert_eq!(ledger.ingest(&[batch(events.clone())]).unwrap()[0].stored, 6);
        let mut found: Vec<_> = everything(&mut ledger).iter().map(|event| event.id.counter).collect();
        found.sort_unstable();
        assert_eq!(found, counters);
    }

    #[test]
    fn an_amount_beyond_the_integers_of_the_ledger_is_unpriced_and_spoils_no_sum() {
        let mut ledger = memory();
        let mut event = call(1);
        event.charge.as_mut().unwrap().total = Some(Money::from_atto(i128::MAX));
        ledger.ingest(&[batch(vec![event, call(2)])]).unwrap();
        let totals = ledger.totals(&Filter::default(), &[]).unwrap();
        assert_eq!((totals[0].1.unpriced, totals[0].1.cost.to_string()), (1, "0.0116235".into()));
    }

    // Sabotage: a plain sum in the upsert, which no batch after it would survive; one in the query, which none can answer.
    #[test]
    fn amounts_at_the_end_of_the_integers_of_the_ledger_block_neither_a_batch_nor_an_answer() {
        let mut ledger = memory();
        for counter in 0..6 {
            let mut event = call(counter);
            let sign = if counter < 3 { 1 } else { -1 };
            event.charge.as_mut().unwrap().total = Some(Money::from_nano_atto(sign * 9_000_000_000_000_000_000, 7));
            if sign < 0 {
                event.attribution = std::sync::Arc::default();
            }
            assert_eq!(ledger.ingest(&[batch(vec![event])]).unwrap()[0].stored, 1);
        }
        assert_eq!(ledger.ingest(&[batch(vec![call(9)])]).unwrap()[0].stored, 1);
        for axis in [GroupBy::Project, GroupBy::User] {
            let totals = ledger.totals(&Filter::default(), &[axis]).unwrap();
            assert_eq!((totals.len(), totals[0].1.calls), (1, 7), "{axis:?}");
        }
        // From the events themselves it is exact; an hour of a group is so up to 9.2 billion USD.
        let by_user = ledger.totals(&Filter::default(), &[GroupBy::User]).unwrap();
        assert_eq!(by_user[0].1.cost.to_string(), "0.011623500000000042");
    }

    #[test]
    fn a_hostile_count_spoils_no_sum_and_is_kept_as_it_is() {
        let mut ledger = memory();
        let events: Vec<_> = (0..3)
            .map(|counter| {
                let mut event = call(counter);
                let Subject::Call(call) = &mut event.facts.subject else { panic!("a call") };
                call.usage.set(Dimension::Input, u64::MAX - counter);
                event
            })
            .collect();
        ledger.ingest(&[batch(events.clone())]).unwrap();
        assert_eq!(everything(&mut ledger), events);
        for axis in [GroupBy::Model, GroupBy::User] {
            let totals = ledger.totals(&Filter::default(), &[axis]).unwrap();
            assert_eq!(totals[0].1.usage.get(Dimension::Input), Some(3 * Usage::MAX_COUNT), "{axis:?}");
        }
    }

    #[test]
    fn events_are_exported_in_the_order_of_time_and_within_the_bounds() {
        let mut ledger = memory();
        let events: Vec<_> = [5, 1, 4, 2, 3].map(call).into();
        ledger.ingest(&[batch(events)]).unwrap();
        let mut ask = |filter: Filter| {
            let mut found = Vec::new();
            let each = &mut |event: Event| {
                found.push(event.id.counter);
                Ok(())
            };
            ledger.for_each_event(&filter, each).unwrap();
            found
        };
        let at = |counter| Some(call(counter).facts.unix_ns);
        let all = Filter::default();
        assert_eq!(ask(all.clone()), [1, 2, 3, 4, 5]);
        assert_eq!(ask(Filter { since_ns: at(2), until_ns: at(5), ..all.clone() }), [2, 3, 4]);
        assert_eq!(ask(Filter { run_id: Some("run-1".into()), ..all.clone() }), [1, 2, 3, 4, 5]);
        assert!(ask(Filter { run_id: Some("run-2".into()), ..all.clone() }).is_empty());
        assert_eq!(ask(Filter { project: Some("shop/back end".into()), ..all.clone() }).len(), 5);
        assert!(ask(Filter { project: Some("other".into()), ..all }).is_empty());
    }

    #[test]
    fn the_first_error_of_a_reader_ends_the_export() {
        let mut ledger = memory();
        ledger.ingest(&[batch((0..5).map(call).collect())]).unwrap();
        let mut seen = 0;
        let each = &mut |_| {
            seen += 1;
            Err(crate::Error::new(crate::ErrorCode::Storage, "the pipe is closed"))
        };
        let error = ledger.for_each_event(&Filter::default(), each).unwrap_err();
        assert_eq!((seen, error.to_string().as_str()), (1, "the pipe is closed"));
    }

    #[test]
    fn a_ledger_whose_making_was_interrupted_is_made_when_it_is_read() {
        let home = tempfile::tempdir().unwrap();
        let path = Ledger::path_in(home.path());
        std::fs::write(&path, "").unwrap();
        assert!(Ledger::read(&path).unwrap().totals(&Filter::default(), &[]).unwrap().is_empty());
    }

    #[test]
    fn a_damaged_ledger_is_an_error_that_names_it() {
        let home = tempfile::tempdir().unwrap();
        let path = Ledger::path_in(home.path());
        std::fs::write(&path, "this is no database, and it is long enough to be one".repeat(100)).unwrap();
        for message in [Ledger::open(&path).unwrap_err().to_string(), Ledger::read(&path).unwrap_err().to_string()] {
            assert!(message.contains("ledger.db is damaged") && message.contains("move it away"), "{message}");
        }
        assert!(catch_up(home.path()).is_ok(), "without segments there is nothing to do");
    }

    #[cfg(unix)]
    #[test]
    fn the_files_of_a_ledger_are_for_the_user_alone() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&Ledger::path_in(home.path())).unwrap();
        ledger.ingest(&[batch(vec![call(1)])]).unwrap();
        for entry in std::fs::read_dir(home.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        }
    }
}
