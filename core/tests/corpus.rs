//! Recorded traffic of real services, byte for byte through the exchange, in chunks of several sizes.
//!
//! The recordings are not part of the project: `LLMLAB_CORPUS` names the folder that has them, by default
//! `../shared/corpus` beside the workspace. Where there is none, this test says so and the vectors in
//! `conformance/usage/` stand for it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(
    clippy::print_stderr,
    reason = "a figure that nobody sees, and a test that is skipped in silence, help nobody"
)]
#![expect(clippy::disallowed_methods, reason = "a test may read the environment")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use llmlab::catalogue::Catalogue;
use llmlab::event::{Call, Facts, Status, Subject};
use llmlab::exchange::{End, Exchange, Request, read_response};
use llmlab::moment::Moment;
use llmlab::price::Query;
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
fn provider_of(case: &Value) -> Option<&str> {
    match case["provider"].as_str().unwrap() {
        "azure-openai" => Some("azure"),
        "bedrock-mantle" => Some("bedrock"),
        "vercel-gateway" => Some("vercel"),
        "gpustack" | "local" => None,
        id => Some(id),
    }
}

fn shared(variable: &str, below: &str) -> PathBuf {
    std::env::var_os(variable)
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(below), PathBuf::from)
}

fn lines(path: &PathBuf) -> Option<Vec<Value>> {
    let text = std::fs::read_to_string(path).ok();
    if text.is_none() {
        eprintln!("\n*** SKIPPED: no recordings at {} ***\n", path.display());
    }
    Some(text?.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// What a body says, in pieces of that many bytes.
fn replay(case: &Value, chunk_bytes: usize) -> Option<Facts> {
    let text = |name: &str| case[name].as_str().unwrap_or_default();
    let asked = if case["request_json"].is_null() { String::new() } else { case["request_json"].to_string() };
    let request = Request { method: text("request_method"), url: text("request_url"), body: asked.as_bytes() };
    let mut exchange = Exchange::begin(&request, Moment::default())?;
    let status = u16::try_from(case["status"].as_u64().unwrap()).unwrap();
    let headers = case["response_headers"].as_object().unwrap();
    exchange.head(status, headers.iter().map(|(name, value)| (name.as_bytes(), value.as_str().unwrap().as_bytes())));
    let body = match text("response_body_encoding") {
        "base64" => STANDARD.decode(text("response_body")).unwrap(),
        _ => text("response_body").into(),
    };
    for chunk in body.chunks(chunk_bytes) {
        exchange.push(chunk, Moment::default);
    }
    exchange.finish(End::Complete, None, Moment::default()).next()
}

fn call(facts: &Facts) -> &Call {
    let Subject::Call(call) = &facts.subject else { panic!("a call") };
    call
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

#[test]
fn every_recorded_exchange_gives_the_usage_that_the_recording_says() {
    let Some(cases) = lines(&shared("LLMLAB_CORPUS", "corpus").join("corpus.jsonl")) else { return };
    let mut figures = BTreeMap::<&str, Figure>::new();
    let (mut failures, mut explained) = (Vec::new(), 0);
    for case in &cases {
        let (id, api) = (case["id"].as_str().unwrap(), case["api"].as_str().unwrap());
        let mut wrong = Vec::new();
        for chunk_bytes in [1, 7, 64, 1 << 20] {
            match replay(case, chunk_bytes) {
                None if FREE.contains(&api) => {}
                Some(_) if FREE.contains(&api) => wrong.push("a call that is free".to_owned()),
                None => wrong.push("no call".to_owned()),
                Some(facts) => {
                    wrong.extend(differences(case, &facts));
                    let told = call(&facts).provider.as_deref();
                    if told != provider_of(case) {
                        wrong.push(format!("provider {told:?}"));
                    }
                }
            }
        }
        wrong.sort();
        wrong.dedup();
        let wrong = wrong.join("; ");
        let explanation = EXPLAINED.iter().find(|(case, difference, _)| *case == id && *difference == wrong);
        explained += usize::from(explanation.is_some());
        let figure = figures.entry(provider_of(case).unwrap_or("a host of one's own")).or_default();
        figure.good += u32::from(wrong.is_empty());
        figure.of += 1;
        figure.exceptions.extend(explanation.map(|(.., reason)| *reason));
        if !wrong.is_empty() && explanation.is_none() {
            failures.push(format!("{id}: {wrong}"));
        }
    }
    for (provider, figure) in &figures {
        eprintln!("{provider:24} {:3} of {:3}", figure.good, figure.of);
    }
    for (case, difference, reason) in EXPLAINED {
        eprintln!("{case}: {difference}: {reason}");
    }
    assert_eq!(cases.len(), 266, "the recordings");
    assert_eq!(explained, EXPLAINED.len(), "what is explained is there");
    compare_with_the_page(&figures);
    assert!(failures.is_empty(), "{failures:#?}");
}

/// How many recordings of a provider come out right, and why others do not.
#[derive(Default)]
struct Figure {
    good: u32,
    of: u32,
    exceptions: BTreeSet<&'static str>,
}

/// The figures are those that docs/providers.md shows.
fn compare_with_the_page(figures: &BTreeMap<&str, Figure>) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("conformance/recorded.jsonl");
    let mut fresh = String::new();
    for (provider, Figure { good, of, exceptions }) in figures {
        let line = serde_json::json!({"provider": provider, "good": good, "of": of, "exceptions": exceptions});
        fresh += &line.to_string();
        fresh.push('\n');
    }
    if std::env::var_os("LLMLAB_REGENERATE").is_some() {
        std::fs::write(path, fresh).unwrap();
    } else {
        let shown = std::fs::read_to_string(&path).unwrap();
        assert_eq!(shown, fresh, "conformance/recorded.jsonl is out of date: run `make docs` and commit it");
    }
}

#[test]
fn every_raw_usage_block_gives_the_usage_that_was_billed() {
    let path = shared("LLMLAB_SHARED", "").join("prices/usage_native_cases.jsonl");
    let Some(cases) = lines(&path) else { return };
    let count = cases.len();
    for case in cases {
        let body = case["body"].to_string();
        let call = read_response(case["provider"].as_str(), case["api"].as_str(), body.as_bytes()).unwrap();
        for dimension in Dimension::ALL {
            let expected = case["expected_usage"][dimension.name()].as_u64().unwrap_or(0);
            assert_eq!(call.usage.count(dimension), expected, "{} of {case}", dimension.name());
        }
        assert_eq!(call.model.as_deref(), case["model"].as_str());
        assert_eq!(call.provider.as_deref(), case["provider"].as_str());
    }
    eprintln!("raw usage blocks: {count} of {count}");
    assert_eq!(count, 16);
}

/// Whoever states its own cost tells whether we count and price as it does. xAI's statements are exact; Perplexity rounds each
/// part to five decimals. Two models have no price, and the price of xAI's web searches is not in the catalogue.
#[test]
fn what_providers_state_is_what_usage_and_catalogue_say() {
    let Some(cases) = lines(&shared("LLMLAB_CORPUS", "corpus").join("corpus.jsonl")) else { return };
    let (mut same, mut stated) = (0, 0);
    for case in &cases {
        let Some(facts) = replay(case, 1 << 20) else { continue };
        let call = call(&facts);
        let (Some(cost), Some(provider)) = (call.provider_cost, call.provider.as_deref()) else { continue };
        if !["xai", "perplexity"].contains(&provider) {
            continue;
        }
        stated += 1;
        let ours = Catalogue::embedded().cost(&Query {
            search_context_size: call.search_context_size.as_deref(),
            ..Query::new(provider, call.model.as_deref().unwrap(), &call.usage, 1_795_000_000_000_000_000)
        });
        // Floats are fine here: they compare what was rounded.
        let amount = |money: Money| money.to_string().parse::<f64>().unwrap();
        let total = ours.unwrap().total;
        let rounding = if provider == "perplexity" { 0.000_01 } else { 1e-15 };
        let agrees = total.is_some_and(|total| (amount(total) - amount(cost)).abs() < rounding);
        eprintln!("{:24} states {cost}, ours {total:?}", case["id"].as_str().unwrap());
        same += u32::from(agrees);
    }
    eprintln!("own statements that we agree with: {same} of {stated}");
    assert_eq!((stated, same >= 6), (10, true));
}
