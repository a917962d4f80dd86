//! The client, as Python holds it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBytes, PyDict, PyString};

use llmlab::catalogue::Tariff;
use llmlab::clock::SystemClock;
use llmlab::config::environment_variable;
use llmlab::engine::Response;
use llmlab::event::Status;
use llmlab::exchange::{self, Request};
use llmlab::ledger::Filter;
use llmlab::price::Query;
use llmlab::report::{GroupBy, SummaryQuery};
use llmlab::{Config, ErrorCode, Llmlab, OpenExchange, Options, outbox};

use crate::call::Given;
use crate::convert::{self, unix_ns};
use crate::cost::Cost;
use crate::errors::{fault, raised, raised_with};
use crate::exchange::{Exchange, Open, abandon_all};
use crate::flush::FlushReport;
use crate::guard::guarded;
use crate::handed::HandedBatch;
use crate::headers;
use crate::json::{body_of, items_of};
use crate::lab::Lab;
use crate::scope::{Labels, Scope};
use crate::stats;
use crate::summary::Summary;

/// A client. What records never raises; what answers may.
#[pyclass(frozen, module = "llmlab._native")]
pub(crate) struct Client {
    lab: Arc<Lab>,
    /// It is not the global client: what begins inside its scopes is its own.
    owns_scopes: bool,
    /// Why the configuration could not be used, where a default one had to do.
    problem: Option<(ErrorCode, String)>,
}

#[pymethods]
impl Client {
    /// A client of options in JSON, which the environment and the config file complete. `start_threads` is called after the
    /// first record of each process, for the sinks that are functions of the host.
    #[new]
    fn new(py: Python<'_>, options: &str, owns_scopes: bool, start_threads: Option<Py<PyAny>>) -> PyResult<Self> {
        let opened = py.detach(|| guarded(|| open(options).and_then(|lab| lab.check().map(|()| lab))));
        match opened {
            Some(Ok(lab)) => Ok(Self { lab: Arc::new(Lab::new(lab, start_threads)), owns_scopes, problem: None }),
            Some(Err(error)) => Err(raised(py, &error)),
            None => Err(fault(py)),
        }
    }

    /// The global client of the environment and the config file; of what can be used of them, if not all can. Never fails.
    #[staticmethod]
    fn lenient() -> Self {
        let (lab, problem) = match open("{}") {
            Ok(lab) => (lab, None),
            Err(error) => (fallback(), Some((error.code(), error.to_string()))),
        };
        Self { lab: Arc::new(Lab::new(lab, None)), owns_scopes: false, problem }
    }

    /// Why the configuration could not be used; `None` if it could.
    #[getter]
    fn problem(&self) -> Option<&str> {
        self.problem.as_ref().map(|(_, message)| message.as_str())
    }

    /// Begins an exchange within a scope, whose client it belongs to; `None` if it is none of a provider. Headers are pairs
    /// of texts or bytes, and are looked at only where there is an exchange.
    fn begin(
        &self,
        method: &str,
        url: &str,
        body: &[u8],
        headers: &Bound<'_, PyAny>,
        scope: Option<&Bound<'_, Scope>>,
    ) -> Option<Exchange> {
        self.begin_with(&Request { method, url, body }, scope, || Ok(headers.clone())).ok().flatten()
    }

    /// Opens a scope.
    fn scope(&self, parent: Option<&Bound<'_, Scope>>, labels: &Bound<'_, Labels>) -> Scope {
        let parent = parent.map(|parent| &parent.get().scope);
        self.owned(llmlab::scope::Scope::open(parent, self.lab.base(), &labels.get().0))
    }

    /// Opens the scope of a step.
    fn step(&self, parent: Option<&Bound<'_, Scope>>, labels: &Bound<'_, Labels>, name: &str, kind: &str) -> Scope {
        let kind = match kind {
            "agent" => Cow::Borrowed("agent"),
            "tool" => Cow::Borrowed("tool"),
            "function" => Cow::Borrowed("function"),
            other => Cow::Owned(other.to_owned()),
        };
        let parent = parent.map(|parent| &parent.get().scope);
        let lab = &self.lab;
        let what = (name.to_owned(), kind);
        self.owned(llmlab::scope::Scope::open_step(parent, lab.base(), &labels.get().0, what, lab.new_ids(), lab.now()))
    }

    /// Records the end of a step: `error_type` names what was raised inside, if anything was.
    fn end_step(&self, scope: &Bound<'_, Scope>, error_type: Option<String>, cancelled: bool) -> Vec<String> {
        let status = match (&error_type, cancelled) {
            (_, true) => Status::Cancelled,
            (Some(_), false) => Status::Error,
            (None, false) => Status::Ok,
        };
        guarded(|| self.lab.record_step(&scope.get().scope, status, error_type));
        self.after_record()
    }

