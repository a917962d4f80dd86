//! When a sink may be tried: a state machine that knows no sink, no clock and no chance; it is told the time and a random
//! number.
//!
//! ```text
//!            begin           stored
//!   ready ──────────▶ busy ──────────▶ ready
//!                      │ failed                      try later: full jitter, or what the server asked for
//!                      ├──────────▶ waiting ──time──▶ half open: one batch decides
//!                      │ refused
//!                      └──────────▶ paused  ──5 min─▶ half open
//! ```

use crate::backoff;
use crate::backoff::SECOND_NS;

/// Failures in a row after which other processes are told to wait as well.
pub(crate) const BREAKER_FAILURES: u32 = 3;
/// How often a sink that refuses everything is asked again.
pub(crate) const PROBE_NS: u64 = 300 * SECOND_NS;
/// How often the user is told about it.
const WARN_NS: u64 = 3_600 * SECOND_NS;
/// The bounds of what a server may ask for.
const SHORTEST_ASKED_NS: u64 = SECOND_NS;
const LONGEST_ASKED_NS: u64 = 3_600 * SECOND_NS;
/// While more than one segment waits, every fifth that is sent is the newest: what is recorded now is seen while what was
/// missed is still on its way.
const NEWEST_EVERY: u32 = 5;

/// The state of the way to one sink.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lane {
    phase: Phase,
    /// In a row.
    failures: u32,
    warned_at_ns: Option<u64>,
    batches: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Ready,
    Busy,
    /// We chose the time; whoever flushes may not want to wait for it.
    Waiting(u64),
    /// The server chose it.
    Asked(u64),
    Paused(u64),
}

/// Which end of what waits is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Oldest,
    Newest,
}

impl Lane {
    /// When a batch may be sent; `None` while one is under way. A time in the past is now.
    pub(crate) const fn due_ns(&self) -> Option<u64> {
        match self.phase {
            Phase::Ready => Some(0),
            Phase::Busy => None,
            Phase::Waiting(at) | Phase::Asked(at) | Phase::Paused(at) => Some(at),
        }
    }

    /// A batch is on its way.
    pub(crate) const fn begin(&mut self) {
        self.phase = Phase::Busy;
    }

    /// Nothing was tried after all.
    pub(crate) const fn give_back(&mut self) {
        self.phase = Phase::Ready;
    }

    /// Which end of what waits is next.
    pub(crate) const fn next_end(&mut self) -> End {
        self.batches = self.batches.wrapping_add(1);
        if self.batches.is_multiple_of(NEWEST_EVERY) { End::Newest } else { End::Oldest }
    }

    /// Only one batch may be tried, and decides.
    pub(crate) const fn is_half_open(&self) -> bool {
        self.failures > 0
    }

    /// The sink has taken something.
    pub(crate) const fn succeeded(&mut self) {
        self.phase = Phase::Ready;
        self.failures = 0;
        self.warned_at_ns = None;
    }

    /// It did not work, and may work later; not before `asked_ns` from now if the server said so, whose wish is kept
    /// within a second and an hour, and spread by a fifth.
    pub(crate) fn failed(&mut self, now_ns: u64, asked_ns: Option<u64>, random: u64) {
        self.failures = self.failures.saturating_add(1);
        let ours = backoff::wait_ns(self.failures, random);
        self.phase = match asked_ns {
            None => Phase::Waiting(now_ns.saturating_add(ours)),
            Some(asked) => {
                let asked = asked.clamp(SHORTEST_ASKED_NS, LONGEST_ASKED_NS);
                let spread = backoff::fraction_ns(asked / 5, random);
                Phase::Asked(now_ns.saturating_add(ours.max(asked + spread)))
            }
        };
    }

    /// Nothing that is sent will be taken until somebody corrects the configuration.
    pub(crate) const fn refused(&mut self, now_ns: u64) {
        self.failures = self.failures.saturating_add(1);
        self.phase = Phase::Paused(now_ns.saturating_add(PROBE_NS));
    }

    /// Another process was told to wait until then.
    pub(crate) const fn hold(&mut self, until_ns: u64) {
        self.phase = Phase::Asked(until_ns);
    }

    /// Somebody flushes: what we chose to wait for need not be waited for. What the server chose is; and so is a pause,
    /// which no hurry ends. `false`: there will be no try soon.
    pub(crate) const fn hurry(&mut self, now_ns: u64) -> bool {
        match self.phase {
            Phase::Waiting(_) => {
                self.phase = Phase::Ready;
                true
            }
            Phase::Ready | Phase::Busy => true,
            Phase::Asked(at) | Phase::Paused(at) => at <= now_ns,
        }
    }

    /// The breaker is open until then, and other processes should know. Not of a pause: they may have another configuration,
    /// such as a key that is accepted.
    pub(crate) const fn open_until_ns(&self) -> Option<u64> {
        match self.phase {
            Phase::Asked(at) => Some(at),
            Phase::Waiting(at) if self.failures >= BREAKER_FAILURES => Some(at),
            _ => None,
        }
    }

