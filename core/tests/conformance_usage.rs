//! The vectors of `conformance/usage/`: what comes over the wire, and the call it is.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use llmlab::clock::SystemClock;
use llmlab::event::{Call, Facts, Subject};
use llmlab::exchange::{End, Exchange, Request, UNREAD_MEMBERS, read_response};
use llmlab::ledger::{Filter, Ledger};
use llmlab::moment::Moment;
use llmlab::provider::{Definition, register};
use llmlab::scope::{Labels, Scope};
use llmlab::{Dimension, Llmlab, Options};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

fn vectors() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/usage");
    let mut vectors = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let vector: Value = serde_json::from_str(line).unwrap();
            if vector["definition"].is_object() {
                register(Definition::from_json(&vector["definition"].to_string()).unwrap()).unwrap();
            }
            let name = format!("{}: {}", path.file_stem().unwrap().to_string_lossy(), vector["name"].as_str().unwrap());
            vectors.push((name, vector));
        }
    }
    assert!(vectors.len() > 80, "the vectors are there");
    vectors
}

fn body_of(vector: &Value) -> Vec<u8> {
    if let Some(text) = vector["text"].as_str() {
        return text.into();
    }
    if let Some(hex) = vector["hex"].as_str() {
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        return hex.as_bytes().chunks(2).map(byte).collect();
    }
    if let Some(parts) = vector["parts"].as_array() {
        let part = |part: &Value| part[0].as_str().unwrap().repeat(part[1].as_u64().unwrap().try_into().unwrap());
        return parts.iter().map(part).collect::<String>().into();
    }
    if let Some(events) = vector["sse"].as_array() {
        let event = |event: &Value| format!("data: {}\n\n", event.as_str().map_or(event.to_string(), str::to_owned));
        return events.iter().map(event).collect::<String>().into();
    }
    if let Some(lines) = vector["lines"].as_array() {
        return lines.iter().flat_map(|line| [line.to_string(), "\n".to_owned()]).collect::<String>().into();
    }
    vector["body"].to_string().into()
}

/// Records the exchange as an application would, and exports it.
fn exported(vector: &Value) -> Value {
    let home = tempfile::tempdir().unwrap();
    let variable = |name: &str| (name == "LLMLAB_HOME").then(|| home.path().display().to_string());
    let options = Options::from_json(r#"{"project":"shop","environment":"test"}"#).unwrap();
    let lab = Llmlab::new(llmlab::Config::resolve(options, &variable).unwrap(), Arc::new(SystemClock)).unwrap();
    let tags = vec![("team".to_owned(), "a".to_owned())];
    let labels = Labels::new(Some("search".to_owned()), Some("ann".to_owned()), None, tags);
    let mut facts = exchange(vector, &body_of(vector), None, &[]).unwrap().remove(0);
    facts.unix_ns = lab.now().unix_ns;
    lab.record(facts, Some(&Scope::open(None, lab.base(), &labels)));
    let mut events = Vec::new();
    let (_, mut ledger) = Ledger::current(home.path()).unwrap();
    let mut keep = |event| {
        events.push(serde_json::to_string(&event).unwrap());
        Ok(())
    };
    ledger.for_each_event(&Filter::default(), &mut keep).unwrap();
    assert_eq!(events.len(), 1);
    // A float would round the amount.
    let money = events[0].split_once(r#""cost_usd":"#).unwrap().1.split(',').next().unwrap().to_owned();
    let mut event: Value = serde_json::from_str(&events[0]).unwrap();
    let fields = event.as_object_mut().unwrap();
    fields.insert("cost_usd".to_owned(), if money == "null" { Value::Null } else { money.into() });
    for varying in ["id", "ts", "latency_ms", "first_event_ms", "span_id", "catalogue_version"] {
        fields.remove(varying).unwrap();
    }
    event
}

#[test]
fn every_exchange_becomes_its_event() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/event.jsonl");
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        assert_eq!(exported(&vector), vector["expect"], "{}", vector["name"]);
    }
}

