//! What a case must leave: the recording's own counts in our words, one call, or none where it was free.

use std::collections::{BTreeMap, BTreeSet};

use llmlab::event::{Call, Facts, Status, Subject};
use llmlab::{Dimension, Money};
use serde_json::Value;

/// What costs nothing, and leaves no call.
const FREE: [&str; 4] = ["count_tokens", "countTokens", "cachedContents", "moderations"];
/// The recording's oracle took the last usage alone; the first one of this stream also told that no cache was used.
const TOLD_EARLIER: [&str; 1] = ["bedrock-invoke-stream-03"];
/// What is read in another way than the recording's oracle reads it, on purpose: the case, the difference, the reason.
const EXPLAINED: [(&str, &str, &str); 4] = [
    ("openrouter-chat-01", "provider cost: Some(0.00417) for 0", "its user's own key paid upstream besides"),
    (
        "openrouter-chat-05",
        "provider cost: Some(0.000497013333333333) for 0.0004970133333333333",
        "money has eighteen decimals",
    ),
    ("together-chat-01", "cache_read: Some(0) for null", "it says `cached_tokens` beside the details"),
    ("together-chat-stream-01", "cache_read: Some(0) for null", "it says `cached_tokens` beside the details"),
];

/// Who was called, as we name it; nobody where the host is somebody's own.
pub(crate) fn provider_of(case: &Value) -> Option<&str> {
    match case["provider"].as_str().unwrap() {
        "azure-openai" => Some("azure"),
        "bedrock-mantle" => Some("bedrock"),
        "vercel-gateway" => Some("vercel"),
        "gpustack" | "local" => None,
        id => Some(id),
    }
}

pub(crate) fn call(facts: &Facts) -> &Call {
    let Subject::Call(call) = &facts.subject else { panic!("a call") };
    call
}

/// Everything that is wrong with what a case left.
pub(crate) fn faults(case: &Value, facts: Option<&Facts>) -> Vec<String> {
    let is_free = FREE.contains(&case["api"].as_str().unwrap());
    match facts {
        None if is_free => Vec::new(),
        Some(_) if is_free => vec!["a call that is free".to_owned()],
        None => vec!["no call".to_owned()],
        Some(facts) => {
            let mut wrong = differences(case, facts);
            let told = call(facts).provider.as_deref();
            if told != provider_of(case) {
                wrong.push(format!("provider {told:?}"));
            }
            wrong
        }
    }
}

/// Every difference between a call and what the recording says by the rules of the corpus.
fn differences(case: &Value, facts: &Facts) -> Vec<String> {
    let call = call(facts);
    let usage = &call.usage;
    let expected = &case["expected_tokens"];
    let write = usage.get(Dimension::CacheWrite5m).map(|short| short + usage.count(Dimension::CacheWrite1h));
    // A cloud prices by its own name of a model, and not by the one that the model's format gives.
    let is_hosted = ["invoke", "rawPredict"].contains(&case["api"].as_str().unwrap());
    let counts = [
        ("input_total", usage.get(Dimension::Input)),
        ("output_total", usage.get(Dimension::Output)),
        ("cache_read", usage.get(Dimension::CacheRead)),
        ("cache_write", write),
        ("cache_write_1h", usage.get(Dimension::CacheWrite1h)),
        ("reasoning", usage.get(Dimension::Reasoning)),
        ("audio_in", usage.get(Dimension::AudioIn)),
        ("audio_out", usage.get(Dimension::AudioOut)),
        ("search_units", usage.get(Dimension::RerankSearches)),
    ];
    let mut wrong: Vec<String> = counts
        .into_iter()
        .filter(|(name, count)| expected[*name].as_u64() != *count)
        .filter(|(_, count)| *count != Some(0) || !TOLD_EARLIER.contains(&case["id"].as_str().unwrap()))
        .map(|(name, count)| format!("{name}: {count:?} for {}", expected[name]))
        .collect();
    // Floats are fine here: the oracle has no more.
    let cost = call.provider_cost.map(|cost: Money| cost.to_string().parse::<f64>().unwrap());
    if cost != expected["provider_cost_usd"].as_f64() {
        wrong.push(format!("provider cost: {cost:?} for {}", expected["provider_cost_usd"]));
    }
    let refused = case["status"].as_u64().unwrap() >= 400;
    let failed = refused || case["tags"].as_array().unwrap().iter().any(|tag| tag == "error_in_200");
    if (facts.status == Status::Error) != failed || facts.error_type.is_some() != failed {
        wrong.push(format!("status {} {:?}", facts.status, facts.error_type));
    }
    if call.stream != case["streaming"].as_bool().unwrap() {
        wrong.push(format!("stream {}", call.stream));
    }
    let returned = case["model_returned"].as_str().filter(|_| !is_hosted);
    let model = returned.or(case["model_requested"].as_str());
    if call.model.as_deref() != model {
        wrong.push(format!("model {:?} for {model:?}", call.model));
    }
    wrong
}

/// How many recordings of a provider come out right, and why others do not.
#[derive(Default)]
pub(crate) struct Figure {
    pub(crate) good: u32,
    pub(crate) of: u32,
    pub(crate) exceptions: BTreeSet<&'static str>,
}

/// The figures of all providers, and what is not explained.
#[derive(Default)]
pub(crate) struct Figures<'a> {
    pub(crate) by_provider: BTreeMap<&'a str, Figure>,
    explained: usize,
    failures: Vec<String>,
}

impl<'a> Figures<'a> {
    pub(crate) fn add(&mut self, case: &'a Value, mut wrong: Vec<String>) {
        let id = case["id"].as_str().unwrap();
        wrong.sort();
        wrong.dedup();
        let wrong = wrong.join("; ");
        let explanation = EXPLAINED.iter().find(|(case, difference, _)| *case == id && *difference == wrong);
        self.explained += usize::from(explanation.is_some());
        let figure = self.by_provider.entry(provider_of(case).unwrap_or("a host of one's own")).or_default();
        figure.good += u32::from(wrong.is_empty());
        figure.of += 1;
        figure.exceptions.extend(explanation.map(|(.., reason)| *reason));
        if !wrong.is_empty() && explanation.is_none() {
            self.failures.push(format!("{id}: {wrong}"));
        }
    }

    /// Shows them, and fails where something is not explained.
    pub(crate) fn judge(&self) {
        for (provider, figure) in &self.by_provider {
            eprintln!("{provider:24} {:3} of {:3}", figure.good, figure.of);
        }
        for (case, difference, reason) in EXPLAINED {
            eprintln!("{case}: {difference}: {reason}");
        }
        let cases: u32 = self.by_provider.values().map(|figure| figure.of).sum();
        assert_eq!(cases, 266, "the recordings");
        assert_eq!(self.explained, EXPLAINED.len(), "what is explained is there");
        assert!(self.failures.is_empty(), "{:#?}", self.failures);
    }
}
