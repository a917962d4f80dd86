//! The only reader of time in the crate. Everything else is given a [`Clock`], so that no test has to wait.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::moment::Moment;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now, on both clocks.
    fn now(&self) -> Moment;
}

/// The clocks of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the time")]
    fn now(&self) -> Moment {
        // `Instant` has no number of its own: monotonic time counts from the first reading.
        static START: OnceLock<Instant> = OnceLock::new();
        let since_start = START.get_or_init(Instant::now).elapsed().as_nanos();
        let unix_ns = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, i64::wrapping_neg),
        };
        Moment { unix_ns, monotonic_ns: u64::try_from(since_start).unwrap_or(u64::MAX) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use parking_lot::Mutex;

    /// A clock that moves only when told to.
    #[derive(Default)]
    pub(crate) struct ManualClock(Mutex<Moment>);

    impl ManualClock {
        pub(crate) fn advance_ns(&self, ns: u64) {
            let mut now = self.0.lock();
            now.unix_ns += i64::try_from(ns).unwrap();
            now.monotonic_ns += ns;
        }
    }

    impl Clock for ManualClock {
        fn now(&self) -> Moment {
            *self.0.lock()
        }
    }

    #[test]
    fn monotonic_time_never_goes_back() {
        let (first, second) = (SystemClock.now(), SystemClock.now());
        assert!(first.monotonic_ns <= second.monotonic_ns);
        assert!(first.unix_ns > 1_600_000_000_000_000_000);
    }
}
