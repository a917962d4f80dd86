//! Which events a question is about.

use clap::Args;
use llmlab::Result;
use llmlab::config::checked_name;
use llmlab::ledger::Filter;

use crate::surroundings::Surroundings;
use crate::time::Time;

/// The options of every command that asks the ledger.
#[derive(Args)]
pub(crate) struct Selection {
    /// Only what began at or after this time
    #[arg(long, value_name = "TIME")]
    since: Option<Time>,
    /// Only what began before the end of this time
    #[arg(long, value_name = "TIME")]
    until: Option<Time>,
    /// Only this project
    #[arg(long, value_name = "NAME", value_parser = project)]
    project: Option<String>,
}

impl Selection {
    /// Half-open: from the start of `--since` to before the end of `--until`.
    pub(crate) fn filter(&self, surroundings: &Surroundings) -> Result<Filter> {
        let now = &surroundings.now;
        Ok(Filter {
            since_ns: self.since.as_ref().map(|time| time.start_ns(now)).transpose()?,
            until_ns: self.until.as_ref().map(|time| time.end_ns(now)).transpose()?,
            project: self.project.clone(),
            run_id: None,
        })
    }
}

/// Reads the name of a project.
pub(crate) fn project(name: &str) -> Result<String> {
    checked_name("project", name.to_owned())
}
