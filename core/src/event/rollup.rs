//! What is left of events whose detail had to be given up: exact sums.

use std::borrow::Cow;

use super::{Facts, Operation, Status, Subject};
use crate::usage::Usage;

/// Calls of one UTC day that have something in common, as sums. Made where the bounds of the spool are reached, so that
/// money and counts outlive the detail. The cost is the event's charge; who was served is in its attribution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rollup {
    /// Who was called.
    pub provider: Option<Cow<'static, str>>,
    /// The model that answered.
    pub model: Option<String>,
    /// What was asked; `None` for steps, and where operations had to be thrown together.
    pub operation: Option<Operation>,
    /// The sum of each dimension that was reported at all.
    pub usage: Usage,
    /// How many there were.
    pub tally: Tally,
}

/// How many things an event stands for. For a call or a step that is one, so that counting events and adding up rollups
/// is the same sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls that were answered, and those that broke off.
    pub calls: u64,
    /// Attempts that ended in an error or a lost connection, without usage. They are no calls.
    pub failed_attempts: u64,
    /// Steps of traced programs.
    pub steps: u64,
}

impl Tally {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            failed_attempts: self.failed_attempts.saturating_add(other.failed_attempts),
            steps: self.steps.saturating_add(other.steps),
        }
    }
}

impl Facts {
    /// How many calls, failed attempts and steps these facts are.
    pub fn tally(&self) -> Tally {
        match &self.subject {
            Subject::Rollup(rollup) => rollup.tally,
            Subject::Step(_) => Tally { steps: 1, ..Tally::default() },
            Subject::Call(call) if matches!(self.status, Status::Error | Status::Lost) && call.usage.is_empty() => {
                Tally { failed_attempts: 1, ..Tally::default() }
            }
            Subject::Call(_) => Tally { calls: 1, ..Tally::default() },
        }
    }
}
