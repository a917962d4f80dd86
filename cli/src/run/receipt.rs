//! What one run cost, in one line.

use std::fmt;
use std::path::Path;

use llmlab::Result;
use llmlab::ledger::{Filter, Ledger};
use llmlab::report::{GroupBy, Summary, SummaryQuery};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::amount::counted;
use crate::colour::{DOUBT, FAINT, HEADING, MONEY};
use crate::spend::{self, ModelName};
use crate::table::printable;

/// More models than these would leave the line.
const MODELS_SHOWN: usize = 4;

pub(crate) struct Receipt {
    run_id: String,
    exit_code: i32,
    summary: Summary,
    /// Why there are no calls, where there are none.
    reason: Option<String>,
}

impl Receipt {
    /// Adds up what the spools and the ledger know of a run.
    pub(crate) fn of(home: &Path, run_id: &str, exit_code: i32, reason: impl FnOnce() -> String) -> Result<Self> {
        let (caught_up, mut ledger) = Ledger::current(home)?;
        // Without what waits in the spool the line would be wrong.
        caught_up?;
        let query = SummaryQuery {
            filter: Filter { run_id: Some(run_id.to_owned()), ..Filter::default() },
            group_by: vec![GroupBy::Provider, GroupBy::Model],
        };
        let summary = Summary::of(&mut ledger, &query)?;
        let is_empty = summary.totals.calls == 0 && summary.totals.failed_attempts == 0;
        let reason = is_empty.then(reason);
        Ok(Self { run_id: run_id.to_owned(), exit_code, summary, reason })
    }
}

/// `llmlab  12 calls · $0.0834 · openai/gpt-5-mini $0.0511 · anthropic/claude-sonnet-4-6 $0.0323     (llmlab status)`
impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HEADING}llmlab{HEADING:#}  ")?;
        if let Some(reason) = &self.reason {
            return write!(f, "no LLM calls seen: {}", printable(reason));
        }
        let totals = &self.summary.totals;
        f.write_str(&counted(totals.calls, "call"))?;
        if totals.failed_attempts > 0 {
            write!(f, ", {DOUBT}{}{DOUBT:#}", counted(totals.failed_attempts, "failed attempt"))?;
        }
        write!(f, " · {MONEY}{}{MONEY:#}", spend::cost(totals))?;
        if let Some(doubts) = spend::doubts(totals) {
            write!(f, ", {DOUBT}{doubts}{DOUBT:#}")?;
        }
        for group in self.summary.groups.iter().take(MODELS_SHOWN) {
            write!(f, " · {} {}", printable(&ModelName(group).to_string()), spend::cost(&group.totals))?;
        }
        if let Some(more) = self.summary.groups.len().checked_sub(MODELS_SHOWN).filter(|&more| more > 0) {
            write!(f, " + {more} more")?;
        }
        write!(f, "     {FAINT}(llmlab status){FAINT:#}")
    }
}

impl Serialize for Receipt {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut receipt = serializer.serialize_struct("Receipt", 5)?;
        receipt.serialize_field("run_id", &self.run_id)?;
        receipt.serialize_field("exit_code", &self.exit_code)?;
        receipt.serialize_field("total", &self.summary.totals)?;
        receipt.serialize_field("models", &self.summary.groups)?;
        receipt.serialize_field("reason", &self.reason)?;
        receipt.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use llmlab::report::{Group, Key, Totals};

    fn receipt(models: &[(&str, &str, &str)], totals: Totals) -> String {
        let group = |&(provider, model, cost): &(&str, &str, &str)| {
            let totals = Totals { calls: 1, priced: 1, cost: cost.parse().unwrap(), ..Totals::default() };
            let keys = [(GroupBy::Provider, provider), (GroupBy::Model, model)];
            Group { key: Key(keys.map(|(axis, name)| (axis, Some(name.to_owned()))).into()), totals }
        };
        let summary = Summary { totals, groups: models.iter().map(group).collect(), ..Summary::default() };
        let receipt = Receipt { run_id: "r".into(), exit_code: 0, summary, reason: None };
        anstream::adapter::strip_str(&receipt.to_string()).to_string()
    }

    #[test]
    fn a_run_is_one_line() {
        let totals = Totals { calls: 12, priced: 12, cost: "0.0834".parse().unwrap(), ..Totals::default() };
        let models = [("openai", "gpt-5-mini", "0.0511"), ("anthropic", "claude-sonnet-4-6", "0.0323")];
        assert_eq!(
            receipt(&models, totals),
            "llmlab  12 calls · $0.0834 · openai/gpt-5-mini $0.0511 · anthropic/claude-sonnet-4-6 $0.0323     \
             (llmlab status)"
        );
    }

    #[test]
    fn what_is_not_known_and_what_failed_is_said() {
        let totals = Totals {
            calls: 6,
            failed_attempts: 1,
            priced: 3,
            unpriced: 3,
            cost: "12.4".parse().unwrap(),
            ..Totals::default()
        };
        let models = ["a", "b", "c", "d", "e", "f"].map(|model| ("p", model, "1"));
        assert_eq!(
            receipt(&models, totals),
            "llmlab  6 calls, 1 failed attempt · ≥ $12.40, 3 calls unpriced · p/a $1.00 · p/b $1.00 · p/c $1.00 · \
             p/d $1.00 + 2 more     (llmlab status)"
        );
    }
}