    /// Records a call by hand. Gives what the user should be told, if anything: what was wrong with it, and the notices.
    #[expect(clippy::too_many_arguments, reason = "positional scalars cross quickest")]
    fn record_call(
        &self,
        provider: &Bound<'_, PyAny>,
        model: &Bound<'_, PyAny>,
        input_tokens: Option<&Bound<'_, PyAny>>,
        output_tokens: Option<&Bound<'_, PyAny>>,
        usage: Option<&Bound<'_, PyAny>>,
        cost_usd: Option<&Bound<'_, PyAny>>,
        latency_ms: Option<&Bound<'_, PyAny>>,
        service_tier: Option<&Bound<'_, PyAny>>,
        operation: Option<&Bound<'_, PyAny>>,
        scope: Option<&Bound<'_, Scope>>,
    ) -> Option<(Vec<String>, Vec<String>)> {
        if self.lab.config().disabled {
            return None;
        }
        let given = Given {
            provider,
            model,
            input_tokens,
            output_tokens,
            usage,
            cost_usd,
            latency_ms,
            service_tier,
            operation,
        };
        let wrong = guarded(|| {
            let read = given.read(&self.lab);
            let scope = scope.map(|scope| &scope.get().scope);
            match read.cost {
                Some(cost) => self.lab.record_at_cost(read.facts, cost, scope),
                None => self.lab.record(read.facts, scope),
            };
            read.faults.iter().map(ToString::to_string).collect::<Vec<_>>()
        });
        let (wrong, notices) = (wrong.unwrap_or_default(), self.after_record());
        (!wrong.is_empty() || !notices.is_empty()).then_some((wrong, notices))
    }

    /// Records a response that the host holds: JSON, a dict, a pydantic model, or a list of these. Gives how many calls
    /// were recorded.
    fn record_response(
        &self,
        response: &Bound<'_, PyAny>,
        provider: Option<&str>,
        model: Option<&str>,
        api: Option<&str>,
        scope: Option<&Bound<'_, Scope>>,
    ) -> u64 {
        let scope = scope.map(|scope| &scope.get().scope);
        let record = |body: &[u8]| {
            let response = Response { provider, model, api, body, start: None };
            guarded(|| self.lab.record_response(&response, scope)).flatten().is_some()
        };
        if let Some(items) = items_of(response) {
            return items.iter().filter_map(body_of).map(|body| u64::from(record(&body))).sum();
        }
        if let Ok(bytes) = response.cast::<PyBytes>() {
            return u64::from(record(bytes.as_bytes()));
        }
        if let Ok(text) = response.cast::<PyString>() {
            return u64::from(record(text.to_string_lossy().as_bytes()));
        }
        body_of(response).map_or(0, |body| u64::from(record(&body)))
    }

    /// What a call would cost.
    #[expect(clippy::too_many_arguments, reason = "positional scalars cross quickest")]
    fn cost(
        &self,
        py: Python<'_>,
        provider: &str,
        model: &str,
        usage: Option<&Bound<'_, PyAny>>,
        at: Option<&Bound<'_, PyAny>>,
        service_tier: Option<&str>,
        inference_geo: Option<&str>,
        speed: Option<&str>,
        search_context_size: Option<&str>,
        input_tokens: Option<&Bound<'_, PyAny>>,
        output_tokens: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Cost> {
        self.usable(py)?;
        let answer = guarded(|| -> llmlab::Result<_> {
            let usage = convert::usage(usage, input_tokens, output_tokens)?;
            let unix_ns = match at {
                Some(at) => unix_ns("at", at)?,
                None => self.lab.now().unix_ns,
            };
            let query = Query {
                provider,
                model,
                usage: &usage,
                unix_ns,
                service_tier,
                inference_geo,
                speed,
                search_context_size,
            };
            self.lab.cost(&query)
        });
        answer.ok_or_else(|| fault(py))?.map(Cost).map_err(|error| raised(py, &error))
    }

    /// The models of a provider that have a price.
    fn models(&self, py: Python<'_>, provider: &str) -> PyResult<Vec<String>> {
        self.usable(py)?;
        guarded(|| self.lab.models(provider)).ok_or_else(|| fault(py))?.map_err(|error| raised(py, &error))
    }

    /// Sets what a model costs, in JSON by the words of a price file.
    fn set_price(&self, py: Python<'_>, provider: &str, model: &str, rates: &str) -> PyResult<()> {
        let set = || Tariff::from_json(rates).and_then(|price| self.lab.set_price(provider, model, &price));
        guarded(set).ok_or_else(|| fault(py))?.map_err(|error| raised(py, &error))
    }

    /// Tells which model is behind a name.
    fn set_model(&self, py: Python<'_>, provider: &str, name: &str, model: &str) -> PyResult<()> {
        let set = || self.lab.set_model(provider, name, model);
        guarded(set).ok_or_else(|| fault(py))?.map_err(|error| raised(py, &error))
    }

    /// What was spent.
    #[expect(clippy::needless_pass_by_value, reason = "pyo3 hands over what it has read")]
    fn summary(
        &self,
        py: Python<'_>,
        since: Option<&Bound<'_, PyAny>>,
        until: Option<&Bound<'_, PyAny>>,
        group_by: Vec<PyBackedStr>,
        project: Option<String>,
        run_id: Option<String>,
    ) -> PyResult<Summary> {
        self.usable(py)?;
        let query = (|| -> llmlab::Result<_> {
            Ok(SummaryQuery {
                filter: Filter {
                    since_ns: since.map(|since| unix_ns("since", since)).transpose()?,
                    until_ns: until.map(|until| unix_ns("until", until)).transpose()?,
                    project,
                    run_id,
                },
                group_by: group_by.iter().map(|axis| GroupBy::from_name(axis)).collect::<llmlab::Result<_>>()?,
            })
        })()
        .map_err(|error| raised(py, &error))?;
        let answer = py.detach(|| guarded(|| self.lab.summary(&query)));
        answer.ok_or_else(|| fault(py))?.map(Summary).map_err(|error| raised(py, &error))
    }

    /// Delivers what was recorded, for a time at most.
    fn flush(&self, py: Python<'_>, timeout_s: f64) -> FlushReport {
        self.finish(py, timeout_s, Llmlab::flush)
    }

    /// The same, and ends the I/O thread.
    fn shutdown(&self, py: Python<'_>, timeout_s: f64) -> FlushReport {
        self.finish(py, timeout_s, Llmlab::shutdown)
    }

    /// Records the exchanges that are still under way, for an interpreter that exits.
    #[staticmethod]
    fn abandon_exchanges() {
        abandon_all();
    }

    /// What is left to do when the interpreter exits, within the limits of `exit_flush`.
    fn exit_flush(&self, py: Python<'_>) -> FlushReport {
        FlushReport(py.detach(|| guarded(|| self.lab.exit_flush())).unwrap_or_default())
    }

    /// Waits for the next batch of a sink that is a function of the host.
    fn next_batch(&self, py: Python<'_>, sink: &str, timeout_s: f64) -> Option<HandedBatch> {
        let timeout = Duration::try_from_secs_f64(timeout_s).unwrap_or(Duration::MAX);
        py.detach(|| guarded(|| self.lab.next_batch(sink, timeout))).flatten().map(HandedBatch)
    }

    /// Says what became of it: `None` if the function took it, else why not.
    fn settle_batch(&self, py: Python<'_>, ticket: u64, problem: Option<String>) {
        py.detach(|| guarded(|| self.lab.settle_batch(ticket, &problem.map_or(Ok(()), Err))));
    }

    /// What is in force, but for secrets.
    fn configuration<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        stats::configuration(py, self.lab.config())
    }

