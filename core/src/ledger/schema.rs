//! The tables, and how a ledger of an older version becomes one of this version.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::error::{Error, ErrorCode};
use crate::usage::Dimension;

/// Step `n` makes a ledger of version `n + 1` out of one of version `n`. A step is never changed after its release: a
/// new dimension of usage is a new step that adds its columns.
const MIGRATIONS: &[fn() -> String] = &[first, second];

/// The dimensions that the first version knew.
const FIRST_DIMENSIONS: usize = 21;

/// Why a ledger cannot be used.
pub(super) enum Problem {
    Sqlite(rusqlite::Error),
    Newer(u32),
    Older(u32),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Problem {
    pub(super) fn of(self, path: &Path) -> Error {
        let (path_text, ours) = (path.display(), latest());
        match self {
            Self::Sqlite(cause) => super::failure(path, cause),
            Self::Newer(theirs) => Error::new(
                ErrorCode::Storage,
                format!("the ledger {path_text} has version {theirs}, this llmlab knows {ours}; upgrade llmlab"),
            ),
            Self::Older(theirs) => Error::new(
                ErrorCode::Storage,
                format!("the ledger {path_text} has version {theirs}, this llmlab reads {ours}; make it writable once"),
            ),
        }
    }
}

/// The column of a dimension.
pub(super) fn column(dimension: Dimension) -> String {
    format!("used_{}", dimension.name())
}

fn usage_columns() -> String {
    let columns = Dimension::ALL[..FIRST_DIMENSIONS].iter();
    columns.map(|&dimension| format!(", {} INTEGER", column(dimension))).collect::<Vec<_>>().concat()
}

fn first() -> String {
    let usage = usage_columns();
    // The row id of an event is its identity: the number of its writer in the upper half, the lower half of its counter
    // in the lower. So rows of a writer lie together in the order of their making, and one index less is needed.
    format!(
        "CREATE TABLE words (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
         CREATE TABLE writers (
           id INTEGER PRIMARY KEY, nonce BLOB NOT NULL, counter_high INTEGER NOT NULL,
           project INTEGER NOT NULL, run INTEGER, environment INTEGER, service INTEGER,
           UNIQUE (nonce, counter_high)
         ) STRICT;
         CREATE INDEX writers_by_run ON writers (run) WHERE run IS NOT NULL;
         CREATE TABLE events (
           id INTEGER PRIMARY KEY, unix_ns INTEGER NOT NULL, latency_ns INTEGER, status INTEGER NOT NULL,
           operation INTEGER, provider INTEGER, model INTEGER, model_requested INTEGER, stream INTEGER,
           attempt INTEGER, cost_nano INTEGER, cost_atto INTEGER, cost_state INTEGER, cost_source INTEGER,
           catalogue_version INTEGER, matched_by INTEGER, feature INTEGER, user INTEGER, session INTEGER,
           tags INTEGER, error_type INTEGER, service_tier INTEGER, response_id TEXT, trace_id BLOB, parent_id BLOB,
           first_event_ns INTEGER, inference_geo INTEGER, speed INTEGER, search_context_size INTEGER,
           provider_cost_nano INTEGER, provider_cost_atto INTEGER, extra_passes TEXT,
           step_name INTEGER, step_kind INTEGER, span_id BLOB {usage}
         ) STRICT;
         CREATE INDEX events_by_time ON events (unix_ns);
         CREATE TABLE rollups (
           hour INTEGER NOT NULL, project INTEGER NOT NULL, provider INTEGER NOT NULL, model INTEGER NOT NULL,
           feature INTEGER NOT NULL, cost_state INTEGER NOT NULL, calls INTEGER NOT NULL,
           failed_attempts INTEGER NOT NULL, cost_nano INTEGER NOT NULL, cost_atto INTEGER NOT NULL {usage},
           PRIMARY KEY (hour, project, provider, model, feature, cost_state)
         ) STRICT, WITHOUT ROWID;"
    )
}

/// An event may be a rollup, and detail may be gone.
fn second() -> String {
    // A writer's rollups may be of many runs, and are of none then: a writer has a number for each origin. The three columns are not null in a rollup event. `pruned` is the row ids of events that are gone, in ranges; where
    // `detail` has its one row, some before that moment are.
    "CREATE TABLE origins (
       id INTEGER PRIMARY KEY, nonce BLOB NOT NULL, counter_high INTEGER NOT NULL,
       project INTEGER NOT NULL, run INTEGER, environment INTEGER, service INTEGER
     ) STRICT;
     INSERT INTO origins SELECT id, nonce, counter_high, project, run, environment, service FROM writers;
     DROP TABLE writers;
     ALTER TABLE origins RENAME TO writers;
     CREATE INDEX writers_by_nonce ON writers (nonce, counter_high);
     CREATE INDEX writers_by_run ON writers (run) WHERE run IS NOT NULL;
     ALTER TABLE events ADD COLUMN calls INTEGER;
     ALTER TABLE events ADD COLUMN failed_attempts INTEGER;
     ALTER TABLE events ADD COLUMN steps INTEGER;
     CREATE TABLE pruned (first INTEGER PRIMARY KEY, last INTEGER NOT NULL) STRICT;
     CREATE TABLE detail (id INTEGER PRIMARY KEY CHECK (id = 0), since_ns INTEGER NOT NULL) STRICT;"
        .to_owned()
}