    pub(crate) const fn is_paused(&self) -> bool {
        matches!(self.phase, Phase::Paused(_))
    }

    pub(crate) const fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting(_) | Phase::Asked(_))
    }

    /// Whether to tell the user of a refusal: the first time, and once an hour.
    pub(crate) fn should_warn(&mut self, now_ns: u64) -> bool {
        let is_time = self.warned_at_ns.is_none_or(|at| now_ns.saturating_sub(at) >= WARN_NS);
        if is_time {
            self.warned_at_ns = Some(now_ns);
        }
        is_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backoff::Random;
    use proptest::prelude::*;

    const HOUR_NS: u64 = 3_600 * SECOND_NS;

    #[derive(Clone, Copy, Debug)]
    enum Answer {
        Stored,
        Later(Option<u64>),
        Refused,
    }

    fn any_answer() -> impl Strategy<Value = Answer> {
        prop_oneof![
            Just(Answer::Stored),
            Just(Answer::Later(None)),
            any::<u64>().prop_map(|ns| Answer::Later(Some(ns))),
            (0..2 * HOUR_NS).prop_map(|ns| Answer::Later(Some(ns))),
            Just(Answer::Refused),
        ]
    }

    proptest! {
        // Sabotage: `max` for `min` in the back-off, a Retry-After that is not clamped, a pause that a hurry ends.
        #[test]
        fn no_answer_is_followed_by_a_try_before_its_time(answers in prop::collection::vec((any_answer(), any::<bool>()), 1..60), seed: u64) {
            let (mut lane, mut random, mut now_ns, mut failures) = (Lane::default(), Random(seed), 0_u64, 0_u32);
            for (answer, is_hurried) in answers {
                prop_assert!(lane.due_ns().is_some_and(|due| due <= now_ns));
                lane.begin();
                prop_assert_eq!(lane.due_ns(), None);
                match answer {
                    Answer::Stored => { lane.succeeded(); failures = 0; }
                    Answer::Later(asked) => { lane.failed(now_ns, asked, random.next()); failures += 1; }
                    Answer::Refused => { lane.refused(now_ns); failures += 1; }
                }
                let wait = lane.due_ns().unwrap().saturating_sub(now_ns);
                let (least, most) = match answer {
                    Answer::Stored => (0, 0),
                    Answer::Later(None) => (0, backoff::LONGEST_NS.min(SECOND_NS << (failures - 1).min(16))),
                    Answer::Later(Some(asked)) => {
                        let asked = asked.clamp(SECOND_NS, HOUR_NS);
                        (asked, (asked + asked / 5).max(backoff::LONGEST_NS))
                    }
                    Answer::Refused => (PROBE_NS, PROBE_NS),
                };
                prop_assert!((least..=most).contains(&wait), "{:?}: {}", answer, wait);
                prop_assert_eq!(lane.is_half_open(), failures > 0);
                let opens = matches!(answer, Answer::Later(Some(_)))
                    || matches!(answer, Answer::Later(None)) && failures >= BREAKER_FAILURES;
                prop_assert_eq!(lane.open_until_ns().is_some(), opens);
                if is_hurried {
                    let hurried = lane.hurry(now_ns);
                    prop_assert_eq!(hurried, matches!(answer, Answer::Stored | Answer::Later(None)));
                    prop_assert!(!hurried || lane.due_ns().is_some_and(|due| due <= now_ns));
                }
                now_ns = now_ns.max(lane.due_ns().unwrap());
            }
        }
    }

    #[test]
    fn a_dead_server_is_asked_less_than_a_dozen_times_in_the_second_half_hour() {
        let mut mean = 0;
        for seed in 0..200 {
            let (mut lane, mut random, mut now_ns) = (Lane::default(), Random(seed), 0);
            while now_ns < HOUR_NS {
                mean += u32::from(now_ns >= HOUR_NS / 2);
                lane.failed(now_ns, None, random.next());
                now_ns = lane.due_ns().unwrap();
            }
        }
        // Every 150 s on average.
        assert!((10 * 200..15 * 200).contains(&mean), "{mean}");
    }

    #[test]
    fn every_fifth_batch_is_the_newest() {
        let mut lane = Lane::default();
        let ends: Vec<_> = (0..10).map(|_| lane.next_end()).collect();
        assert_eq!(ends.iter().filter(|end| **end == End::Newest).count(), 2);
        assert_eq!((ends[4], ends[9]), (End::Newest, End::Newest));
    }

    #[test]
    fn a_refusal_is_told_at_once_and_then_every_hour_until_something_was_taken() {
        let mut lane = Lane::default();
        let told: Vec<_> = (0..25).filter(|probe| lane.should_warn(probe * PROBE_NS)).collect();
        assert_eq!(told, [0, 12, 24]);
        lane.succeeded();
        assert!(lane.should_warn(25 * PROBE_NS));
    }
}
