//! A lock that a fork cannot break: it is one word, and neither taking nor awaiting it touches anything that other locks
//! share. (Those of `parking_lot` share a table of waiting threads; a thread that was changing it when the process forked
//! would leave it locked in the child for ever.) A panic while it is held does not poison it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Tries until `is_over` says so. It gives way to the thread that holds the lock instead of sleeping: a sleep is
    /// longer than anybody here may wait.
    pub(crate) fn try_lock_until(&self, is_over: impl Fn() -> bool) -> Option<MutexGuard<'_, T>> {
        const SPINS: u32 = 20;
        for _ in 0..SPINS {
            if let Some(guard) = self.try_lock() {
                return Some(guard);
            }
            std::hint::spin_loop();
        }
        loop {
            std::thread::yield_now();
            match self.try_lock() {
                None if !is_over() => {}
                outcome => return outcome,
            }
        }
    }
}

/// Waits for a signal, at most so long. `true`: that is over. `false`: look again, it may have been for nothing.
pub(crate) fn wait<'a, T>(signal: &Condvar, guard: MutexGuard<'a, T>, at_most: Duration) -> (MutexGuard<'a, T>, bool) {
    let (guard, outcome) = signal.wait_timeout(guard, at_most).unwrap_or_else(PoisonError::into_inner);
    (guard, outcome.timed_out())
}
