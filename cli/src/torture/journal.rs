//! What the recording programs said: which events they were about to record, and which were recorded.
//!
//! An event is known by a key that its program made up and gave to the library as the user's name, so that the books do
//! not rest on the library's own ids.

use std::collections::{HashMap, HashSet};
use std::fmt;

use llmlab::Money;

/// One line of a recording program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// An event of this key is about to be recorded.
    Issued(String),
    /// The call that recorded it has returned, and the event was not in memory only.
    Acknowledged(String, Money),
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issued(key) => writeln!(f, "issued {key}"),
            Self::Acknowledged(key, cost) => writeln!(f, "acknowledged {key} {cost}"),
        }
    }
}

impl Line {
    /// Reads a line with its end. `None` for one that a kill has cut short.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut words = text.strip_suffix('\n')?.split(' ');
        let line = match (words.next()?, words.next()?, words.next()) {
            ("issued", key, None) => Self::Issued(key.to_owned()),
            ("acknowledged", key, Some(cost)) => Self::Acknowledged(key.to_owned(), cost.parse().ok()?),
            _ => return None,
        };
        words.next().is_none().then_some(line)
    }
}

/// The lines of all programs.
#[derive(Debug, Default)]
pub(super) struct Journal {
    pub(super) issued: HashSet<String>,
    pub(super) acknowledged: HashMap<String, Money>,
}

impl Journal {
    pub(super) fn note(&mut self, line: Line) {
        match line {
            Line::Issued(key) => {
                self.issued.insert(key);
            }
            Line::Acknowledged(key, cost) => {
                self.acknowledged.insert(key, cost);
            }
        }
    }

    pub(super) fn take_in(&mut self, other: Self) {
        self.issued.extend(other.issued);
        self.acknowledged.extend(other.acknowledged);
    }

    /// The sum of what was acknowledged.
    pub(super) fn cost(&self) -> Money {
        self.acknowledged.values().copied().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written_and_only_whole() {
        for line in [
            Line::Issued("7.0.1".to_owned()),
            Line::Acknowledged("7.0.1".to_owned(), "0.000000000000000007".parse().unwrap()),
        ] {
            let text = line.to_string();
            assert_eq!(Line::read(&text), Some(line));
            for cut in 0..text.len() {
                assert_eq!(Line::read(&text[..cut]), None, "{cut}");
            }
        }
    }
}
