//! `llmlab export`: every event, one a line.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use llmlab::event::Event;
use llmlab::ledger::{Filter, Ledger};
use llmlab::moment::format_rfc3339;
use llmlab::{Error, ErrorCode};

use crate::failure::Failure;
use crate::run::say;
use crate::selection::Selection;
use crate::surroundings::Surroundings;

/// Write every event, one a line
///
/// The fields are a contract: docs/events.md.
#[derive(Args)]
#[command(after_help = crate::time::HELP)]
pub(crate) struct Arguments {
    /// The form of the events
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// Where to; the standard output if not given
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    selection: Selection,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// One JSON object a line
    Jsonl,
}

pub(crate) fn execute(arguments: &Arguments, surroundings: &Surroundings) -> Result<(), Failure> {
    let Format::Jsonl = arguments.format;
    let filter = arguments.selection.filter(surroundings)?;
    let mut ledger = surroundings.ledger()?;
    if let Some(detail_since) =
        ledger.detail_since()?.filter(|&detail| filter.since_ns.is_none_or(|since| since < detail))
    {
        say(&format!("events before {} were pruned; `llmlab status` has their totals", format_rfc3339(detail_since)));
    }
    match arguments.output.as_deref().filter(|path| *path != Path::new("-")) {
        None => export(&mut ledger, &filter, BufWriter::new(io::stdout().lock())).map_err(|problem| problem.of(None)),
        Some(path) => File::create(path)
            .map_err(Problem::Output)
            .and_then(|file| export(&mut ledger, &filter, BufWriter::new(file)))
            .map_err(|problem| problem.of(Some(path))),
    }
}

/// Which side of the export failed.
enum Problem {
    Ledger(Error),
    Output(io::Error),
}

impl Problem {
    fn of(self, output: Option<&Path>) -> Failure {
        match (self, output) {
            (Self::Ledger(error), _) => error.into(),
            (Self::Output(error), None) => error.into(),
            (Self::Output(error), Some(path)) => {
                Failure::storage(&format!("{} cannot be written", path.display()), &error)
            }
        }
    }
}

/// One event is in memory at a time, however many there are.
fn export(ledger: &mut Ledger, filter: &Filter, mut output: impl Write) -> Result<(), Problem> {
    let mut written = Ok(());
    let read = ledger.for_each_event(filter, &mut |event| {
        written = line(&event, &mut output);
        match &written {
            Ok(()) => Ok(()),
            Err(error) => Err(Error::new(ErrorCode::Storage, error.to_string())),
        }
    });
    written.map_err(Problem::Output)?;
    read.map_err(Problem::Ledger)?;
    output.flush().map_err(Problem::Output)
}

fn line(event: &Event, output: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *output, event)?;
    output.write_all(b"\n")
}
