//! `llmlab spool drain`: delivers now what waits, with the configuration of here and now.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use llmlab::clock::{Clock, SystemClock};
use llmlab::outbox::{SinkCounters, SinkState};
use llmlab::spool::{ProjectSpool, Waiting};
use llmlab::{Config, Llmlab, Options};
use serde::Serialize;

use super::Choice;
use crate::amount::{count, counted};
use crate::colour::DOUBT;
use crate::failure::{Failure, exit_code};
use crate::run::say;
use crate::surroundings::Surroundings;
use crate::table::{Align, Cell, Table};

/// Deliver what waits, now
///
/// To the ledger and to the sinks of the configuration and the environment as they are here. Exit code 1 if something
/// still waits at the end.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    choice: Choice,
    /// How long to try
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
}

/// What became of the events of one project for one destination.
#[derive(Debug, Default, Serialize)]
struct Drained {
    project: String,
    destination: String,
    delivered: u64,
    waiting: u64,
    /// Why something waits.
    reason: Option<String>,
}

pub(super) fn execute(arguments: &Arguments, surroundings: &Surroundings) -> Result<i32, Failure> {
    let deadline_ns = now_ns().saturating_add(arguments.timeout.saturating_mul(1_000_000_000));
    let mut drained = Vec::new();
    for spool in arguments.choice.spools(surroundings).into_iter().filter(has_something) {
        let delivered = deliver(&spool, deadline_ns)?;
        drained.extend(delivered);
    }
    for spool in arguments.choice.spools(surroundings) {
        for waiting in spool.destinations.iter().filter(|waiting| waiting.events + waiting.segments > 0) {
            note(&mut drained, &spool, waiting);
        }
    }
    let is_empty = drained.iter().all(|drained| drained.waiting == 0);
    tell(&drained, surroundings.json)?;
    Ok(if is_empty { exit_code::OK } else { exit_code::FAILURE })
}

fn has_something(spool: &ProjectSpool) -> bool {
    spool.destinations.iter().any(|waiting| waiting.segments > 0)
}

/// Delivers what waits for one project.
fn deliver(spool: &ProjectSpool, deadline_ns: u64) -> Result<Vec<Drained>, Failure> {
    let mut options = Options::default();
    options.project = Some(spool.project.clone());
    let config = Config::load(options)?;
    if config.disabled {
        return Err(Failure::said("disabled", "LLMLAB_DISABLED is set; unset it to deliver"));
    }
    let lab = Llmlab::new(config, Arc::new(SystemClock))?;
    lab.drain(Duration::from_nanos(deadline_ns.saturating_sub(now_ns())));
    let sinks = lab.stats().events.sinks;
    lab.shutdown(Duration::ZERO);
    for notice in lab.take_notices() {
        say(&notice);
    }
    Ok(sinks.into_iter().map(|sink| drained(spool, sink)).collect())
}

fn drained(spool: &ProjectSpool, sink: SinkCounters) -> Drained {
    let reason = match sink.state {
        SinkState::Paused => Some("it refuses everything until the configuration is corrected"),
        SinkState::Waiting => Some("it failed"),
        _ => None,
    };
    let reason = reason.map(|reason| sink.last_error.map_or(reason.to_owned(), |error| format!("{reason}: {error}")));
    Drained {
        project: spool.project.clone(),
        destination: sink.name,
        delivered: sink.delivered + sink.adopted,
        waiting: 0,
        reason,
    }
}

/// What waits at the end.
fn note(drained: &mut Vec<Drained>, spool: &ProjectSpool, waiting: &Waiting) {
    let is_this = |drained: &&mut Drained| drained.project == spool.project && drained.destination == waiting.name;
    if let Some(drained) = drained.iter_mut().find(is_this) {
        drained.waiting = waiting.events;
        if drained.reason.is_none() && spool.living > 0 {
            drained.reason = Some("processes that are running hold it, and bring it themselves".to_owned());
        }
        return;
    }
    drained.push(Drained {
        project: spool.project.clone(),
        destination: waiting.name.clone(),
        delivered: 0,
        waiting: waiting.events,
        reason: Some("no sink of this configuration leads there; set its backend or its sinks".to_owned()),
    });
}

fn tell(drained: &[Drained], json: bool) -> Result<(), Failure> {
    let mut stdout = anstream::stdout();
    if json {
        writeln!(stdout, "{}", serde_json::json!({ "destinations": drained }))?;
        return Ok(());
    }
    if drained.is_empty() {
        writeln!(stdout, "Nothing waits.")?;
        return Ok(());
    }
    let mut table = Table::new([
        ("project", Align::Left),
        ("destination", Align::Left),
        ("delivered", Align::Right),
        ("waiting", Align::Right),
        ("", Align::Left),
    ]);
    for drained in drained {
        let reason = drained.reason.clone().filter(|_| drained.waiting > 0).unwrap_or_default();
        table.row([
            drained.project.as_str().into(),
            drained.destination.as_str().into(),
            count(drained.delivered).into(),
            count(drained.waiting).into(),
            Cell::styled(reason, DOUBT),
        ]);
    }
    let waiting = drained.iter().map(|drained| drained.waiting).sum();
    let mut last = String::new();
    // Writing to a string does not fail.
    let _ = match waiting {
        0 => write!(last, "Nothing waits any more."),
        _ => write!(last, "{} still waiting.", counted(waiting, "event")),
    };
    writeln!(stdout, "{table}\n{last}")?;
    Ok(())
}

fn now_ns() -> u64 {
    SystemClock.now().monotonic_ns
}
