//! No panic of the core reaches the host: pyo3 would raise it as a `BaseException`, which `except Exception` lets pass.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::atomic::{AtomicU64, Ordering};

use llmlab::Llmlab;

static FAULTS: AtomicU64 = AtomicU64::new(0);

/// Runs `work`; a panic inside is counted, and `None`.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).inspect_err(|_| count_fault()).ok()
}

fn count_fault() {
    FAULTS.fetch_add(1, Ordering::Relaxed);
}

/// Those that the core caught itself among them.
pub(crate) fn faults() -> u64 {
    FAULTS.load(Ordering::Relaxed) + Llmlab::faults()
}

/// Keeps Rust's report of a panic off the host's stderr, unless `LLMLAB_DEBUG` asks for it. The hook belongs to this
/// library alone: every extension module has a standard library of its own.
pub(crate) fn silence_panics() {
    if llmlab::config::environment_variable("LLMLAB_DEBUG").is_none() {
        set_hook(Box::new(|_| {}));
    }
}
