//! What calls cost and used together.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::event::CostState;
use crate::money::Money;
use crate::usage::Usage;

/// Sums over calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Calls that were answered, and those that broke off.
    pub calls: u64,
    /// Attempts that ended in an error or a lost connection, without usage. They are no calls.
    pub failed_attempts: u64,
    /// Calls whose cost is the number on the invoice.
    pub priced: u64,
    /// Calls whose cost is a lower bound or a guess.
    pub estimated: u64,
    /// Calls, and attempts whose connection was lost, of whose cost nothing is known.
    pub unpriced: u64,
    /// What is known of the cost, which may be nothing: see [`Totals::known_cost`].
    pub cost: Money,
    /// The sum of each dimension that was reported at all.
    pub usage: Usage,
}

impl Totals {
    /// Adds other totals to these.
    pub fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.failed_attempts += other.failed_attempts;
        self.priced += other.priced;
        self.estimated += other.estimated;
        self.unpriced += other.unpriced;
        self.cost += other.cost;
        self.usage.add(&other.usage);
    }

    /// The state of a sum is that of its most doubtful part.
    pub const fn state(&self) -> CostState {
        if self.unpriced > 0 {
            CostState::Unpriced
        } else if self.estimated > 0 {
            CostState::Estimated
        } else {
            CostState::Priced
        }
    }

    /// The cost: a lower bound where something is unpriced, and `None`, not 0, where nothing has a price.
    pub const fn known_cost(&self) -> Option<Money> {
        let unknown = self.unpriced > 0 && self.priced == 0 && self.estimated == 0;
        if unknown { None } else { Some(self.cost) }
    }
}

/// `cost_usd` is exact, null where nothing is known, and a lower bound where `cost_state` is `unpriced`.
impl Serialize for Totals {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("cost_usd", &self.known_cost())?;
        map.serialize_entry("cost_state", self.state().as_str())?;
        map.serialize_entry("calls", &self.calls)?;
        map.serialize_entry("failed_attempts", &self.failed_attempts)?;
        map.serialize_entry("priced", &self.priced)?;
        map.serialize_entry("estimated", &self.estimated)?;
        map.serialize_entry("unpriced", &self.unpriced)?;
        map.serialize_entry("usage", &self.usage)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_exact_and_null_where_nothing_is_known() {
        let json = |priced, unpriced, cost: &str| {
            let totals = Totals { priced, unpriced, cost: cost.parse().unwrap(), ..Totals::default() };
            serde_json::to_string(&totals).unwrap()
        };
        assert!(json(1, 0, "0.000000000000000001").starts_with(r#"{"cost_usd":0.000000000000000001,"#));
        assert!(json(0, 1, "0").starts_with(r#"{"cost_usd":null,"cost_state":"unpriced","#));
        assert!(json(1, 1, "2").starts_with(r#"{"cost_usd":2,"cost_state":"unpriced","#));
    }
}