/// The version of a ledger; 0 is an empty file.
fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn latest() -> u32 {
    MIGRATIONS.iter().fold(0, |version, _| version + 1)
}

/// Accepts only a ledger of this version.
pub(super) fn check(connection: &Connection) -> Result<(), Problem> {
    match version(connection)? {
        newer if newer > latest() => Err(Problem::Newer(newer)),
        older if older < latest() => Err(Problem::Older(older)),
        _ => Ok(()),
    }
}

/// Sets a connection up for writing, and brings the ledger to this version. Several processes may do so at once.
pub(super) fn prepare_to_write(connection: &mut Connection) -> Result<(), Problem> {
    // A commit waits for no disk: after a power cut the last ones may be missing, and the ledger is whole.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // The answer is `memory` for a ledger in memory.
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    let found = version(connection)?;
    if found > latest() {
        return Err(Problem::Newer(found));
    }
    if found < latest() {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have been faster.
        let found = version(&transaction)?;
        for migration in MIGRATIONS.iter().skip(found as usize) {
            transaction.execute_batch(&migration())?;
        }
        transaction.pragma_update(None, "user_version", latest().max(found))?;
        transaction.commit()?;
    }
    check(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Subject};
    use crate::ledger::{Filter, GroupBy, Ledger};

    #[test]
    fn every_dimension_has_its_columns() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert!(prepare_to_write(&mut connection).is_ok());
        for table in ["events", "rollups"] {
            for dimension in Dimension::ALL {
                let found: i64 = connection
                    .query_row(
                        "SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2",
                        (table, column(dimension)),
                        |row| row.get(0),
                    )
                    .unwrap();
                assert_eq!(found, 1, "add a migration that adds {} to {table}", column(dimension));
            }
        }
    }

    #[test]
    fn a_ledger_of_every_older_version_is_brought_forward_with_what_is_in_it() {
        for old in 1..latest() {
            let home = tempfile::tempdir().unwrap();
            let path = Ledger::path_in(home.path());
            let connection = Connection::open(&path).unwrap();
            for migration in MIGRATIONS.iter().take(old as usize) {
                connection.execute_batch(&migration()).unwrap();
            }
            let content = "
                INSERT INTO words (id, text) VALUES (1, 'shop'), (2, 'openai'), (3, 'gpt-5'), (4, 'ann');
                INSERT INTO writers (id, nonce, counter_high, project) VALUES (1, zeroblob(16), 0, 1);
                INSERT INTO events (id, unix_ns, status, operation, provider, model, user, cost_nano, cost_atto, cost_state,
                  cost_source, used_input) VALUES (4294967296, 7, 0, 0, 2, 3, 4, 5, 0, 0, 0, 1000);
                INSERT INTO rollups (hour, project, provider, model, feature, cost_state, calls, failed_attempts, cost_nano,
                  cost_atto, used_input) VALUES (0, 1, 2, 3, 0, 0, 1, 0, 5, 0, 1000);";
            connection.execute_batch(content).unwrap();
            connection.pragma_update(None, "user_version", old).unwrap();
            drop(connection);

            let mut ledger = Ledger::read(&path).unwrap();
            assert_eq!(version(&ledger.connection).unwrap(), latest());
            for axis in [GroupBy::Model, GroupBy::User] {
                let totals = ledger.totals(&Filter::default(), &[axis]).unwrap();
                assert_eq!(
                    (totals.len(), totals[0].1.calls, totals[0].1.cost.to_string()),
                    (1, 1, "0.000000005".into())
                );
            }
            let mut events = 0;
            let each = &mut |event: Event| {
                events += 1;
                assert!(matches!(event.facts.subject, Subject::Call(_)));
                Ok(())
            };
            ledger.for_each_event(&Filter::default(), each).unwrap();
            assert_eq!((events, ledger.detail_since().unwrap()), (1, None));
        }
    }

    #[test]
    fn a_ledger_of_a_newer_llmlab_is_refused_by_name() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        let Err(problem) = prepare_to_write(&mut connection) else { panic!("it was taken") };
        let message = problem.of(Path::new("/home/ledger.db")).to_string();
        assert!(message.contains("/home/ledger.db") && message.contains("upgrade"), "{message}");
    }
}
