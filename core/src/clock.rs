//! The only reader of time in the crate. Everything else is given a [`Clock`], so that no test has to wait.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::moment::Moment;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now, on both clocks.
    fn now(&self) -> Moment;

    /// Now, on the clock that is never set.
    fn monotonic_ns(&self) -> u64 {
        self.now().monotonic_ns
    }
}

/// The clocks of the operating system. The monotonic one goes on while the machine is suspended, where there is such a
/// clock: a laptop that wakes up delivers what has waited long enough.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the time")]
    fn now(&self) -> Moment {
        let unix_ns = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, i64::wrapping_neg),
        };
        Moment { unix_ns, monotonic_ns: self.monotonic_ns() }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn monotonic_ns(&self) -> u64 {
        use nix::time::{ClockId, clock_gettime};
        // A kernel without it is older than any that Rust's standard library runs on.
        let since_boot = clock_gettime(ClockId::CLOCK_BOOTTIME).map(std::time::Duration::from);
        since_boot.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the time")]
    fn monotonic_ns(&self) -> u64 {
        use std::sync::OnceLock;
        use std::time::Instant;
        // `Instant` has no number of its own: monotonic time counts from the first reading.
        static START: OnceLock<Instant> = OnceLock::new();
        u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
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

        /// Sets the clock on the wall, as people and servers do; the other one goes on as it was.
        pub(crate) fn set_unix_ns(&self, unix_ns: i64) {
            self.0.lock().unix_ns = unix_ns;
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
