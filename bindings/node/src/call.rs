//! A call that the host records by hand.

use std::borrow::Cow;

use napi::bindgen_prelude::ClassInstance;
use napi_derive::napi;

use llmlab::event::{Call, Facts, Operation, Status, Subject};
use llmlab::{Llmlab, Money, provider};

use crate::convert::usage;
use crate::scope::Scope;

/// What `trackCall` was given, checked by the other side; what was wrong is left out.
#[napi(object, object_to_js = false)]
pub struct Given {
    pub provider: Option<String>,
    pub model: Option<String>,
    pub cost_usd: Option<String>,
    pub latency_ms: Option<f64>,
    pub service_tier: Option<String>,
    pub operation: Option<String>,
}

impl Given {
    pub(crate) fn record(self, lab: &Llmlab, counts: &[f64], scope: Option<&ClassInstance<'_, Scope>>) {
        let scope = scope.map(|scope| &scope.0);
        let cost = self.cost_usd.as_deref().and_then(|cost| cost.parse::<Money>().ok());
        let facts = self.facts(lab, counts);
        match cost {
            Some(cost) => lab.record_at_cost(facts, cost, scope),
            None => lab.record(facts, scope),
        };
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the other side checks the range")]
    fn facts(self, lab: &Llmlab, counts: &[f64]) -> Facts {
        let word = self.operation.as_deref();
        let operation = Operation::ALL.iter().copied().find(|operation| Some(operation.as_str()) == word);
        let mut call = Box::new(Call::new(operation.unwrap_or(Operation::Chat)));
        call.provider = self.provider.map(|name| match provider::by_name(&name) {
            Some(known) => Cow::Borrowed(known.id),
            None => Cow::Owned(name),
        });
        call.model_requested.clone_from(&self.model);
        call.model = self.model;
        call.usage = usage(counts);
        call.service_tier = self.service_tier;
        let latency_ns = self.latency_ms.map(|ms| (ms * 1e6) as u64);
        let started_before_ns = i64::try_from(latency_ns.unwrap_or(0)).unwrap_or(0);
        let unix_ns = lab.now().unix_ns.saturating_sub(started_before_ns);
        Facts { unix_ns, latency_ns, status: Status::Ok, error_type: None, subject: Subject::Call(call) }
    }
}
