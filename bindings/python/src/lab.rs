//! The core's client, and what its host has to do for it.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::prelude::*;

use llmlab::Llmlab;

/// A client of the core. Where functions of the host are among its sinks, the host's threads that call them begin with
/// the first record of the process: not at `init`, and in a forked child only if it records.
pub(crate) struct Lab {
    core: Llmlab,
    /// Starts these threads.
    start: Option<Py<PyAny>>,
    /// For which process of a line of forks they were started.
    started: AtomicU64,
}

impl Lab {
    pub(crate) fn new(core: Llmlab, start: Option<Py<PyAny>>) -> Self {
        Self { core, start, started: AtomicU64::new(0) }
    }

    /// To be called after every record. Gives what the user should be told.
    pub(crate) fn after_record(&self) -> Vec<String> {
        if let Some(start) = &self.start {
            self.start_threads(start);
        }
        self.core.take_notices()
    }

    fn start_threads(&self, start: &Py<PyAny>) {
        let generation = Llmlab::generation();
        if self.started.load(Ordering::Relaxed) != generation
            && self.started.swap(generation, Ordering::Relaxed) != generation
        {
            // It swallows its own errors.
            let _ = Python::attach(|py| start.call0(py));
        }
    }
}

impl Deref for Lab {
    type Target = Llmlab;

    fn deref(&self) -> &Llmlab {
        &self.core
    }
}
