//! Text, stored once and referred to by number.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Result};

/// What an absent text is in a key, where SQL allows no null.
pub(super) const NONE: i64 = 0;

/// Texts held in memory. Beyond that the table is asked; user ids may be many.
const CACHED: usize = 16_384;

/// The words met so far, in both directions.
#[derive(Default)]
pub(super) struct Words {
    ids: HashMap<Box<str>, i64>,
    texts: HashMap<i64, Box<str>>,
}

impl Words {
    /// Forgets everything. Needed when a transaction is undone, because numbers it gave out are given out again.
    pub(super) fn clear(&mut self) {
        self.ids.clear();
        self.texts.clear();
    }

    /// The number of a text, which gets one if it has none.
    pub(super) fn intern(&mut self, connection: &Connection, text: &str) -> Result<i64> {
        if let Some(&id) = self.ids.get(text) {
            return Ok(id);
        }
        let id = match self.find(connection, text)? {
            Some(id) => id,
            None => connection.prepare_cached("INSERT INTO words (text) VALUES (?1)")?.insert([text])?,
        };
        if self.ids.len() >= CACHED {
            self.ids.clear();
        }
        self.ids.insert(text.into(), id);
        Ok(id)
    }

    /// The number of a text, if it has one.
    pub(super) fn find(&self, connection: &Connection, text: &str) -> Result<Option<i64>> {
        if let Some(&id) = self.ids.get(text) {
            return Ok(Some(id));
        }
        connection
            .prepare_cached("SELECT id FROM words WHERE text = ?1")?
            .query_row([text], |row| row.get(0))
            .optional()
    }

    /// The text of a number; `None` for [`NONE`].
    pub(super) fn text(&mut self, connection: &Connection, id: i64) -> Result<Option<String>> {
        if id == NONE {
            return Ok(None);
        }
        if let Some(text) = self.texts.get(&id) {
            return Ok(Some(text.to_string()));
        }
        let text: String =
            connection.prepare_cached("SELECT text FROM words WHERE id = ?1")?.query_row([id], |row| row.get(0))?;
        if self.texts.len() >= CACHED {
            self.texts.clear();
        }
        self.texts.insert(id, text.as_str().into());
        Ok(Some(text))
    }
}
