//! The recording program in Rust: a hidden command that uses the library as an application would, until it is killed.
//! `recorder.py` is the same in Python.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use llmlab::event::{Call, Facts, Operation, Status, Subject};
use llmlab::scope::{Labels, Scope};
use llmlab::{Dimension, Llmlab, Money, Usage};

use super::journal::Line;
use crate::failure::Failure;
use crate::surroundings::Surroundings;

/// Record events and say which, until the standard input ends
#[derive(Args)]
pub(crate) struct Arguments {
    /// The first part of the keys of the events
    name: String,
    /// Threads that record
    threads: u64,
    /// Events a thread
    events: u64,
}

const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks whether an event has left the memory.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

pub(crate) fn execute(arguments: &Arguments) -> Result<(), Failure> {
    let lab = Surroundings::client()?;
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    let programme = Programme { lab, output: output.into(), ended: AtomicBool::new(false) };
    std::thread::scope(|scope| {
        for thread in 0..arguments.threads {
            let programme = &programme;
            scope.spawn(move || programme.record(&format!("{}.{thread}", arguments.name), arguments.events));
        }
        // It ends when whoever started us wants us to finish, and when that one is gone.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        programme.ended.store(true, Ordering::Relaxed);
    });
    programme.lab.shutdown(PATIENCE);
    Ok(())
}

struct Programme {
    lab: Llmlab,
    output: File,
    ended: AtomicBool,
}

impl Programme {
    fn record(&self, name: &str, events: u64) {
        let mut waiting = Vec::new();
        for number in 0..events {
            if self.ended.load(Ordering::Relaxed) {
                break;
            }
            let key = format!("{name}.{number}");
            self.say(&Line::Issued(key.clone()).to_string());
            let cost = self.record_one(&key, number);
            waiting.push(Line::Acknowledged(key, cost));
            self.acknowledge(&mut waiting);
        }
        while !waiting.is_empty() && !self.ended.load(Ordering::Relaxed) {
            std::thread::sleep(LOOK_AGAIN);
            self.acknowledge(&mut waiting);
        }
    }

    /// Every second call has a cost of its own, with all eighteen decimals.
    fn record_one(&self, key: &str, number: u64) -> Money {
        let labels = Labels::new(None, Some(key.to_owned()), None, Vec::new());
        let scope = Scope::open(None, self.lab.base(), &labels);
        let mut call = Call::new(Operation::Chat);
        call.provider = Some(Cow::Borrowed("openai"));
        call.model = Some("gpt-4o-mini".to_owned());
        call.usage = Usage::new().with(Dimension::Input, 1_000 + number).with(Dimension::Output, 7);
        let unix_ns = self.lab.now().unix_ns;
        let subject = Subject::Call(Box::new(call));
        let facts = Facts { unix_ns, latency_ns: None, status: Status::Ok, error_type: None, subject };
        let charge = if number.is_multiple_of(2) {
            self.lab.record(facts, Some(&scope))
        } else {
            let cost = Money::from_atto(i128::from(number) * 1_234_567_890_123_457);
            self.lab.record_at_cost(facts, cost, Some(&scope))
        };
        charge.and_then(|charge| charge.total).unwrap_or_default()
    }

    /// Acknowledges what waits, if no event of this process is in memory only.
    fn acknowledge(&self, waiting: &mut Vec<Line>) {
        if self.lab.stats().events.in_memory == 0 {
            let lines: String = waiting.drain(..).map(|line| line.to_string()).collect();
            self.say(&lines);
        }
    }

    /// In one write, so that the lines of two threads do not mix.
    fn say(&self, lines: &str) {
        // Where nobody listens any more, the end of the standard input is near.
        let _ = (&self.output).write_all(lines.as_bytes());
    }
}
