//! `llmlab prune`: detail that is old enough goes, totals stay.

use std::io::Write;

use clap::Args;
use llmlab::ledger::{Ledger, Pruned};
use llmlab::moment::format_rfc3339;

use crate::amount::count;
use crate::failure::Failure;
use crate::surroundings::Surroundings;
use crate::time::Time;

/// Remove old events; what they cost and used stays in every total
///
/// Gone are their users, sessions, runs, tags and single lines of `llmlab export`. Totals by hour, project, provider, model
/// and feature stay for ever.
#[derive(Args)]
#[command(after_help = crate::time::HELP)]
pub(crate) struct Arguments {
    /// Remove what began before this time, rounded down to the hour
    #[arg(long, value_name = "TIME", default_value = "90d")]
    older_than: Time,
    /// Only say how many events that would be
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn execute(arguments: &Arguments, surroundings: &Surroundings) -> Result<(), Failure> {
    let before_ns = arguments.older_than.start_ns(&surroundings.now)?;
    let mut pruned = surroundings.ledger()?.prunable(before_ns)?;
    // Without anything to remove, nothing is opened for writing, and no ledger made.
    if pruned.events > 0 && !arguments.dry_run {
        pruned = Ledger::open(&Ledger::path_in(&surroundings.home))?.prune(before_ns)?;
    }
    let mut stdout = anstream::stdout().lock();
    if surroundings.json {
        let before = format_rfc3339(pruned.before_ns);
        let answer = serde_json::json!({ "events": pruned.events, "before": before, "dry_run": arguments.dry_run });
        writeln!(stdout, "{answer}")?;
    } else {
        writeln!(stdout, "{}", sentence(&pruned, arguments.dry_run))?;
    }
    Ok(stdout.flush()?)
}

fn sentence(pruned: &Pruned, dry_run: bool) -> String {
    let before = format_rfc3339(pruned.before_ns);
    match pruned.events {
        0 => format!("no event began before {before}"),
        events => {
            let (would, noun) =
                (if dry_run { "would remove" } else { "removed" }, if events == 1 { "event" } else { "events" });
            format!("{would} {} {noun} that began before {before}; totals stay as they are", count(events))
        }
    }
}