/// Passes the body on in pieces that end at the given places.
fn exchange(vector: &Value, body: &[u8], coding: Option<&str>, cuts: &[usize]) -> Option<Vec<Facts>> {
    let asked = vector["request"].as_str().map_or_else(|| vector["request"].to_string(), str::to_owned);
    let url = vector["url"].as_str().unwrap();
    let request = Request { method: vector["method"].as_str().unwrap_or("POST"), url, body: asked.as_bytes() };
    let mut exchange = Exchange::begin(&request, Moment::default())?;
    let status = vector["status"].as_u64().unwrap_or(200).try_into().unwrap();
    let kind = vector["content_type"].as_str().unwrap_or("application/json");
    let others = vector["headers"].as_object().into_iter().flatten().map(|(name, value)| (&**name, value.as_str()));
    let headers = others.chain([("content-type", Some(kind)), ("content-encoding", coding)]);
    exchange.head(status, headers.filter_map(|(name, value)| Some((name.as_bytes(), value?.as_bytes()))));
    let mut from = 0;
    for &cut in cuts.iter().chain([&body.len()]) {
        exchange.push(&body[from..cut], Moment::default);
        from = cut;
    }
    let end = match vector["end"].as_str() {
        Some("closed") => End::Closed,
        Some("lost") => End::Lost,
        _ => End::Complete,
    };
    Some(exchange.finish(end, None, Moment::default()).collect())
}

/// The calls of an exchange as the vectors write them: null for none, an array for the results of a batch.
fn written_calls(vector: &Value, calls: Option<Vec<Facts>>) -> Value {
    let mut calls: Vec<Value> = calls.into_iter().flatten().map(|facts| written_facts(&facts)).collect();
    match calls.len() {
        _ if vector["expect"].is_array() => calls.into(),
        1 => calls.remove(0),
        0 => Value::Null,
        count => panic!("{count} calls"),
    }
}

/// The fields that are not null, as the vectors write them.
fn written(call: &Call) -> Value {
    let passes: Vec<Value> =
        call.extra_passes.iter().map(|pass| without_nulls(json!({"model": pass.model, "usage": pass.usage}))).collect();
    without_nulls(json!({
        "provider": call.provider,
        "model": call.model,
        "model_requested": call.model_requested,
        "operation": call.operation.as_str(),
        "usage": call.usage,
        "extra_passes": if passes.is_empty() { Value::Null } else { passes.into() },
        "service_tier": call.service_tier,
        "inference_geo": call.inference_geo,
        "speed": call.speed,
        "search_context_size": call.search_context_size,
        "provider_cost": call.provider_cost.map(|cost| cost.to_string()),
        "response_id": call.response_id,
    }))
}

fn without_nulls(mut value: Value) -> Value {
    value.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    value
}

fn written_facts(facts: &Facts) -> Value {
    let Subject::Call(call) = &facts.subject else { panic!("a call") };
    let mut value = written(call);
    value["stream"] = call.stream.into();
    value["status"] = facts.status.as_str().into();
    if let Some(error_type) = &facts.error_type {
        value["error_type"] = error_type.as_str().into();
    }
    value
}

#[test]
fn every_vector_gives_its_call() {
    for (name, vector) in vectors() {
        let body = body_of(&vector);
        let call = if let Some(read) = vector["read"].as_array() {
            read_response(read[0].as_str(), read[1].as_str(), &body).as_ref().map(written)
        } else {
            let calls = exchange(&vector, &body, vector["content_encoding"].as_str(), &[]);
            Some(written_calls(&vector, calls))
        };
        assert_eq!(call.unwrap_or(Value::Null), vector["expect"], "{name}");
    }
}

