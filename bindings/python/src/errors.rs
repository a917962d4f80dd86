//! The core's error as Python's `LlmlabError`, with the same code and text.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use llmlab::{Error, ErrorCode};

static LLMLAB_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static CONFIG_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// What Python raises for an error of the core.
pub(crate) fn raised(py: Python<'_>, error: &Error) -> PyErr {
    raised_with(py, error.code(), &error.to_string())
}

/// The same from the parts of an error.
pub(crate) fn raised_with(py: Python<'_>, code: ErrorCode, message: &str) -> PyErr {
    let class = match code {
        ErrorCode::InvalidConfig | ErrorCode::InvalidPrices => CONFIG_ERROR.import(py, "llmlab._errors", "ConfigError"),
        _ => LLMLAB_ERROR.import(py, "llmlab._errors", "LlmlabError"),
    };
    match class.and_then(|class| class.call1((message, code.as_str()))) {
        Ok(value) => PyErr::from_value(value),
        Err(error) => error,
    }
}

/// What Python raises when the core had a fault of its own, where a call may raise at all.
pub(crate) fn fault(py: Python<'_>) -> PyErr {
    match LLMLAB_ERROR.import(py, "llmlab._errors", "LlmlabError").and_then(|class| {
        class.call1(("a fault inside llmlab; please report it with what LLMLAB_DEBUG=1 prints", "internal"))
    }) {
        Ok(value) => PyErr::from_value(value),
        Err(error) => error,
    }
}
