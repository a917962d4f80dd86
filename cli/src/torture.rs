//! `llmlab torture`: kills a recording program again and again, and shows that the books balance all the same.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use llmlab::clock::{Clock, SystemClock};

use crate::failure::{Failure, exit_code};
use crate::folder;

mod backend;
mod books;
mod http;
mod journal;
mod killer;
pub(crate) mod recorder;
mod report;
mod stage;
mod trial;

use stage::Host;
use trial::Trial;

/// Kill a recording program again and again, and show that nothing is lost
///
/// Starts programs that record calls, in a private home, towards a backend on this machine that stores every batch and
/// then often drops its answer; kills them (SIGKILL) some milliseconds after their first call; lets one more process
/// deliver what they left; and compares what the programs said, what the backend has and what the ledger has, to the last
/// decimal. Your own ledger is not touched. Exit code 1 if the books do not balance.
#[derive(Args)]
pub(crate) struct Arguments {
    /// How many programs are killed
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    kills: u64,
    /// Threads that record in each of them
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=64))]
    threads: u64,
    /// Programs beside it that record into the same spool, for the last tenth of the kills
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(0..=64))]
    siblings: u64,
    /// How many answers the backend drops after it has stored the batch
    #[arg(long, value_name = "PERCENT", default_value = "10%", value_parser = percent)]
    drop_answers: u8,
    /// Repeats the faults and the moments of an earlier torture
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// The language of the programs
    #[arg(long, value_enum, default_value_t = Host::Rust)]
    host: Host,
    /// The interpreter of Python programs, which must have llmlab; the one that runs this command, else python3
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
    /// A backend of your own that speaks docs/protocol.md, with the key in `LLMLAB_API_KEY`, instead of ours; what it
    /// stored cannot be asked, so the books are those of the ledger
    #[arg(long, value_name = "URL", conflicts_with = "drop_answers")]
    against: Option<String>,
    /// How long the delivery of the rest may take
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    timeout: u64,
}

pub(crate) fn execute(arguments: &Arguments, json: bool) -> Result<i32, Failure> {
    let home = folder::temporary("llmlab-torture-")
        .map_err(|cause| Failure::storage("no temporary directory can be made", &cause))?;
    let report = Trial::of(arguments, home.path())?.run()?;
    if !report.balanced {
        // What went wrong is in there.
        crate::run::say(&format!("the home is kept: {}", home.keep().display()));
    }
    let mut stdout = anstream::stdout();
    if json {
        writeln!(stdout, "{}", serde_json::to_string(&report)?)?;
    } else {
        write!(stdout, "{report}")?;
    }
    Ok(if report.balanced { exit_code::OK } else { exit_code::FAILURE })
}

fn now_ns() -> u64 {
    SystemClock.now().monotonic_ns
}

fn percent(text: &str) -> Result<u8, String> {
    match text.strip_suffix('%').unwrap_or(text).parse() {
        Ok(percent @ 0..=100) => Ok(percent),
        _ => Err("it must be a percentage such as 10%".to_owned()),
    }
}
