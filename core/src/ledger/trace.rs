//! The events of one trace.

use rusqlite::{Connection, Result as SqliteResult};

use super::Ledger;
use super::row;
use super::words::Words;
use crate::error::Result;
use crate::event::{Event, TraceId};

impl Ledger {
    /// The events of a trace that started within `from_ns..=to_ns`, in the order of time.
    ///
    /// A trace is found by the time that its root took, because an index of trace ids would cost every event of every
    /// install some twenty bytes. What a program starts inside a root and outside its time is not part of the answer.
    ///
    /// # Errors
    /// [`crate::ErrorCode::Storage`].
    pub fn trace(&mut self, trace_id: TraceId, from_ns: i64, to_ns: i64) -> Result<Vec<Event>> {
        let Self { connection, words, .. } = self;
        trace(connection, words, trace_id, from_ns, to_ns).map_err(|cause| self.failure(cause))
    }
}

fn trace(
    connection: &Connection,
    words: &mut Words,
    trace_id: TraceId,
    from_ns: i64,
    to_ns: i64,
) -> SqliteResult<Vec<Event>> {
    let sql = format!(
        "{} FROM events e JOIN writers w ON w.id = e.id >> 32
         WHERE e.unix_ns BETWEEN ?1 AND ?2 AND e.trace_id = ?3 ORDER BY e.unix_ns, e.id",
        *row::SELECT
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((from_ns, to_ns, trace_id.0))?;
    let (mut events, mut last_origin) = (Vec::new(), None);
    while let Some(found) = rows.next()? {
        events.push(row::read(found, connection, words, &mut last_origin)?);
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Attribution;
    use crate::sink::Batch;
    use crate::spool::testing::{call, header};
    use std::path::Path;
    use std::sync::Arc;

    #[test]
    fn a_trace_is_its_events_in_the_order_of_time() {
        let of = |counter, trace| Event {
            attribution: Arc::new(Attribution { trace_id: Some(TraceId([trace; 16])), ..Attribution::default() }),
            ..call(counter)
        };
        let mut ledger = Ledger::read(Path::new("/nowhere/ledger.db")).unwrap();
        let events = vec![of(3, 1), of(1, 1), of(2, 2), call(4), of(9, 1)];
        ledger.ingest(&[Batch { id: "b".into(), origin: header().origin, events }]).unwrap();
        let at = |counter| call(counter).facts.unix_ns;
        let found = ledger.trace(TraceId([1; 16]), at(1), at(3)).unwrap();
        assert_eq!(found, [of(1, 1), of(3, 1)]);
    }
}
