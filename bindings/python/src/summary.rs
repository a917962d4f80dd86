//! Answers from the ledger, as Python reads them.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use llmlab::moment::format_rfc3339;
use llmlab::report;

use crate::convert::{counts, decimal};

/// What was spent: `totals`, and `groups` of the same, the highest cost first.
#[pyclass(frozen, module = "llmlab._native")]
pub(crate) struct Summary(pub(crate) report::Summary);

#[pymethods]
impl Summary {
    #[getter]
    fn totals(&self) -> Totals {
        Totals(self.0.totals)
    }

    #[getter]
    fn groups<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.groups.iter().cloned().map(Group).collect::<Vec<_>>())
    }

    /// RFC 3339 text, set where detail was pruned that the question needs: before it, users, sessions, environments and
    /// services are `None`, hours are counted whole, and a run lacks what began earlier.
    #[getter]
    fn detail_since(&self) -> Option<String> {
        self.0.detail_since_ns.map(format_rfc3339)
    }

    fn __repr__(&self) -> String {
        format!("Summary(totals={}, groups={})", self.totals().__repr__(), self.0.groups.len())
    }
}

/// The part of a summary whose calls share a `key`.
#[pyclass(frozen, module = "llmlab._native")]
pub(crate) struct Group(report::Group);

#[pymethods]
impl Group {
    /// By the words of `group_by`; `None` is unknown.
    #[getter]
    fn key<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let key = PyDict::new(py);
        for (axis, value) in &self.0.key.0 {
            key.set_item(axis.name(), value)?;
        }
        Ok(key)
    }

    #[getter]
    fn totals(&self) -> Totals {
        Totals(self.0.totals)
    }

    fn __repr__(&self) -> String {
        let key: Vec<_> = self.0.key.0.iter().map(|(axis, value)| format!("{}={value:?}", axis.name())).collect();
        format!("Group({}, totals={})", key.join(", "), self.totals().__repr__())
    }
}

/// Sums over calls.
#[pyclass(frozen, module = "llmlab._native")]
pub(crate) struct Totals(report::Totals);

#[pymethods]
impl Totals {
    #[getter]
    fn calls(&self) -> u64 {
        self.0.calls
    }

    #[getter]
    fn failed_attempts(&self) -> u64 {
        self.0.failed_attempts
    }

    #[getter]
    fn priced(&self) -> u64 {
        self.0.priced
    }

    #[getter]
    fn estimated(&self) -> u64 {
        self.0.estimated
    }

    #[getter]
    fn unpriced(&self) -> u64 {
        self.0.unpriced
    }

    /// US dollars: a lower bound where `cost_state` is `unpriced`, and `None` where nothing has a price.
    #[getter]
    fn cost_usd<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.known_cost().map(|cost| decimal(py, cost)).transpose()
    }

    /// `priced`, `estimated` or `unpriced`: the state of the most doubtful part.
    #[getter]
    fn cost_state(&self) -> &'static str {
        self.0.state().as_str()
    }

    /// The sum of each dimension that was reported at all.
    #[getter]
    fn usage<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        counts(py, &self.0.usage)
    }

    fn __repr__(&self) -> String {
        let totals = &self.0;
        let cost = totals.known_cost().map_or_else(|| "None".to_owned(), |cost| format!("Decimal('{cost}')"));
        format!("Totals(calls={}, cost_usd={cost}, unpriced={})", totals.calls, totals.unpriced)
    }
}
