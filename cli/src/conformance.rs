//! `llmlab conformance`: does a server keep the contract of docs/protocol.md?

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::colour::{BAD, FAINT, MONEY};
use crate::failure::{Failure, exit_code};
use crate::table::{Align, Cell, Table};

mod checks;
mod sample;
mod server;

use checks::{CHECKS, Miss};
use server::Server;

/// Test whether a server keeps the ingest protocol, docs/protocol.md
///
/// Stores some thousand events of its own in the project; nothing is deleted.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The address that `backend` would have: everything before /v1/projects
    url: String,
    /// The key that may write to the project; without it, authentication is not tested
    #[arg(long)]
    key: Option<String>,
    /// The project that the events go to
    #[arg(long, default_value = "conformance")]
    project: String,
    /// A PEM file of certificate authorities to trust instead of the bundled ones
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// What became of a check, as `--json` shows it.
#[derive(Serialize)]
struct Done {
    name: &'static str,
    rule: &'static str,
    state: &'static str,
    /// What a server should have answered, or why the check was skipped.
    expected: Option<String>,
    got: Option<String>,
}

pub(crate) fn execute(arguments: &Arguments, json: bool) -> Result<i32, Failure> {
    let url = arguments.url.trim_end_matches('/');
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(Failure::usage(format!("{url:?} is no address; it begins with https:// or http://")));
    }
    let server = Server::new(url, arguments.key.as_deref(), &arguments.project, arguments.ca_file.as_deref())?;
    server.reach().map_err(|said| Failure::said("unreachable", format!("{url} does not answer: {said}")))?;
    let done: Vec<Done> = CHECKS
        .iter()
        .map(|check| {
            let (state, expected, got) = match (check.run)(&server) {
                Ok(()) => ("ok", None, None),
                Err(Miss::NotTested(reason)) => ("skipped", Some(reason.to_owned()), None),
                Err(Miss::Failed { expected, got }) => ("failed", Some(expected), Some(got)),
            };
            Done { name: check.name, rule: check.rule, state, expected, got }
        })
        .collect();
    if json {
        writeln!(io::stdout(), "{}", serde_json::json!({ "url": url, "checks": done }))?;
    } else {
        show(&done)?;
    }
    Ok(if count(&done, "failed") > 0 { exit_code::FAILURE } else { exit_code::OK })
}

fn count(done: &[Done], state: &str) -> usize {
    done.iter().filter(|done| done.state == state).count()
}

fn show(done: &[Done]) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    for done in done {
        let style = match done.state {
            "ok" => MONEY,
            "failed" => BAD,
            _ => FAINT,
        };
        let mut table = Table::new([("", Align::Left); 3]);
        let cell = |text: &str, width: usize| format!("{text:<width$}");
        table.row([Cell::styled(cell(done.state, 7), style), cell(done.name, 18).into(), done.rule.into()]);
        let why = if done.state == "skipped" { "because" } else { "expected" };
        let details = [(why, &done.expected), ("got", &done.got)];
        for (name, text) in details.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?))) {
            table.row(["".into(), Cell::styled(format!("{name:>18}"), FAINT), Cell::styled(text.clone(), FAINT)]);
        }
        write!(stdout, "{table}")?;
    }
    let [passed, failed, skipped] = ["ok", "failed", "skipped"].map(|state| count(done, state));
    writeln!(stdout, "\n  {passed} ok, {failed} failed, {skipped} skipped")?;
    Ok(())
}
