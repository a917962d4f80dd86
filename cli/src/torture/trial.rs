//! One torture, from the first program to the closed books.

use std::path::Path;

use llmlab::config::environment_variable;
use llmlab::ledger::Ledger;
use llmlab::spool;

use super::backend::Backend;
use super::books::{self, Balance, Holding};
use super::journal::Journal;
use super::killer::Killer;
use super::report::Report;
use super::stage::{Stage, interpreter};
use super::{Arguments, now_ns};
use crate::failure::Failure;

const NS_PER_MS: u64 = 1_000_000;
const NS_PER_S: u64 = 1_000_000_000;
/// This part of the kills happens among siblings that record into the same spool.
const SIBLINGS_SHARE: u64 = 10;
const FRESH_NS: u64 = 60 * NS_PER_S;
const FRESH_KEY: &str = "fresh.0.0";

pub(super) struct Trial<'a> {
    arguments: &'a Arguments,
    seed: u64,
    /// Ours, unless somebody else's is tortured.
    backend: Option<Backend>,
    stage: Stage,
}

impl<'a> Trial<'a> {
    pub(super) fn of(arguments: &'a Arguments, home: &Path) -> Result<Self, Failure> {
        let seed = arguments.seed.unwrap_or_else(|| u64::from(fastrand::u32(..)));
        let backend = match arguments.against {
            Some(_) => None,
            None => Some(
                Backend::start(arguments.drop_answers, seed)
                    .map_err(|cause| Failure::storage("no backend can be started on this machine", &cause))?,
            ),
        };
        let (url, key) = match &backend {
            Some(backend) => (backend.url(), super::backend::KEY.to_owned()),
            None => (
                arguments.against.clone().unwrap_or_default(),
                environment_variable("LLMLAB_API_KEY").unwrap_or_default(),
            ),
        };
        let python = arguments.python.clone().or_else(interpreter).unwrap_or_else(|| "python3".into());
        let stage = Stage { home: home.to_owned(), host: arguments.host, python, url, key };
        Ok(Self { arguments, seed, backend, stage })
    }

    pub(super) fn run(&self) -> Result<Report, Failure> {
        let start_ns = now_ns();
        let mut journal = self.kill_all()?;
        let killed_ns = now_ns();
        let mut complaints = Vec::new();
        complaints.extend(self.drain()?);
        let drained_ns = now_ns();
        journal.take_in(self.record_a_fresh_event()?);
        complaints.extend(self.drain()?);
        complaints.extend(self.given_up());

        let in_ledger = books::ledger(&mut Ledger::read(&Ledger::path_in(&self.stage.home))?)?;
        let is_fresh = |holding: &Holding| holding.values().any(|held| held.key == FRESH_KEY);
        let mut report = Report {
            host: self.arguments.host.name(),
            seed: self.seed,
            kills: self.arguments.kills,
            kills_ms: (killed_ns - start_ns) / NS_PER_MS,
            drain_ms: (drained_ns - killed_ns) / NS_PER_MS,
            ledger: Balance::of(&journal, &in_ledger),
            fresh_event: is_fresh(&in_ledger),
            complaints,
            ..Report::default()
        };
        if let Some(backend) = &self.backend {
            let mut store = backend.store();
            report.complaints.append(&mut store.complaints);
            report.dropped_answers = store.dropped_answers;
            report.dropped_requests = store.dropped_requests;
            report.duplicates = store.duplicates;
            report.backend = Some(Balance::of(&journal, &store.holding));
            report.fresh_event &= is_fresh(&store.holding);
        }
        report.close(&journal);
        Ok(report)
    }

    fn kill_all(&self) -> Result<Journal, Failure> {
        let Arguments { kills, threads, siblings, .. } = *self.arguments;
        let killer = Killer { stage: &self.stage, threads, seed: self.seed };
        let alone = kills - if siblings == 0 { 0 } else { kills / SIBLINGS_SHARE };
        let mut journal = killer.kill(0..alone, 1)?;
        journal.take_in(killer.kill(alone..kills, siblings + 1)?);
        Ok(journal)
    }

    /// After everything, one more event must find its way.
    fn record_a_fresh_event(&self) -> Result<Journal, Failure> {
        let failed = |cause| Failure::storage("a recording program cannot be run", &cause);
        let mut program = self.stage.start("fresh", 1, 1).map_err(failed)?;
        program.listen_for_first(FRESH_NS);
        let (status, journal) = program.finish().map_err(failed)?;
        if status.success() {
            Ok(journal)
        } else {
            Err(Failure::said("torture", format!("the program of the fresh event failed: {status}")))
        }
    }

    /// Lets other processes deliver, until nothing waits. What still waits at the end of the time is a complaint: before
    /// the spool is empty nothing can be said to be lost, and nothing to be safe.
    fn drain(&self) -> Result<Option<String>, Failure> {
        let deadline_ns = now_ns().saturating_add(self.arguments.timeout.saturating_mul(NS_PER_S));
        loop {
            let left_s = deadline_ns.saturating_sub(now_ns()).div_ceil(NS_PER_S).to_string();
            let output = self
                .stage
                .ourselves()
                .and_then(|mut llmlab| llmlab.args(["spool", "drain", "--json", "--timeout", &left_s]).output());
            let output = output.map_err(|cause| Failure::storage("llmlab spool drain cannot be run", &cause))?;
            if output.status.success() {
                return Ok(None);
            }
            let said = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
            if output.stdout.is_empty() {
                let message = format!("llmlab spool drain failed: {}", said(&output.stderr));
                return Err(Failure::said("torture", message));
            }
            if now_ns() >= deadline_ns {
                let waiting = said(&output.stdout);
                return Ok(Some(format!("after {} s something still waits: {waiting}", self.arguments.timeout)));
            }
        }
    }

    /// What the library itself says that it gave up.
    fn given_up(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for spool in spool::status(&self.stage.home) {
            for (reason, events) in crate::spool::dropped(&spool) {
                complaints.push(format!("the library counts {events} events dropped as {reason}"));
            }
            for waiting in spool.destinations.iter().filter(|waiting| waiting.kept + waiting.dead > 0) {
                complaints.push(format!(
                    "{}: {} damaged files kept, {} events rejected",
                    waiting.name, waiting.kept, waiting.dead
                ));
            }
        }
        complaints
    }
}
