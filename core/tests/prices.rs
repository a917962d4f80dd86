//! The cost cases that were computed independently of this project, if they are at hand. The project's own vectors
//! (`conformance_price.rs`) cover the same shapes everywhere.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test says what it saw and fails loudly"
)]
#![expect(clippy::disallowed_methods, reason = "a test may be told by the environment where the cases are")]

use std::path::PathBuf;

use llmlab::catalogue::Catalogue;
use llmlab::moment::parse_rfc3339;
use llmlab::price::Query;
use llmlab::{Money, Usage};
use serde_json::Value;

/// The cases of a file, or `None`, said aloud, where the folder is absent.
fn cases(file: &str) -> Option<Vec<Value>> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let shared = std::env::var_os("LLMLAB_SHARED").map_or(default, PathBuf::from);
    let path = shared.join("prices").join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()),
        Err(error) => {
            eprintln!("\n*** SKIPPED: {} cannot be read ({error}); set LLMLAB_SHARED ***\n", path.display());
            None
        }
    }
}

fn text<'a>(case: &'a Value, key: &str) -> Option<&'a str> {
    case.get(key).and_then(Value::as_str)
}

fn check(file: &str, usage_key: &str) {
    let Some(cases) = cases(file) else { return };
    let mut wrong = Vec::new();
    for case in &cases {
        let usage: Usage = serde_json::from_value(case[usage_key].clone()).unwrap();
        let at = parse_rfc3339(text(case, "timestamp").unwrap()).unwrap();
        let query = Query {
            service_tier: text(case, "service_tier"),
            inference_geo: text(case, "inference_geo"),
            speed: text(case, "speed"),
            search_context_size: text(case, "search_context_size"),
            ..Query::new(text(case, "provider").unwrap(), text(case, "model").unwrap(), &usage, at)
        };
        let cost = Catalogue::embedded().cost(&query).unwrap();
        let expected = text(case, "expected_usd").map(|usd| usd.parse::<Money>().unwrap());
        if cost.total != expected {
            wrong.push(format!("{}: expected {expected:?}, got {:?}\n    {case}", case["id"], cost.total));
        }
    }
    println!("{file}: {} of {} exact", cases.len() - wrong.len(), cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_cost_case_is_exact() {
    check("cost_cases.jsonl", "usage");
}

#[test]
fn every_native_usage_costs_what_it_should() {
    check("usage_native_cases.jsonl", "expected_usage");
}
