//! The recordings: a line is one request to a real service, and what it answered.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

pub(crate) fn shared(variable: &str, below: &str) -> PathBuf {
    std::env::var_os(variable)
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(below), PathBuf::from)
}

pub(crate) fn lines(path: &PathBuf) -> Option<Vec<Value>> {
    let text = std::fs::read_to_string(path).ok();
    if text.is_none() {
        eprintln!("\n*** SKIPPED: no recordings at {} ***\n", path.display());
    }
    Some(text?.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// All cases.
pub(crate) fn cases() -> Option<Vec<Value>> {
    lines(&shared("LLMLAB_CORPUS", "corpus").join("corpus.jsonl"))
}

pub(crate) fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().unwrap_or_default()
}

/// The body of the request; nothing where it was no JSON or is not recorded.
pub(crate) fn asked(case: &Value) -> String {
    if case["request_json"].is_null() { String::new() } else { case["request_json"].to_string() }
}

pub(crate) fn status(case: &Value) -> u16 {
    u16::try_from(case["status"].as_u64().unwrap()).unwrap()
}

pub(crate) fn headers(case: &Value) -> impl Iterator<Item = (&str, &str)> {
    case["response_headers"].as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
}

pub(crate) fn body(case: &Value) -> Vec<u8> {
    match text(case, "response_body_encoding") {
        "base64" => STANDARD.decode(text(case, "response_body")).unwrap(),
        _ => text(case, "response_body").into(),
    }
}
