//! What came out of a torture.

use std::fmt;

use llmlab::Money;
use serde::Serialize;

use super::books::Balance;
use super::journal::Journal;
use super::stage::Host;
use crate::amount::{count, counted};
use crate::colour::{BAD, FAINT, HEADING};
use crate::table::{Align, Cell, Table};

#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) host: &'static str,
    pub(super) seed: u64,
    pub(super) kills: u64,
    pub(super) kills_ms: u64,
    /// From the last kill until nothing waited any more.
    pub(super) drain_ms: u64,
    /// Events that were about to be recorded.
    pub(super) issued: u64,
    /// Events whose recording had returned before the kill.
    pub(super) acknowledged: u64,
    pub(super) cost_usd: Money,
    pub(super) dropped_answers: u64,
    pub(super) dropped_requests: u64,
    /// Events that reached the backend again because of that, and were recognised.
    pub(super) duplicates: u64,
    /// `None` where somebody else's backend was tortured.
    pub(super) backend: Option<Balance>,
    pub(super) ledger: Balance,
    /// The event that was recorded after everything has arrived too.
    pub(super) fresh_event: bool,
    /// What else is wrong.
    pub(super) complaints: Vec<String>,
    pub(super) balanced: bool,
}

impl Report {
    /// Closes the books.
    pub(super) fn close(&mut self, journal: &Journal) {
        let is_even = |balance: &Balance| balance.is_even(journal);
        self.issued = journal.issued.len() as u64;
        self.acknowledged = journal.acknowledged.len() as u64;
        self.cost_usd = journal.cost();
        self.balanced = self.backend.as_ref().is_none_or(is_even)
            && is_even(&self.ledger)
            && self.fresh_event
            && self.complaints.is_empty();
    }

    fn places(&self) -> impl Iterator<Item = (&'static str, &Balance)> {
        self.backend.iter().map(|balance| ("backend", balance)).chain([("ledger", &self.ledger)])
    }
}

impl Host {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADING}llmlab torture{HEADING:#} {FAINT}· {} · seed {}{FAINT:#}\n", self.host, self.seed)?;
        let a_second = self.kills * 1_000 / self.kills_ms.max(1);
        let rate = format!("in {}, {} a second", seconds(self.kills_ms), count(a_second));
        let mut events = Table::new([("", Align::Left), ("", Align::Right), ("", Align::Left)]);
        events.row(["kills".into(), count(self.kills).into(), Cell::styled(rate, FAINT)]);
        let note = "recorded, and said so before the kill";
        events.row(["acknowledged".into(), count(self.acknowledged).into(), Cell::styled(note, FAINT)]);
        let note = "by the backend, after it had stored the batch";
        events.row(["answers dropped".into(), count(self.dropped_answers).into(), Cell::styled(note, FAINT)]);
        let note = "before it had stored anything";
        events.row(["requests dropped".into(), count(self.dropped_requests).into(), Cell::styled(note, FAINT)]);
        let note = "delivered again because of the former, and recognised";
        events.row(["duplicates".into(), count(self.duplicates).into(), Cell::styled(note, FAINT)]);
        let note = format!("delivered {} after the last kill", seconds(self.drain_ms));
        let fresh = if self.fresh_event { "arrived" } else { "did not arrive" };
        events.row(["a fresh event".into(), fresh.into(), Cell::styled(note, FAINT)]);
        writeln!(f, "{events}")?;
        writeln!(f, "{}", self.books())?;
        for complaint in self.complaints.iter().take(5) {
            writeln!(f, "{BAD}!{BAD:#} {complaint}")?;
        }
        if self.balanced {
            writeln!(f, "The books balance: {} kept, none lost, none twice.", counted(self.acknowledged, "event"))
        } else {
            writeln!(f, "{BAD}The books do not balance.{BAD:#} Look for: {}", self.examples().join(", "))
        }
    }
}

impl Report {
    fn books(&self) -> Table {
        let headings = ["", "stored", "lost", "twice", "altered", "unknown", "cost of the acknowledged"];
        let mut books =
            Table::new(headings.map(|heading| (heading, if heading.is_empty() { Align::Left } else { Align::Right })));
        let blank = || Cell::from("");
        books.row(["the programs".into(), blank(), blank(), blank(), blank(), blank(), exact(self.cost_usd).into()]);
        for (place, balance) in self.places() {
            let fault = |number: u64| if number == 0 { count(0).into() } else { Cell::styled(count(number), BAD) };
            books.row([
                format!("the {place}").into(),
                count(balance.stored).into(),
                fault(balance.lost),
                fault(balance.repeated),
                fault(balance.altered),
                fault(balance.unknown),
                exact(balance.cost_usd).into(),
            ]);
        }
        books
    }

    fn examples(&self) -> Vec<String> {
        let of = |(place, balance): (&str, &Balance)| {
            balance.example.as_ref().map(|key| format!("user {key} in the {place}"))
        };
        self.places().filter_map(of).collect()
    }
}

/// Every decimal, so that equal is seen to be equal.
fn exact(amount: Money) -> String {
    let text = amount.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    format!("${whole}.{fraction:0<18}")
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}
