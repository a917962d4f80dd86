//! The hot path: the charge of a recorded call, without an allocation.

use super::{Bill, Terms, bill};
use crate::catalogue::Catalogue;
use crate::event::{Call, Charge, CostSource, CostState, MatchedBy, Status};
use crate::money::Money;
use crate::usage::Usage;

/// What a name led to.
struct Found {
    bill: Option<Bill>,
    matched_by: Option<MatchedBy>,
    /// See [`Hit::is_yours`](crate::catalogue::Hit).
    is_yours: bool,
}

impl Catalogue {
    /// What a call cost, as far as that is known; about 0.1 µs for a model that was priced before.
    ///
    /// The provider's own statement wins. A refused request costs nothing. A call that broke off, also by an error in the
    /// middle of its stream, or of which a part has no price, is estimated with the known part as its total; one of which
    /// nothing is known is unpriced. Contradictory usage is unpriced too: the host's call is over, and there is nobody to raise an error to.
    pub fn charge(&self, call: &Call, status: Status, unix_ns: i64) -> Charge {
        let charge = |total, state, source, matched_by| Charge {
            total,
            state,
            source,
            catalogue_version: self.version(),
            matched_by,
        };
        let Found { bill, matched_by, .. } = self.top_level(call, unix_ns);
        // An error in a stream came after the provider had begun to work.
        let is_refused = status == Status::Error && !call.stream;
        if let Some(stated) = call.provider_cost {
            return charge(Some(stated), CostState::Priced, CostSource::Provider, matched_by);
        }
        let passes = call.extra_passes.iter().filter(|pass| !pass.usage.is_empty());
        if call.usage.is_empty() && passes.clone().next().is_none() {
            return if is_refused {
                charge(Some(Money::ZERO), CostState::Priced, CostSource::NotBilled, matched_by)
            } else {
                charge(None, CostState::Unpriced, CostSource::Catalogue, matched_by)
            };
        }
        let mut sum = bill.unwrap_or(Bill { total: Money::ZERO, complete: false, any: false });
        for pass in passes {
            let model = pass.model.as_deref().or(call.model.as_deref()).unwrap_or_default();
            let Found { bill, .. } = self.one(call, model, &pass.usage, unix_ns);
            let known = bill.filter(|bill| bill.any);
            sum.complete &= known.as_ref().is_some_and(|bill| bill.complete);
            if let Some(known) = known {
                sum.total += known.total;
                sum.any = true;
            }
        }
        sum.complete &= status == Status::Ok || is_refused;
        charge(sum.any.then_some(sum.total), sum.state(), CostSource::Catalogue, matched_by)
    }

    /// The call's own usage. A name that only the user knows goes before what the answer names: behind a deployment, the
    /// request says which contract pays. So does every name of the user's where the answer's is unknown.
    fn top_level(&self, call: &Call, unix_ns: i64) -> Found {
        let answered = call.model.as_deref().or(call.model_requested.as_deref()).unwrap_or_default();
        let found = self.one(call, answered, &call.usage, unix_ns);
        let Some(requested) = call.model_requested.as_deref() else { return found };
        if requested == answered || !self.has_overrides() {
            return found;
        }
        let asked = self.one(call, requested, &call.usage, unix_ns);
        let is_mapped = asked.matched_by == Some(MatchedBy::Override);
        if is_mapped && (asked.is_yours || found.matched_by.is_none()) { asked } else { found }
    }

    fn one(&self, call: &Call, model: &str, usage: &Usage, unix_ns: i64) -> Found {
        let terms = Terms {
            unix_ns,
            service_tier: call.service_tier.as_deref(),
            inference_geo: call.inference_geo.as_deref(),
            speed: call.speed.as_deref(),
            search_context_size: call.search_context_size.as_deref(),
        };
        self.with_model(call.provider.as_deref().unwrap_or_default(), model, |hit| {
            let Some(hit) = hit else { return Found { bill: None, matched_by: None, is_yours: false } };
            let bill = if usage.is_empty() { None } else { bill(hit, usage, &terms, |_, _, _, _, _| ()).ok() };
            Found { bill, matched_by: Some(hit.matched_by), is_yours: hit.is_yours }
        })
    }
}
