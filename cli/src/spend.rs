//! What some calls cost together, as people read it.

use std::fmt;

use llmlab::event::CostState;
use llmlab::report::{Group, Totals};

use crate::amount::{counted, dollars};

/// The cost, with what is not known of it: `≥ $12.40` where calls are unpriced, `≈ $12.40` where some are estimated,
/// `unknown` where no call has a price.
pub(crate) fn cost(totals: &Totals) -> String {
    let Some(cost) = totals.known_cost().map(dollars) else { return "unknown".to_owned() };
    match totals.state() {
        CostState::Unpriced => format!("≥ {cost}"),
        CostState::Estimated => format!("≈ {cost}"),
        _ => cost,
    }
}

/// What makes the cost doubtful: `3 calls unpriced, 1 call estimated`.
pub(crate) fn doubts(totals: &Totals) -> Option<String> {
    let doubt = |calls: u64, word: &str| (calls > 0).then(|| format!("{} {word}", counted(calls, "call")));
    let doubts = [doubt(totals.unpriced, "unpriced"), doubt(totals.estimated, "estimated")];
    Some(doubts.into_iter().flatten().collect::<Vec<_>>().join(", ")).filter(|doubts| !doubts.is_empty())
}

/// `openai/gpt-5-mini`, of a group by provider and model.
pub(crate) struct ModelName<'a>(pub(crate) &'a Group);

impl fmt::Display for ModelName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = self.0.key.0.iter().map(|(_, name)| name.as_deref());
        if let Some(provider) = names.next().flatten() {
            write!(f, "{provider}/")?;
        }
        f.write_str(names.next().flatten().unwrap_or("unknown model"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(priced: u64, estimated: u64, unpriced: u64, cost_usd: &str) -> Totals {
        let calls = priced + estimated + unpriced;
        Totals { calls, priced, estimated, unpriced, cost: cost_usd.parse().unwrap(), ..Totals::default() }
    }

    #[test]
    fn a_doubtful_cost_says_so() {
        for (totals, shown, doubt) in [
            (totals(2, 0, 0, "12.4"), "$12.40", None),
            (totals(2, 1, 0, "12.4"), "≈ $12.40", Some("1 call estimated")),
            (totals(2, 1, 3, "12.4"), "≥ $12.40", Some("3 calls unpriced, 1 call estimated")),
            (totals(0, 0, 3, "0"), "unknown", Some("3 calls unpriced")),
            (totals(0, 0, 0, "0"), "$0.00", None),
        ] {
            assert_eq!(cost(&totals), shown);
            assert_eq!(doubts(&totals).as_deref(), doubt);
        }
    }
}
