//! What the vectors of `conformance/` ask: a fuzzer that starts from every request and answer that we know of.

use std::path::Path;

use llmlab::provider::{Definition, register};
use serde_json::Value;

/// A request of a vector.
pub struct Asked {
    pub method: String,
    pub url: String,
    pub body: Vec<u8>,
}

/// In the order of `seeds.py`, which says for each answer by its number what was asked.
pub fn requests() -> Vec<Asked> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance");
    let mut files: Vec<_> =
        folder.join("usage").read_dir().expect("vectors").map(|file| file.expect("one").path()).collect();
    files.push(folder.join("stream_usage.jsonl"));
    files.sort();
    let texts = files.iter().map(|file| std::fs::read_to_string(file).expect("a file of vectors"));
    texts.flat_map(|text| text.lines().filter_map(asked).collect::<Vec<_>>()).collect()
}

fn asked(line: &str) -> Option<Asked> {
    let vector: Value = serde_json::from_str(line).expect("JSON");
    if vector["definition"].is_object() {
        register(Definition::from_json(&vector["definition"].to_string()).expect("a definition")).expect("a good one");
    }
    let body = vector["request"].as_str().map_or_else(|| vector["request"].to_string(), str::to_owned).into();
    let method = vector["method"].as_str().unwrap_or("POST").to_owned();
    Some(Asked { method, url: vector["url"].as_str()?.to_owned(), body })
}