    /// Counters by name.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counters = py.detach(|| guarded(|| self.lab.stats())).unwrap_or_default();
        stats::counters(py, &counters)
    }

    /// What the user should be told since the last time.
    fn take_notices(&self) -> Vec<String> {
        guarded(|| self.lab.take_notices()).unwrap_or_default()
    }
}

impl Client {
    /// Asks for the headers only where there is an exchange.
    pub(crate) fn begin_with<'py>(
        &self,
        request: &Request<'_>,
        scope: Option<&Bound<'_, Scope>>,
        headers_of: impl FnOnce() -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Exchange>> {
        let scope = scope.map(Bound::get);
        let lab = scope.and_then(|scope| scope.owner.as_ref()).unwrap_or(&self.lab);
        if lab.config().disabled {
            return Ok(None);
        }
        let begun = guarded(|| exchange::Exchange::begin_at(request, || lab.now())).flatten();
        let Some(begun) = begun else { return Ok(None) };
        let headers = headers_of()?;
        let scope = scope.map(|scope| scope.scope.clone());
        let mut exchange = OpenExchange::new(begun, Llmlab::clone(lab), scope);
        headers::read(&headers, |pairs| exchange.sent(pairs));
        Ok(Some(Exchange::new(Open { exchange, lab: lab.clone() })))
    }

    fn owned(&self, scope: Arc<llmlab::scope::Scope>) -> Scope {
        Scope { scope, owner: self.owns_scopes.then(|| self.lab.clone()) }
    }

    fn after_record(&self) -> Vec<String> {
        guarded(|| self.lab.after_record()).unwrap_or_default()
    }

    fn usable(&self, py: Python<'_>) -> PyResult<()> {
        match &self.problem {
            Some((code, message)) => Err(raised_with(py, *code, message)),
            None => Ok(()),
        }
    }

    fn finish(
        &self,
        py: Python<'_>,
        timeout_s: f64,
        wait: fn(&Llmlab, Duration) -> outbox::FlushReport,
    ) -> FlushReport {
        // Less than nothing, and what is no number, is no time at all; only what is too long is for ever.
        let timeout = Duration::try_from_secs_f64(timeout_s.max(0.0)).unwrap_or(Duration::MAX);
        let lab = &**self.lab;
        FlushReport(py.detach(|| guarded(|| wait(lab, timeout))).unwrap_or_default())
    }
}

fn open(options: &str) -> llmlab::Result<Llmlab> {
    Llmlab::new(Config::load(Options::from_json(options)?)?, Arc::new(SystemClock))
}

fn fallback() -> Llmlab {
    Llmlab::plain(Config::fallback(&environment_variable), Arc::new(SystemClock))
}
