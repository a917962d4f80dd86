//! Scopes and labels, as Python holds them.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyMapping;

use llmlab::scope::{self, Tally};

use crate::convert::{decimal, label};
use crate::lab::Lab;

/// The attribution that one place in the host's code adds to whatever surrounds it.
#[pyclass(frozen, module = "llmlab._native")]
pub(crate) struct Labels(pub(crate) scope::Labels);

#[pymethods]
impl Labels {
    #[new]
    #[pyo3(signature = (feature=None, user=None, session=None, tags=None))]
    fn new(
        feature: Option<&Bound<'_, PyAny>>,
        user: Option<&Bound<'_, PyAny>>,
        session: Option<&Bound<'_, PyAny>>,
        tags: Option<&Bound<'_, PyMapping>>,
    ) -> PyResult<Self> {
        let mut pairs = Vec::new();
        if let Some(tags) = tags {
            for item in tags.items()?.iter() {
                let (key, value) = item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
                if let (Some(key), Some(value)) = (label(Some(&key))?, label(Some(&value))?) {
                    pairs.push((key, value));
                }
            }
        }
        Ok(Self(scope::Labels::new(label(feature)?, label(user)?, label(session)?, pairs)))
    }
}

/// An open stretch of the host's program, and what was spent inside it so far.
#[pyclass(frozen, module = "llmlab._native")]
pub(crate) struct Scope {
    pub(crate) scope: Arc<scope::Scope>,
    /// Whose the exchanges inside are, where they are not the global client's, whichever that is by then.
    pub(crate) owner: Option<Arc<Lab>>,
}

#[pymethods]
impl Scope {
    /// How many calls were recorded inside.
    #[getter]
    fn calls(&self, py: Python<'_>) -> u64 {
        self.tally(py).calls
    }

    /// How many of them have no known cost.
    #[getter]
    fn unpriced(&self, py: Python<'_>) -> u64 {
        self.tally(py).unpriced
    }

    /// What they cost in US dollars; `None` if the cost of one of them is not known.
    #[getter]
    fn cost<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let tally = self.tally(py);
        (tally.unpriced == 0).then(|| decimal(py, tally.cost)).transpose()
    }

    /// How many exchanges began inside.
    #[getter]
    fn begun(&self) -> u64 {
        self.scope.exchanges_begun()
    }

    /// Nothing began or was recorded inside, so what a function returned is news.
    #[getter(_untouched)]
    fn untouched(&self) -> bool {
        self.scope.exchanges_begun() == 0 && self.scope.tally().calls == 0
    }

    /// Says that what comes out of this scope is accounted for, whatever it looks like.
    #[pyo3(name = "_settle")]
    fn settle(&self) {
        self.scope.exchange_began();
    }
}

impl Scope {
    /// It may wait for a large response that is being read.
    fn tally(&self, py: Python<'_>) -> Tally {
        py.detach(|| self.scope.tally())
    }
}
