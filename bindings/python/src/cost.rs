//! What a call would cost, as Python reads it. Amounts become `Decimal` when they are looked at.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use llmlab::price;

use crate::convert::decimal;

/// What a call costs: `total` (`Decimal`, or `None` where it is not known), `state`, `lines`, `model`,
/// `catalogue_version`.
#[pyclass(frozen, module = "llmlab._native")]
pub(crate) struct Cost(pub(crate) price::Cost);

#[pymethods]
impl Cost {
    /// US dollars; `None` exactly when the state is `unpriced`.
    #[getter]
    fn total<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.total.map(|total| decimal(py, total)).transpose()
    }

    /// `priced`, `estimated` or `unpriced`.
    #[getter]
    fn state(&self) -> &'static str {
        self.0.state.as_str()
    }

    /// One line for each dimension that was charged.
    #[getter]
    fn lines<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.lines.iter().copied().map(Line).collect::<Vec<_>>())
    }

    /// The model's name in the catalogue; `None` if it is not there.
    #[getter]
    fn model(&self) -> Option<&str> {
        self.0.model.as_deref()
    }

    /// How the name was found: `exact`, `alias`, `snapshot`, `fine_tune` or `override`.
    #[getter]
    fn matched_by(&self) -> Option<&'static str> {
        self.0.matched_by.map(llmlab::event::MatchedBy::as_str)
    }

    /// The version of the prices.
    #[getter]
    fn catalogue_version(&self) -> u64 {
        self.0.catalogue_version
    }

    fn __repr__(&self) -> String {
        let total = self.0.total.map_or_else(|| "None".to_owned(), |total| format!("Decimal('{total}')"));
        let model = self.0.model.as_deref().map_or_else(|| "None".to_owned(), |model| format!("'{model}'"));
        format!("Cost(total={total}, state='{}', model={model})", self.0.state)
    }
}

/// One line of a cost.
#[pyclass(frozen, module = "llmlab._native")]
pub(crate) struct Line(price::Line);

#[pymethods]
impl Line {
    /// What was counted, such as `cache_read`.
    #[getter]
    fn dimension(&self) -> &'static str {
        self.0.dimension.name()
    }

    /// How many.
    #[getter]
    fn count(&self) -> u64 {
        self.0.count
    }

    /// The price of one in US dollars; `None` where that does not terminate within 18 decimals.
    #[getter]
    fn unit_price<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.unit_price.map(|price| decimal(py, price)).transpose()
    }

    /// US dollars.
    #[getter]
    fn total<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        decimal(py, self.0.total)
    }

    fn __repr__(&self) -> String {
        let line = &self.0;
        format!("Line(dimension='{}', count={}, total=Decimal('{}'))", line.dimension.name(), line.count, line.total)
    }
}
