//! What a call, or many calls in one rollup, used and cost, in every dialect that a backend may read.
//!
//! Two rules keep the dialects from harming one another. No name of our own begins with `gen_ai.usage.` or
//! `llm.token_count.`, because Langfuse takes whatever stands there for a bucket of tokens. And an unknown amount is left
//! out: 0 would keep a backend from pricing the call itself.

use std::collections::BTreeMap;

use super::attributes::Attributes;
use super::kind::Kind;
use super::provider::{gen_ai_provider, openinference_provider};
use crate::event::{Charge, CostState, MatchedBy, Operation};
use crate::usage::{Dimension, Usage};

/// What calls and rollups have in common.
pub(super) struct Spent<'a> {
    pub(super) operation: Operation,
    pub(super) provider: Option<&'a str>,
    pub(super) model: Option<&'a str>,
    pub(super) model_requested: Option<&'a str>,
    pub(super) usage: &'a Usage,
    pub(super) charge: Option<&'a Charge>,
}

impl Spent<'_> {
    pub(super) fn describe(&self, attributes: &mut Attributes) {
        Kind::of_operation(self.operation).describe(attributes);
        attributes.text(&["gen_ai.operation.name"], Some(self.operation.as_str()));
        // The second name is the one of conventions before 1.37, which LangSmith still documents.
        attributes.text(&["gen_ai.provider.name", "gen_ai.system"], self.provider.map(gen_ai_provider));
        attributes.text(&["llm.provider", "llm.system"], self.provider.map(openinference_provider));
        let answered = self.model.or(self.model_requested);
        let requested = self.model_requested.or(self.model);
        attributes.text(&["gen_ai.request.model", "llm.request.model_name"], requested);
        attributes.text(&["gen_ai.response.model", "llm.response.model_name"], self.model);
        attributes.text(&["llm.model_name"], answered);
        if self.operation == Operation::Embeddings {
            attributes.text(&["embedding.model_name"], answered);
        }
        self.describe_usage(attributes);
        if let Some(charge) = self.charge {
            describe_cost(attributes, charge);
        }
    }

    fn describe_usage(&self, attributes: &mut Attributes) {
        use Dimension as D;
        let usage = self.usage;
        if usage.is_empty() {
            return;
        }
        let (input, output) = (usage.get(D::Input), usage.get(D::Output));
        let cache_write = cache_write(usage);
        attributes.count(&["gen_ai.usage.input_tokens", "llm.token_count.prompt"], input);
        attributes.count(&["gen_ai.usage.output_tokens", "llm.token_count.completion"], output);
        attributes.count(&["llm.token_count.total"], total(usage));
        attributes.count(
            &["gen_ai.usage.cache_read.input_tokens", "llm.token_count.prompt_details.cache_read"],
            usage.get(D::CacheRead),
        );
        // The first is the name of semantic conventions 1.41, the second the one that came after.
        attributes.count(
            &[
                "gen_ai.usage.cache_creation.input_tokens",
                "gen_ai.usage.cache_write.input_tokens",
                "llm.token_count.prompt_details.cache_write",
            ],
            cache_write,
        );
        attributes.count(
            &["gen_ai.usage.reasoning.output_tokens", "llm.token_count.completion_details.reasoning"],
            usage.get(D::Reasoning),
        );
        attributes.count(&["llm.token_count.prompt_details.audio"], usage.get(D::AudioIn));
        attributes.count(&["llm.token_count.completion_details.audio"], usage.get(D::AudioOut));
        // Always beside the rest: Langfuse adds up what it finds elsewhere, and would count both names of a cache write.
        attributes.json(&["langfuse.observation.usage_details"], &exclusive(usage));
        for (dimension, count) in usage.iter().filter(|&(dimension, _)| !has_a_convention(dimension)) {
            attributes.count(&[&format!("llmlab.usage.{}", dimension.name())], Some(count));
        }
        // Counts are inclusive; PostHog assumes that Anthropic's are not.
        attributes.bool("$ai_cache_reporting_exclusive", false);
    }
}

fn describe_cost(attributes: &mut Attributes, charge: &Charge) {
    attributes.text(&["llmlab.cost.state"], Some(charge.state.as_str()));
    attributes.text(&["llmlab.cost.source"], Some(charge.source.as_str()));
    if charge.catalogue_version > 0 {
        attributes.text(&["llmlab.pricing.version"], Some(&charge.catalogue_version.to_string()));
    }
    attributes.text(&["llmlab.pricing.matched_by"], charge.matched_by.map(MatchedBy::as_str));
    let Some(total) = charge.total.filter(|_| charge.state != CostState::Unpriced) else { return };
    attributes.text(&["llmlab.cost.total_usd"], Some(&total.to_string()));
    attributes.money(&["gen_ai.usage.cost", "llm.cost.total", "$ai_total_cost_usd"], total);
    attributes.json(&["langfuse.observation.cost_details"], &BTreeMap::from([("total", total)]));
    attributes.json(&["mlflow.llm.cost"], &BTreeMap::from([("total_cost", total)]));
}

fn total(usage: &Usage) -> Option<u64> {
    Some(usage.get(Dimension::Input)?.saturating_add(usage.get(Dimension::Output)?))
}

fn cache_write(usage: &Usage) -> Option<u64> {
    let parts = [usage.get(Dimension::CacheWrite5m), usage.get(Dimension::CacheWrite1h)];
    parts.into_iter().flatten().reduce(u64::saturating_add)
}

/// Langfuse's buckets, which must not overlap; their sum is the total.
fn exclusive(usage: &Usage) -> BTreeMap<&'static str, u64> {
    let (read, write, reasoning) =
        (usage.get(Dimension::CacheRead), cache_write(usage), usage.get(Dimension::Reasoning));
    let input = usage
        .get(Dimension::Input)
        .map(|input| input.saturating_sub(read.unwrap_or(0)).saturating_sub(write.unwrap_or(0)));
    let output = usage.get(Dimension::Output).map(|output| output.saturating_sub(reasoning.unwrap_or(0)));
    let buckets = [
        ("input", input),
        ("input_cached_tokens", read),
        ("input_cache_creation", write),
        ("output", output),
        ("output_reasoning_tokens", reasoning),
        ("total", total(usage)),
    ];
    buckets.into_iter().filter_map(|(name, count)| Some((name, count?))).collect()
}

/// Whether another vocabulary has a name for the dimension, cache writes as the sum of both.
const fn has_a_convention(dimension: Dimension) -> bool {
    use Dimension as D;
    matches!(dimension, D::Input | D::Output | D::CacheRead | D::Reasoning | D::AudioIn | D::AudioOut)
}
