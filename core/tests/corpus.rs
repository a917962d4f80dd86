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

use std::collections::BTreeMap;
use std::path::PathBuf;

use llmlab::event::{Call, Facts, Status, Subject};
use llmlab::exchange::{End, Exchange, Request, read_response};
use llmlab::moment::Moment;
use llmlab::{Dimension, Money};
use serde_json::Value;

/// The operations that are read so far, by the names of the corpus.
const READ: [(&str, &[&str]); 3] = [
    ("openai", &["chat.completions", "completions", "responses", "embeddings"]),
    ("anthropic", &["messages"]),
    ("google", &["generateContent"]),
];
/// Other providers of the same wire families, which are told by path and shape until they have a value of their own.
const SAME_FAMILY: [&str; 4] = ["chat.completions", "completions", "responses", "embeddings"];

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
    for chunk in text("response_body").as_bytes().chunks(chunk_bytes) {
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
    let counts = [
        ("input_total", usage.get(Dimension::Input)),
        ("output_total", usage.get(Dimension::Output)),
        ("cache_read", usage.get(Dimension::CacheRead)),
        ("cache_write", write),
        ("cache_write_1h", usage.get(Dimension::CacheWrite1h)),
        ("reasoning", usage.get(Dimension::Reasoning)),
        ("audio_in", usage.get(Dimension::AudioIn)),
        ("audio_out", usage.get(Dimension::AudioOut)),
    ];
    let mut wrong: Vec<String> = counts
        .into_iter()
        .filter(|(name, count)| expected[*name].as_u64() != *count)
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
    let model = [&case["model_returned"], &case["model_requested"]].into_iter().find_map(Value::as_str);
    if call.model.as_deref() != model {
        wrong.push(format!("model {:?} for {model:?}", call.model));
    }
    wrong
}

#[test]
fn every_recorded_exchange_gives_the_usage_that_the_recording_says() {
    let Some(cases) = lines(&shared("LLMLAB_CORPUS", "corpus").join("corpus.jsonl")) else { return };
    let mut figures = BTreeMap::<String, (u32, u32)>::new();
    let (mut required, mut failures) = (0, Vec::new());
    for case in &cases {
        let (provider, api) = (case["provider"].as_str().unwrap(), case["api"].as_str().unwrap());
        let ours = READ.iter().find(|(name, _)| *name == provider);
        let is_required = ours.is_some_and(|(_, apis)| apis.contains(&api));
        if !is_required && !SAME_FAMILY.contains(&api) {
            assert!(
                ours.is_none() || replay(case, 100).is_none_or(|facts| call(&facts).usage.is_empty()),
                "{}",
                case["id"]
            );
            continue;
        }
        let mut wrong = Vec::new();
        for chunk_bytes in [1, 7, 64, 1 << 20] {
            match replay(case, chunk_bytes) {
                Some(facts) => {
                    wrong.extend(differences(case, &facts));
                    let told = call(&facts).provider.as_deref();
                    if is_required && told != Some(provider) {
                        wrong.push(format!("provider {told:?}"));
                    }
                }
                None => wrong.push("no call".to_owned()),
            }
        }
        wrong.sort();
        wrong.dedup();
        let name = if ours.is_some() && !is_required { format!("{provider} ({api})") } else { provider.to_owned() };
        let figure = figures.entry(name).or_default();
        figure.0 += u32::from(wrong.is_empty());
        figure.1 += 1;
        required += u32::from(is_required);
        if !wrong.is_empty() {
            let line = format!("{}: {}", case["id"].as_str().unwrap(), wrong.join("; "));
            eprintln!("{line}");
            if is_required {
                failures.push(line);
            }
        }
    }
    for (provider, (right, all)) in figures {
        eprintln!("{provider:24} {right:3} of {all:3}");
    }
    assert_eq!(required, 124, "the recordings of the three families");
    assert!(failures.is_empty(), "{failures:#?}");
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
