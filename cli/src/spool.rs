//! `llmlab spool`: what waits to be delivered, whether it is sound, and delivering it now.

use clap::{Args, Subcommand};
use llmlab::spool::{ProjectSpool, status as look};

use crate::failure::Failure;
use crate::selection::project;
use crate::surroundings::Surroundings;

mod drain;
mod status;
mod verify;

pub(crate) use status::dropped;

/// Look at what waits to be delivered, check it, deliver it now
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What waits, by project and destination, and what was given up
    Status(Choice),
    /// Read every file; exit code 1 if something in one is damaged
    Verify,
    Drain(drain::Arguments),
}

#[derive(Args)]
struct Choice {
    /// Only this project
    #[arg(long, value_name = "NAME", value_parser = project)]
    project: Option<String>,
}

impl Choice {
    /// The spools of the projects that are meant.
    fn spools(&self, surroundings: &Surroundings) -> Vec<ProjectSpool> {
        let is_meant = |spool: &ProjectSpool| self.project.as_ref().is_none_or(|project| *project == spool.project);
        look(&surroundings.home).into_iter().filter(is_meant).collect()
    }
}

pub(crate) fn execute(arguments: &Arguments, surroundings: &Surroundings) -> Result<i32, Failure> {
    match &arguments.command {
        Command::Status(choice) => status::execute(choice, surroundings),
        Command::Verify => verify::execute(surroundings),
        Command::Drain(arguments) => drain::execute(arguments, surroundings),
    }
}
