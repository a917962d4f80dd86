//! Reading the usage of a response without recording it.

use std::borrow::Cow;

use llmlab::{Usage, exchange};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::convert::counts;
use crate::errors::fault;
use crate::guard::guarded;
use crate::json::body_of;

/// The usage in a response body, by the inclusive vocabulary; `None` where there is none.
#[pyfunction]
pub(crate) fn read_usage<'py>(
    py: Python<'py>,
    provider: Option<&str>,
    body: &Bound<'py, PyAny>,
    api: Option<&str>,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    let json = match body.extract::<&[u8]>() {
        Ok(bytes) => Some(Cow::Borrowed(bytes)),
        Err(_) => match body.extract::<String>() {
            Ok(text) => Some(Cow::Owned(text.into_bytes())),
            Err(_) => body_of(body).map(Cow::Owned),
        },
    };
    let Some(json) = json else { return Ok(None) };
    let call = guarded(|| exchange::read_response(provider, api, &json)).ok_or_else(|| fault(py))?;
    let Some(usage) = call.map(|call| call.usage).filter(|usage: &Usage| !usage.is_empty()) else { return Ok(None) };
    counts(py, &usage).map(Some)
}
