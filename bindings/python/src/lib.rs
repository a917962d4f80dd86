//! The native half of the Python package: translation between Python's objects and the core's, and nothing else.
//!
//! Every entry survives a panic of the core: it is caught, counted and never reaches the host.

mod call;
mod client;
mod convert;
mod cost;
mod errors;
mod exchange;
mod flush;
mod guard;
mod handed;
mod headers;
mod httpx;
mod interpreter;
mod json;
mod lab;
mod scope;
mod stats;
mod stream;
mod summary;
mod usage;

use pyo3::prelude::*;

/// The extension module `llmlab._native`.
#[pymodule(gil_used = false)]
mod _native {
    use std::ffi::OsString;

    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::client::Client;
    #[pymodule_export]
    use crate::cost::{Cost, Line};
    #[pymodule_export]
    use crate::exchange::Exchange;
    #[pymodule_export]
    use crate::flush::FlushReport;
    #[pymodule_export]
    use crate::handed::HandedBatch;
    #[pymodule_export]
    use crate::httpx::{begin_httpx, observe_httpx};
    #[pymodule_export]
    use crate::scope::{Labels, Scope};
    #[pymodule_export]
    use crate::stream::ObservedStream;
    #[pymodule_export]
    use crate::summary::{Group, Summary, Totals};
    #[pymodule_export]
    use crate::usage::read_usage;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::interpreter::refuse_others()?;
        crate::guard::silence_panics();
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }

    /// Whether `LLMLAB_DISABLED` turns everything into no-ops.
    #[pyfunction]
    fn is_disabled() -> bool {
        llmlab::config::is_disabled(&llmlab::config::environment_variable)
    }

    /// How many faults of the core were caught at this boundary.
    #[pyfunction]
    fn faults() -> u64 {
        crate::guard::faults()
    }

    /// Makes a provider known to the process, by its definition in JSON.
    #[pyfunction]
    fn register_provider(py: Python<'_>, definition: &str) -> PyResult<()> {
        let register = || llmlab::provider::Definition::from_json(definition).and_then(llmlab::provider::register);
        let registered = crate::guard::guarded(register).ok_or_else(|| crate::errors::fault(py))?;
        registered.map(drop).map_err(|error| crate::errors::raised(py, &error))
    }

    /// Runs the `llmlab` command with its arguments, of which the first is the program's name, and gives the exit code.
    #[pyfunction]
    fn cli(py: Python<'_>, arguments: Vec<OsString>) -> i32 {
        py.detach(|| llmlab_cli::run(arguments))
    }
}
