//! The `llmlab` command, one implementation for every way it is installed: cargo's binary, pip's console script and
//! npm's bin all call [`run`].

use std::ffi::OsString;

use clap::{Parser, Subcommand};

mod amount;
mod colour;
mod conformance;
mod demo;
mod export;
mod failure;
mod folder;
mod init;
mod price;
mod prices;
mod providers;
mod prune;
mod reprice;
mod run;
mod selection;
mod spend;
mod spool;
mod status;
mod surroundings;
mod table;
mod time;
#[cfg(unix)]
mod torture;

use failure::{Failure, exit_code};
use surroundings::Surroundings;

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 failed; 2 wrong usage. `llmlab run` returns the program's own code, 128 + N if signal N ended it, \
127 if it was not found, 126 if it could not be executed.";

/// What your LLM calls cost, to the last fraction of a cent.
#[derive(Parser)]
#[command(name = "llmlab", version, after_help = EXIT_CODES, disable_help_subcommand = true, max_term_width = 100)]
struct Arguments {
    /// Answer in JSON, with exact amounts; errors too
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Arguments),
    Status(status::Arguments),
    Price(price::Arguments),
    Providers(providers::Arguments),
    Prices(prices::Arguments),
    Reprice(reprice::Arguments),
    Export(export::Arguments),
    Prune(prune::Arguments),
    Init(init::Arguments),
    Demo(demo::Arguments),
    Spool(spool::Arguments),
    #[cfg(unix)]
    Torture(torture::Arguments),
    #[cfg(unix)]
    #[command(hide = true)]
    TortureRecorder(torture::recorder::Arguments),
    Conformance(conformance::Arguments),
}

/// Runs the command that `arguments` say (the first is the program's name) and returns its exit code.
///
/// Writes to the standard output and error; never exits the process. A caller inside an interpreter should let SIGINT
/// have its default action first, because `llmlab run` leaves Ctrl-C to the program that it runs.
///
/// ```
/// assert_eq!(llmlab_cli::run(["llmlab".into(), "--version".into()]), 0);
/// ```
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> i32 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    match Arguments::try_parse_from(arguments) {
        Ok(Arguments { json, command }) => execute(command, json).unwrap_or_else(|failure| failure.tell(json)),
        Err(error) if json && error.use_stderr() => Failure::usage(error.to_string().trim_end()).tell(json),
        Err(error) => {
            // Nobody is left to be told where the terminal is gone.
            let _ = error.print();
            error.exit_code()
        }
    }
}

fn execute(command: Command, json: bool) -> Result<i32, Failure> {
    let done = |()| exit_code::OK;
    match command {
        Command::Run(arguments) => run::execute(&arguments, json),
        Command::Status(arguments) => status::execute(&arguments, &Surroundings::find(json)?).map(done),
        Command::Price(arguments) => price::execute(&arguments, &Surroundings::find(json)?).map(done),
        Command::Providers(arguments) => providers::execute(&arguments, &Surroundings::find(json)?).map(done),
        Command::Prices(arguments) => prices::execute(&arguments, &Surroundings::find(json)?).map(done),
        Command::Reprice(arguments) => reprice::execute(&arguments, &Surroundings::find(json)?).map(done),
        Command::Export(arguments) => export::execute(&arguments, &Surroundings::find(json)?).map(done),
        Command::Prune(arguments) => prune::execute(&arguments, &Surroundings::find(json)?).map(done),
        Command::Init(arguments) => init::execute(&arguments, &Surroundings::find(json)?).map(done),
        Command::Demo(_) => demo::execute(json).map(done),
        Command::Spool(arguments) => spool::execute(&arguments, &Surroundings::find(json)?),
        #[cfg(unix)]
        Command::Torture(arguments) => torture::execute(&arguments, json),
        #[cfg(unix)]
        Command::TortureRecorder(arguments) => torture::recorder::execute(&arguments).map(done),
        Command::Conformance(arguments) => conformance::execute(&arguments, json),
    }
}
