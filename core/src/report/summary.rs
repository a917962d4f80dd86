//! What was spent, and on what.

use std::cmp::Reverse;

use serde::Serialize;

use crate::error::Result;
use crate::ledger::{Filter, GroupBy, Key, Ledger, Totals};

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SummaryQuery {
    /// Which events count.
    pub filter: Filter,
    /// By what the total is broken down; nothing is one total only.
    pub group_by: Vec<GroupBy>,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Of everything asked for.
    pub totals: Totals,
    /// The parts, the dearest first. Their totals add up to [`Summary::totals`], to the last atto-dollar.
    pub groups: Vec<Group>,
}

/// A part of a summary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// What its calls have in common.
    #[serde(flatten)]
    pub key: Key,
    /// What they cost and used.
    #[serde(flatten)]
    pub totals: Totals,
}

impl Summary {
    /// Asks a ledger.
    ///
    /// ```
    /// use llmlab::ledger::{GroupBy, Ledger};
    /// use llmlab::report::{Summary, SummaryQuery};
    ///
    /// let mut ledger = Ledger::read(std::path::Path::new("/nowhere/ledger.db"))?;
    /// let query = SummaryQuery { group_by: vec![GroupBy::Provider], ..SummaryQuery::default() };
    /// assert_eq!(Summary::of(&mut ledger, &query)?.totals.calls, 0);
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`crate::ErrorCode::Storage`].
    pub fn of(ledger: &mut Ledger, query: &SummaryQuery) -> Result<Self> {
        let found = ledger.totals(&query.filter, &query.group_by)?;
        let mut summary = Self::default();
        for (key, totals) in found {
            summary.totals.add(&totals);
            if !query.group_by.is_empty() {
                summary.groups.push(Group { key, totals });
            }
        }
        summary.groups.sort_by(|one, other| {
            let rank = |group: &Group| (Reverse(group.totals.cost), Reverse(group.totals.calls));
            let label = |group: &Group| group.key.0.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>();
            rank(one).cmp(&rank(other)).then_with(|| label(one).cmp(&label(other)))
        });
        Ok(summary)
    }
}
