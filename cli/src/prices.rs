//! `llmlab prices`: what the catalogue holds, what would change, and taking a published list over.

use std::io::Write;

use clap::{Args, Subcommand};
use llmlab::Llmlab;
use llmlab::pricelist::Lists;
use serde_json::{Value, json};

use crate::colour::FAINT;
use crate::failure::Failure;
use crate::run::say;
use crate::surroundings::Surroundings;

mod diff;
mod list;
mod publish;
mod show;
mod update;

/// Look at the prices, compare them, take a published list over
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Show(show::Arguments),
    List(list::Arguments),
    Diff(diff::Arguments),
    Update(update::Arguments),
    #[command(hide = true)]
    Keygen(publish::Keygen),
    #[command(hide = true)]
    Pack(publish::Pack),
    #[command(hide = true)]
    Sign(publish::Sign),
}

pub(crate) fn execute(arguments: &Arguments, surroundings: &Surroundings) -> Result<(), Failure> {
    if !matches!(arguments.command, Command::Update(_) | Command::Keygen(_) | Command::Pack(_) | Command::Sign(_)) {
        tell_of_damage(surroundings);
    }
    match &arguments.command {
        Command::Show(arguments) => show::execute(arguments, surroundings),
        Command::List(arguments) => list::execute(arguments, surroundings),
        Command::Diff(arguments) => diff::execute(arguments, surroundings),
        Command::Update(arguments) => update::execute(arguments, surroundings),
        Command::Keygen(arguments) => publish::keygen(arguments, surroundings),
        Command::Pack(arguments) => publish::pack(arguments),
        Command::Sign(arguments) => publish::sign(arguments, surroundings),
    }
}

/// Says why the list of the home is not in force, where it should be.
pub(crate) fn tell_of_damage(surroundings: &Surroundings) {
    if let Err(why) = Lists::of(&surroundings.home).current() {
        say(&format!("{why}; the built-in prices are used until `llmlab prices update` or `--rollback`"));
    }
}

/// Where the prices of a client come from: the list that is in force, or nothing for the built-in ones.
fn source(lab: &Llmlab) -> Option<Value> {
    let kept = Lists::of(&lab.config().home).told().ok()?.0?;
    (kept.version == lab.catalogue().version()).then(|| json!({ "from": kept.from, "taken": kept.taken }))
}

/// The last line of a page.
fn foot(lab: &Llmlab, output: &mut dyn Write) -> Result<(), Failure> {
    let version = lab.catalogue().version();
    let from = match source(lab) {
        Some(source) => format!("from {}", source["from"].as_str().unwrap_or_default()),
        None => "built in".to_owned(),
    };
    Ok(writeln!(output, "\n  {FAINT}catalogue {version}, {from}{FAINT:#}")?)
}
