//! No panic of the core reaches the host.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::errors::{Result, fault, thrown};

static FAULTS: AtomicU64 = AtomicU64::new(0);

/// Runs `work`; a panic inside is counted, and `None`.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    silence_panics();
    catch_unwind(AssertUnwindSafe(work)).inspect_err(|_| _ = FAULTS.fetch_add(1, Ordering::Relaxed)).ok()
}

/// The same where the host is told of errors.
pub(crate) fn answered<T>(work: impl FnOnce() -> llmlab::Result<T>) -> Result<T> {
    guarded(work).ok_or_else(fault)?.map_err(|error| thrown(&error))
}

pub(crate) fn faults() -> u64 {
    FAULTS.load(Ordering::Relaxed) + llmlab::Llmlab::faults()
}

/// Keeps Rust's report of a panic off the host's stderr, unless `LLMLAB_DEBUG` asks for it. The hook belongs to this
/// library alone: every addon has a standard library of its own.
fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if llmlab::config::environment_variable("LLMLAB_DEBUG").is_none() {
            set_hook(Box::new(|_| {}));
        }
    });
}
