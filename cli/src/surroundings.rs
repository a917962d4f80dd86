//! What a command finds around it: the home, the time, the wish for JSON.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use llmlab::clock::{Clock, SystemClock};
use llmlab::config::{self, environment_variable};
use llmlab::ledger::Ledger;
use llmlab::{Config, Llmlab, Options, Result};

use crate::run::say;

pub(crate) struct Surroundings {
    pub(crate) home: PathBuf,
    pub(crate) now: Zoned,
    pub(crate) json: bool,
}

impl Surroundings {
    pub(crate) fn find(json: bool) -> Result<Self> {
        Ok(Self::at(config::home(&environment_variable)?, json))
    }

    /// Those of another home.
    pub(crate) fn at(home: PathBuf, json: bool) -> Self {
        let unix_ns = SystemClock.now().unix_ns;
        let now = Timestamp::from_nanosecond(i128::from(unix_ns)).unwrap_or(Timestamp::UNIX_EPOCH);
        Self { home, now: now.to_zoned(TimeZone::system()), json }
    }

    pub(crate) fn now_ns(&self) -> i64 {
        i64::try_from(self.now.timestamp().as_nanosecond()).unwrap_or(i64::MAX)
    }

    /// The ledger, current to the second. What could not be taken in is said, and the rest is answered.
    pub(crate) fn ledger(&self) -> Result<Ledger> {
        let (caught_up, ledger) = Ledger::current(&self.home)?;
        match caught_up {
            Ok(caught_up) => {
                for file in caught_up.damaged {
                    say(&format!("part of {} cannot be read; the rest of it is counted", file.display()));
                }
                for file in caught_up.newer {
                    say(&format!("{} is of a newer llmlab and not counted; update this one", file.display()));
                }
            }
            Err(error) => say(&format!("the newest events are not counted: {error}")),
        }
        Ok(ledger)
    }

    /// A client of the user's configuration: it makes no file and no thread before it records.
    pub(crate) fn client() -> Result<Llmlab> {
        Llmlab::new(Config::load(Options::default())?, Arc::new(SystemClock))
    }
}
