//! What was spent, and on what.

use std::cmp::Reverse;

use serde::{Serialize, Serializer};

use crate::error::Result;
use crate::ledger::{Filter, GroupBy, HOUR_NS, Key, Ledger, Totals};
use crate::moment::format_rfc3339;

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
    /// Set where the question is finer than what is still known of its time, in nanoseconds since 1970; RFC 3339 in JSON.
    /// Before this moment detail was pruned: users, sessions, environments and services are `None` there, hours are counted
    /// whole, and a run lacks what began earlier.
    #[serde(rename = "detail_since", serialize_with = "rfc3339")]
    pub detail_since_ns: Option<i64>,
}

#[expect(clippy::ref_option, reason = "what serde calls")]
fn rfc3339<S: Serializer>(unix_ns: &Option<i64>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    unix_ns.map(format_rfc3339).serialize(serializer)
}

impl SummaryQuery {
    /// Rollups by hour cannot answer it, and they are all there is before `detail_since`.
    fn lacks_detail(&self, detail_since: i64) -> bool {
        let Filter { since_ns, until_ns, run_id, .. } = &self.filter;
        let within_hour = |bound: i64| bound < detail_since && bound.rem_euclid(HOUR_NS) != 0;
        let is_fine = run_id.is_some() || !self.group_by.iter().all(|axis| axis.is_fast());
        since_ns.is_none_or(|since| since < detail_since)
            && (is_fine || since_ns.is_some_and(within_hour) || until_ns.is_some_and(within_hour))
    }
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
        let detail_since_ns = ledger.detail_since()?.filter(|&detail_since| query.lacks_detail(detail_since));
        let mut summary = Self { detail_since_ns, ..Self::default() };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Batch;
    use crate::spool::testing::{call, header};

    #[test]
    fn a_question_finer_than_what_was_kept_says_so() {
        let mut ledger = Ledger::read(std::path::Path::new("/nowhere/ledger.db")).unwrap();
        let (start, events) = (call(0).facts.unix_ns, (0..3).map(call).collect());
        ledger.ingest(&[Batch { id: "b".into(), origin: header().origin, events }]).unwrap();
        let ask = |ledger: &mut Ledger, filter: Filter, group_by: &[GroupBy]| {
            let query = SummaryQuery { filter, group_by: group_by.to_vec() };
            let summary = Summary::of(ledger, &query).unwrap();
            (summary.totals.calls, summary.detail_since_ns)
        };
        let all = Filter::default();
        assert_eq!(ask(&mut ledger, all.clone(), &[GroupBy::User]), (3, None), "nothing was pruned");
        let end = ledger.prune(start + HOUR_NS).unwrap().before_ns;
        let run = Filter { run_id: Some("run-1".into()), ..all.clone() };
        let since = |since| Filter { since_ns: Some(since), ..all.clone() };
        assert_eq!(ask(&mut ledger, all.clone(), &[GroupBy::Model]), (3, None), "rollups know");
        assert_eq!(ask(&mut ledger, all.clone(), &[GroupBy::User]), (3, Some(end)));
        assert_eq!(ask(&mut ledger, run, &[]), (0, Some(end)));
        assert_eq!(ask(&mut ledger, since(end - HOUR_NS), &[]), (3, None));
        assert_eq!(ask(&mut ledger, since(end - 1), &[]), (0, Some(end)), "the hour began before");
        let until = |until| Filter { until_ns: Some(until), ..all.clone() };
        assert_eq!(ask(&mut ledger, until(end - 1), &[]), (3, Some(end)), "and it is counted whole");
        assert_eq!(ask(&mut ledger, until(end + 1), &[]), (3, None));
        assert_eq!(ask(&mut ledger, since(end), &[GroupBy::User]), (0, None), "there is all detail since");
    }
}
