//! `llmlab status`: what was spent.

use std::io::Write;

use clap::Args;

use crate::failure::Failure;
use crate::selection::Selection;
use crate::surroundings::Surroundings;

mod overview;
mod page;

pub(crate) use overview::Overview;
pub(crate) use page::Page;

/// Say what was spent: in all, this month, a day, by provider, model and feature
///
/// Current to the second, running programs included. `≥` is a lower bound, because calls without a known price are not
/// in it; `≈` contains estimates.
#[derive(Args)]
#[command(after_help = crate::time::HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    selection: Selection,
}

pub(crate) fn execute(arguments: &Arguments, surroundings: &Surroundings) -> Result<(), Failure> {
    let filter = arguments.selection.filter(surroundings)?;
    let overview = Overview::of(&mut surroundings.ledger()?, filter, &surroundings.now)?;
    show(&overview, surroundings)
}

/// Writes an overview as it was asked for.
pub(crate) fn show(overview: &Overview, surroundings: &Surroundings) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    if surroundings.json {
        writeln!(stdout, "{}", serde_json::to_string(overview)?)?;
    } else {
        write!(stdout, "{}", Page { overview, home: &surroundings.home, zone: surroundings.now.time_zone() })?;
    }
    Ok(stdout.flush()?)
}
