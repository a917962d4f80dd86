//! The hot path: the charge of a recorded call, without an allocation.

use super::{Bill, Terms, bill};
use crate::catalogue::Catalogue;
use crate::event::{Call, Charge, CostSource, CostState, MatchedBy, Status};
use crate::money::Money;
use crate::usage::Usage;

impl Catalogue {
    /// What a call cost, as far as that is known; about 0.1 µs for a model that was priced before.
    ///
    /// The provider's own statement wins. A refused request costs nothing. A call that broke off, or of which a part has
    /// no price, is estimated with the known part as its total; one of which nothing is known is unpriced. Contradictory
    /// usage is unpriced too: the host's call is over, and there is nobody to raise an error to.
    pub fn charge(&self, call: &Call, status: Status, unix_ns: i64) -> Charge {
        let charge = |total, state, source, matched_by| Charge {
            total,
            state,
            source,
            catalogue_version: self.version(),
            matched_by,
        };
        let (bill, matched_by) = self.top_level(call, unix_ns);
        if let Some(stated) = call.provider_cost {
            return charge(Some(stated), CostState::Priced, CostSource::Provider, matched_by);
        }
        let passes = call.extra_passes.iter().filter(|pass| !pass.usage.is_empty());
        if call.usage.is_empty() && passes.clone().next().is_none() {
            return if status == Status::Error {
                charge(Some(Money::ZERO), CostState::Priced, CostSource::NotBilled, matched_by)
            } else {
                charge(None, CostState::Unpriced, CostSource::Catalogue, matched_by)
            };
        }
        let mut sum = bill.unwrap_or(Bill { total: Money::ZERO, complete: false, any: false });
        for pass in passes {
            let model = pass.model.as_deref().or(call.model.as_deref()).unwrap_or_default();
            let (bill, _) = self.one(call, model, &pass.usage, unix_ns);
            let known = bill.filter(|bill| bill.any);
            sum.complete &= known.as_ref().is_some_and(|bill| bill.complete);
            if let Some(known) = known {
                sum.total += known.total;
                sum.any = true;
            }
        }
        let whole = matches!(status, Status::Ok | Status::Error);
        sum.complete &= whole;
        charge(sum.any.then_some(sum.total), sum.state(), CostSource::Catalogue, matched_by)
    }

    /// The call's own usage. A name that the user mapped is right even when the answer names another model: behind a
    /// deployment, the request says which contract pays.
    fn top_level(&self, call: &Call, unix_ns: i64) -> (Option<Bill>, Option<MatchedBy>) {
        let answered = call.model.as_deref().or(call.model_requested.as_deref()).unwrap_or_default();
        let found = self.one(call, answered, &call.usage, unix_ns);
        match call.model_requested.as_deref() {
            Some(requested) if found.1.is_none() && requested != answered => {
                let mapped = self.one(call, requested, &call.usage, unix_ns);
                if mapped.1 == Some(MatchedBy::Override) { mapped } else { found }
            }
            _ => found,
        }
    }

    fn one(&self, call: &Call, model: &str, usage: &Usage, unix_ns: i64) -> (Option<Bill>, Option<MatchedBy>) {
        let terms = Terms {
            unix_ns,
            service_tier: call.service_tier.as_deref(),
            inference_geo: call.inference_geo.as_deref(),
            speed: call.speed.as_deref(),
            search_context_size: call.search_context_size.as_deref(),
        };
        self.with_model(call.provider.as_deref().unwrap_or_default(), model, |hit| {
            let Some(hit) = hit else { return (None, None) };
            let known = if usage.is_empty() { None } else { bill(hit, usage, &terms, |_, _, _, _, _| ()).ok() };
            (known, Some(hit.matched_by))
        })
    }
}
