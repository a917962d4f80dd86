//! What waits: on a thread of Node's pool, so that the event loop goes on. The promise settles on the event loop.

use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::AsyncTask;
use napi::{Env, Task};
use napi_derive::napi;

use llmlab::report::SummaryQuery;
use llmlab::{Llmlab, outbox, report};

use crate::errors::Result;
use crate::guard::{answered, guarded};
use crate::lab::Lab;
use crate::stats::FlushReport;
use crate::summary::Summary;

/// Delivers what was recorded.
pub struct Finish {
    lab: Arc<Lab>,
    timeout: Duration,
    wait: fn(&Llmlab, Duration) -> outbox::FlushReport,
}

impl Finish {
    pub(crate) fn task(
        lab: Arc<Lab>,
        timeout_s: f64,
        wait: fn(&Llmlab, Duration) -> outbox::FlushReport,
    ) -> AsyncTask<Self> {
        // Less than nothing, and what is no number, is no time at all; only what is too long is for ever.
        let timeout = Duration::try_from_secs_f64(timeout_s.max(0.0)).unwrap_or(Duration::MAX);
        AsyncTask::new(Self { lab, timeout, wait })
    }
}

impl Task for Finish {
    type Output = outbox::FlushReport;
    type JsValue = FlushReport;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(guarded(|| (self.wait)(&self.lab, self.timeout)).unwrap_or_default())
    }

    fn resolve(&mut self, _: Env, report: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(report.into())
    }
}

/// Asks the ledger.
pub struct Ask {
    pub(crate) lab: Arc<Lab>,
    pub(crate) query: SummaryQuery,
}

/// The answer, or why there is none: a promise that napi rejects has no place for the code of an error.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Answer {
    pub summary: Option<Summary>,
    pub code: Option<&'static str>,
    pub message: Option<String>,
}

impl Task for Ask {
    type Output = Result<report::Summary>;
    type JsValue = Answer;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(answered(|| self.lab.summary(&self.query)))
    }

    fn resolve(&mut self, _: Env, answer: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(match answer {
            Ok(summary) => Answer { summary: Some(summary.into()), code: None, message: None },
            Err(error) => Answer { summary: None, code: Some(error.status), message: Some(error.reason.clone()) },
        })
    }
}