#[test]
fn what_was_said_changes_no_call() {
    fn without_what_was_said(value: &mut Value) -> bool {
        match value {
            Value::Object(members) => {
                let before = members.len();
                members.retain(|name, _| !UNREAD_MEMBERS.contains(&name.as_str()));
                let inside = members.values_mut().map(without_what_was_said).filter(|found| *found).count();
                members.len() < before || inside > 0
            }
            Value::Array(items) => items.iter_mut().map(without_what_was_said).filter(|found| *found).count() > 0,
            _ => false,
        }
    }
    let mut changed = 0;
    for (name, vector) in vectors() {
        let mut body = vector["body"].clone();
        let read = |body: &Value| read_response(None, None, body.to_string().as_bytes()).as_ref().map(written);
        let call = read(&body);
        changed += u32::from(without_what_was_said(&mut body));
        assert_eq!(read(&body), call, "{name}");
    }
    assert!(changed > 10, "only {changed} vectors say anything");
}

#[test]
fn neither_the_pieces_nor_the_coding_of_a_body_change_its_call() {
    let vectors: Vec<_> = vectors()
        .into_iter()
        .filter(|(_, vector)| vector["url"].is_string() && vector["content_encoding"].is_null())
        .collect();
    let pieces = proptest::collection::vec(any::<proptest::sample::Index>(), 0..40);
    let strategy = (0..vectors.len(), 0..6_usize, pieces, any::<bool>());
    let config = Config { failure_persistence: None, cases: 600, ..Config::default() };
    TestRunner::new(config)
        .run(&strategy, |(index, coding, pieces, single_bytes)| {
            let (name, vector) = &vectors[index];
            let (coding, body) = coded(coding, &body_of(vector));
            let mut cuts: Vec<usize> = pieces.iter().map(|piece| piece.index(body.len() + 1)).collect();
            if single_bytes && body.len() < 10_000 {
                cuts = (0..body.len()).collect();
            }
            cuts.sort_unstable();
            let calls = written_calls(vector, exchange(vector, &body, coding, &cuts));
            prop_assert_eq!(calls, vector["expect"].clone(), "{}", name);
            Ok(())
        })
        .unwrap();
}

/// What is there of an answer may tell less than all of it, but never more.
#[test]
fn a_body_that_breaks_off_never_tells_more_than_the_whole_one() {
    for (name, vector) in vectors().into_iter().filter(|(_, vector)| vector["url"].is_string()) {
        let body = body_of(&vector);
        let Some(whole) = exchange(&vector, &body, None, &[]) else { continue };
        let step = 1 + body.len() / 300;
        for cut in (0..body.len()).step_by(step) {
            let Some(part) = exchange(&vector, &body[..cut], None, &[]) else { continue };
            for dimension in Dimension::ALL {
                let (some, all) = (sum(&part, dimension), sum(&whole, dimension));
                assert!(some <= all, "{name}, cut at {cut}: {some:?} {} of {all:?}", dimension.name());
            }
        }
    }
}

fn sum(calls: &[Facts], dimension: Dimension) -> Option<u64> {
    let count = |facts: &Facts| match &facts.subject {
        Subject::Call(call) => call.usage.get(dimension),
        _ => None,
    };
    calls.iter().filter_map(count).reduce(|a, b| a + b)
}

fn coded(coding: usize, body: &[u8]) -> (Option<&'static str>, Vec<u8>) {
    macro_rules! encode {
        ($encoder:ident) => {{
            let mut encoder = $encoder::new(Vec::new(), Compression::default());
            encoder.write_all(body).unwrap();
            encoder.finish().unwrap()
        }};
    }
    match coding {
        0 => (None, body.to_vec()),
        1 => (Some("gzip"), encode!(GzEncoder)),
        2 => (Some("deflate"), encode!(ZlibEncoder)),
        3 => {
            let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
            encoder.write_all(body).unwrap();
            (Some("br"), encoder.into_inner())
        }
        4 => {
            let mut encoded = Vec::with_capacity(zstd_safe::compress_bound(body.len()));
            zstd_safe::compress(&mut encoded, body, 3).unwrap();
            (Some("zstd"), encoded)
        }
        _ => (Some("deflate"), encode!(DeflateEncoder)),
    }
}
