//! `llmlab spool status`.

use std::io::Write;

use jiff::Timestamp;
use llmlab::moment::format_rfc3339;
use llmlab::outbox::DropReason;
use llmlab::spool::{ProjectSpool, Waiting};
use serde_json::{Map, Value, json};

use super::Choice;
use crate::amount::{count, counted};
use crate::colour::HEADING;
use crate::failure::{Failure, exit_code};
use crate::surroundings::Surroundings;
use crate::table::{Align, Cell, Table};

pub(super) fn execute(choice: &Choice, surroundings: &Surroundings) -> Result<i32, Failure> {
    let spools = choice.spools(surroundings);
    let mut stdout = anstream::stdout();
    if surroundings.json {
        let projects: Vec<_> = spools.iter().map(described).collect();
        writeln!(stdout, "{}", json!({ "projects": projects }))?;
    } else if spools.is_empty() {
        writeln!(stdout, "Nothing waits in {}.", surroundings.home.join("spool").display())?;
    } else {
        writeln!(stdout, "{HEADING}llmlab spool{HEADING:#}\n\n{}", table(&spools, surroundings))?;
        for spool in &spools {
            writeln!(stdout, "{}", people(spool))?;
        }
    }
    Ok(exit_code::OK)
}

fn described(spool: &ProjectSpool) -> Value {
    let destination = |waiting: &Waiting| {
        json!({
            "name": waiting.name,
            "segments": waiting.segments,
            "events": waiting.events,
            "bytes": waiting.bytes,
            "oldest": waiting.oldest_unix_ns.map(format_rfc3339),
            "kept": waiting.kept,
            "dead": waiting.dead,
        })
    };
    let dropped: Map<_, _> = dropped(spool).map(|(reason, events)| (reason.to_owned(), events.into())).collect();
    json!({
        "project": spool.project,
        "destinations": spool.destinations.iter().map(destination).collect::<Vec<_>>(),
        "living_writers": spool.living,
        "dead_writers": spool.dead,
        "dropped": dropped,
    })
}

fn table(spools: &[ProjectSpool], surroundings: &Surroundings) -> Table {
    let mut table = Table::new([
        ("project", Align::Left),
        ("destination", Align::Left),
        ("events", Align::Right),
        ("segments", Align::Right),
        ("bytes", Align::Right),
        ("kept", Align::Right),
        ("dead", Align::Right),
        ("oldest", Align::Left),
    ]);
    for spool in spools {
        for waiting in &spool.destinations {
            let oldest = waiting.oldest_unix_ns.map(|unix_ns| local(unix_ns, surroundings)).unwrap_or_default();
            let numbers = [waiting.events, waiting.segments, waiting.bytes, waiting.kept, waiting.dead];
            let names = [&spool.project, &waiting.name].map(|name| Cell::from(name.as_str()));
            table.row(names.into_iter().chain(numbers.map(|number| count(number).into())).chain([oldest.into()]));
        }
    }
    table
}

fn local(unix_ns: i64, surroundings: &Surroundings) -> String {
    let time = Timestamp::from_nanosecond(i128::from(unix_ns)).unwrap_or(Timestamp::UNIX_EPOCH);
    time.to_zoned(surroundings.now.time_zone().clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Who writes, and what was given up.
fn people(spool: &ProjectSpool) -> String {
    let writers = format!("{} alive, {} dead", counted(spool.living, "writer"), count(spool.dead));
    let dropped: Vec<_> = dropped(spool).map(|(reason, events)| format!("{} {reason}", count(events))).collect();
    let dropped =
        if dropped.is_empty() { "nothing dropped".into() } else { format!("dropped: {}", dropped.join(", ")) };
    crate::table::printable(&format!("{}: {writers}; {dropped}", spool.project))
}

/// Events given up, by reason.
pub(crate) fn dropped(spool: &ProjectSpool) -> impl Iterator<Item = (&'static str, u64)> {
    // A newer llmlab may have more reasons.
    let name = |number: u8| DropReason::ALL.get(usize::from(number)).map_or("other", |reason| reason.as_str());
    spool.dropped.iter().filter(|(_, events)| *events > 0).map(move |&(reason, events)| (name(reason), events))
}
