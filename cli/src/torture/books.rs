//! The books: what the programs said against what a place holds.

use std::collections::HashMap;

use llmlab::ledger::{Filter, Ledger};
use llmlab::{Money, Result};
use serde::Serialize;

use super::journal::Journal;

/// What a place holds, by event id.
pub(super) type Holding = HashMap<String, Held>;

/// One event in a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) key: String,
    pub(super) cost: Option<Money>,
}

/// The outcome for one place.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Balance {
    /// Events held.
    pub(super) stored: u64,
    /// Acknowledged, and not there.
    pub(super) lost: u64,
    /// There, and never issued by anybody.
    pub(super) unknown: u64,
    /// There more than once, under several ids.
    pub(super) repeated: u64,
    /// There at another cost than was acknowledged, or without one.
    pub(super) altered: u64,
    /// The sum of what is there of the acknowledged events.
    pub(super) cost_usd: Money,
    /// One of the keys that make the books differ, to look for.
    pub(super) example: Option<String>,
}

impl Balance {
    pub(super) fn of(journal: &Journal, holding: &Holding) -> Self {
        let mut balance = Self { stored: holding.len() as u64, ..Self::default() };
        let mut costs: HashMap<&str, Option<Money>> = HashMap::with_capacity(holding.len());
        for held in holding.values() {
            let key = held.key.as_str();
            if !journal.issued.contains(key) {
                balance.unknown += 1;
                balance.example = Some(key.to_owned());
            }
            if costs.insert(key, held.cost).is_some() {
                balance.repeated += 1;
                balance.example = Some(key.to_owned());
            }
            if journal.acknowledged.contains_key(key) {
                balance.cost_usd += held.cost.unwrap_or_default();
            }
        }
        for (key, &cost) in &journal.acknowledged {
            let fault = match costs.get(key.as_str()) {
                None => &mut balance.lost,
                Some(&held) if held != Some(cost) => &mut balance.altered,
                Some(_) => continue,
            };
            *fault += 1;
            balance.example = Some(key.clone());
        }
        balance
    }

    /// Everything acknowledged is there once, at its cost, and nothing else but what was issued.
    pub(super) fn is_even(&self, journal: &Journal) -> bool {
        let faults = self.lost + self.unknown + self.repeated + self.altered;
        faults == 0 && self.cost_usd == journal.cost()
    }
}

/// What a ledger holds.
pub(super) fn ledger(ledger: &mut Ledger) -> Result<Holding> {
    let mut holding = Holding::new();
    ledger.for_each_event(&Filter::default(), &mut |event| {
        let key = event.attribution.user.clone().unwrap_or_default();
        let cost = event.charge.and_then(|charge| charge.total);
        let id = event.id.to_string();
        // Two rows of one id would be two events of one key: the second one gets a name of its own.
        let id = if holding.contains_key(&id) { format!("{id} again, row {}", holding.len()) } else { id };
        holding.insert(id, Held { key, cost });
        Ok(())
    })?;
    Ok(holding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torture::journal::Line;

    fn journal() -> Journal {
        let mut journal = Journal::default();
        for key in ["a", "b", "c"] {
            journal.note(Line::Issued(key.to_owned()));
        }
        journal.note(Line::Acknowledged("a".to_owned(), Money::from_atto(1)));
        journal.note(Line::Acknowledged("b".to_owned(), Money::from_atto(2)));
        journal
    }

    fn holding(held: &[(&str, &str, Option<i128>)]) -> Holding {
        let held = held
            .iter()
            .map(|&(id, key, atto)| (id.to_owned(), Held { key: key.to_owned(), cost: atto.map(Money::from_atto) }));
        held.collect()
    }

    #[test]
    fn what_a_kill_left_unacknowledged_may_be_there_or_not() {
        for held in [
            &[("1", "a", Some(1)), ("2", "b", Some(2))][..],
            &[("1", "a", Some(1)), ("2", "b", Some(2)), ("3", "c", Some(9))],
        ] {
            let balance = Balance::of(&journal(), &holding(held));
            assert!(balance.is_even(&journal()), "{balance:?}");
            assert_eq!(balance.cost_usd, Money::from_atto(3));
        }
    }

    #[test]
    fn every_fault_has_its_name() {
        let of = |held: &[(&str, &str, Option<i128>)]| {
            let balance = Balance::of(&journal(), &holding(held));
            assert!(!balance.is_even(&journal()), "{balance:?}");
            assert!(balance.example.is_some());
            [balance.lost, balance.unknown, balance.repeated, balance.altered]
        };
        assert_eq!(of(&[("1", "a", Some(1))]), [1, 0, 0, 0]);
        assert_eq!(of(&[("1", "a", Some(1)), ("2", "b", Some(2)), ("3", "d", Some(0))]), [0, 1, 0, 0]);
        assert_eq!(of(&[("1", "a", Some(1)), ("2", "b", Some(2)), ("3", "b", Some(2))]), [0, 0, 1, 0]);
        assert_eq!(of(&[("1", "a", Some(1)), ("2", "b", Some(3))]), [0, 0, 0, 1]);
        assert_eq!(of(&[("1", "a", Some(1)), ("2", "b", None)]), [0, 0, 0, 1]);
    }
}
