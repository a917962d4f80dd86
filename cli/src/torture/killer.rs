//! Starts recording programs and kills them, each at a moment that the seed decides.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;

use super::journal::Journal;
use super::stage::Stage;
use crate::failure::Failure;

/// A program is killed so long after its first acknowledged event, at most.
const LIFE_NS: u64 = 20_000_000;
/// Every tenth lives longer, so that death finds it delivering as well.
const LONG_LIFE_NS: u64 = 200_000_000;
const LONG_LIFE_SHARE: u64 = 10;
/// A program that has acknowledged nothing by then never will.
const START_NS: u64 = 60_000_000_000;
/// Short of a segment, a few segments, and enough to be busy with delivering when it comes.
const MAX_EVENTS: u64 = 300;

pub(super) struct Killer<'a> {
    pub(super) stage: &'a Stage,
    pub(super) threads: u64,
    pub(super) seed: u64,
}

impl Killer<'_> {
    /// Kills the programs of these numbers, so many living at a time.
    pub(super) fn kill(&self, numbers: std::ops::Range<u64>, at_a_time: u64) -> Result<Journal, Failure> {
        let next = AtomicU64::new(numbers.start);
        let lane = || {
            let mut journal = Journal::default();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= numbers.end {
                    return Ok(journal);
                }
                journal.take_in(self.kill_one(number)?);
            }
        };
        std::thread::scope(|scope| {
            let lanes: Vec<_> = (0..at_a_time).map(|_| scope.spawn(lane)).collect();
            let mut journal = Journal::default();
            for lane in lanes {
                journal.take_in(lane.join().unwrap_or_else(|_| Err(failed("a thread of the torture panicked")))?);
            }
            Ok(journal)
        })
    }

    fn kill_one(&self, number: u64) -> Result<Journal, Failure> {
        let mut random = Rng::with_seed(self.seed ^ number);
        let events = random.u64(1..=MAX_EVENTS).div_ceil(self.threads);
        let mut program =
            self.stage.start(&number.to_string(), self.threads, events).map_err(|cause| not_run(&cause))?;
        let longest_ns = if random.u64(..LONG_LIFE_SHARE) == 0 { LONG_LIFE_NS } else { LIFE_NS };
        let is_alive = program.listen_for_first(START_NS) && program.listen_for(random.u64(0..=longest_ns));
        let (status, journal) = program.kill().map_err(|cause| not_run(&cause))?;
        if is_alive { Ok(journal) } else { Err(failed(&format!("a recording program recorded nothing: {status}"))) }
    }
}

fn not_run(cause: &io::Error) -> Failure {
    Failure::storage("a recording program cannot be run", cause)
}

fn failed(message: &str) -> Failure {
    Failure::said("torture", message)
}
