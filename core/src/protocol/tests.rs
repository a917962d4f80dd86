//! The contract in docs/, held against what is really sent and what the reference receiver really answers.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::event::Event;
use crate::http::Http;
use crate::sink::{Batch, Endpoint, Message, Receipt, Secret};
use crate::spool::testing::{WRITER, any_event, call, dear, header};
use crate::usage::Dimension;

const NOW: i64 = 1_795_113_769_000_000_000;

fn docs(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn schema_of(what: &str) -> Validator {
    let mut schema = docs("protocol.schema.json");
    schema["$ref"] = json!(format!("#/$defs/{what}"));
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

/// What is wrong with a document, or nothing.
fn faults(validator: &Validator, document: &Value) -> Vec<String> {
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn batch(events: Vec<Event>) -> Batch {
    Batch { id: "9f1c2b77-7".to_owned(), origin: header().origin, events }
}

fn encoded(batch: &Batch, part: std::ops::Range<usize>) -> Value {
    let dropped = Dropped::from([(format!("{:032x}", u128::from_be_bytes(WRITER)), [("memory_full", 3)].into())]);
    serde_json::from_slice(&encode(batch, part, &dropped, NOW).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(dear(64))]
    #[test]
    fn what_is_sent_has_the_form_of_the_schema(event in any_event()) {
        let request = encoded(&batch(vec![call(1), event]), 0..2);
        prop_assert_eq!(faults(&schema_of("request"), &request), Vec::<String>::new());
    }
}

#[test]
fn the_schema_names_every_field_and_no_other() {
    let names = |object: &Value| object.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let defs = &docs("protocol.schema.json")["$defs"];
    let request = encoded(&batch(vec![call(1)]), 0..1);
    assert_eq!(names(&defs["request"]["properties"]), names(&request));
    assert_eq!(names(&defs["event"]["properties"]), names(&request["events"][0]));
    let required = defs["event"]["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
    assert_eq!(required.collect::<BTreeSet<_>>(), names(&request["events"][0]));
    let dimensions = Dimension::NAMES.map(str::to_owned);
    assert_eq!(names(&defs["usage"]["properties"]), BTreeSet::from(dimensions));
}

#[test]
fn the_schema_refuses_what_the_contract_does() {
    let good = encoded(&batch(vec![call(1)]), 0..1);
    let schema = schema_of("request");
    assert_eq!(faults(&schema, &good), Vec::<String>::new());
    for (pointer, wrong) in [
        ("/version", json!(2)),
        ("/batch_id", json!(null)),
        ("/sent_at", json!("now")),
        ("/events/0/id", json!("12")),
        ("/events/0/ts", json!("yesterday")),
        ("/events/0/usage", json!({"input": -1})),
        ("/events/0/usage", json!({"input": 0.5})),
        ("/events/0/cost_usd", json!("0.1")),
        ("/events/0/cost_state", json!("free")),
        ("/dropped", json!({"me": {"memory_full": 1}})),
    ] {
        let mut document = good.clone();
        *document.pointer_mut(pointer).unwrap() = wrong.clone();
        assert!(!schema.is_valid(&document), "{pointer} {wrong}");
    }
}

#[test]
fn the_examples_of_the_page_are_what_the_schema_says() {
    let page = include_str!("../../../docs/protocol.md");
    let blocks: Vec<Value> = page
        .split("```json\n")
        .skip(1)
        .map(|block| serde_json::from_str(block.split("```").next().unwrap()).unwrap())
        .collect();
    assert_eq!(blocks.len(), 3);
    for (block, what) in blocks.iter().zip(["request", "receipt", "error"]) {
        assert_eq!(faults(&schema_of(what), block), Vec::<String>::new(), "{what}");
    }
}

#[test]
fn the_openapi_document_refers_to_what_is_there_and_lists_the_statuses_of_the_page() {
    let text = docs("protocol.openapi.json").to_string();
    let defs = docs("protocol.schema.json")["$defs"].clone();
    for reference in text.split("protocol.schema.json#/$defs/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(defs.get(name).is_some(), "{name}");
    }
    let page = include_str!("../../../docs/protocol.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let statuses = rows.filter(|cell| cell.starts_with(|letter: char| letter.is_ascii_digit()) && cell.len() < 9);
    let of_page: BTreeSet<_> = statuses.flat_map(|cell| cell.split(", ").map(str::to_owned)).collect();
    let api = docs("protocol.openapi.json");
    let responses = api["paths"]["/v1/projects/{project}/events"]["post"]["responses"].as_object().unwrap();
    let of_api: BTreeSet<_> = responses.keys().filter(|status| *status != "200").cloned().collect();
    assert_eq!(of_page, of_api);
}

/// The reference receiver in a process that ends with the test.
struct Receiver(Child, String);

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Receiver {
    #[expect(clippy::print_stderr, reason = "what was not tested must be heard of")]
    fn start() -> Option<Self> {
        let script: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/receiver.py");
        let mut command = Command::new("python3");
        command.arg(script).args(["--port", "0", "--key", "secret"]).stdout(Stdio::piped());
        let Ok(mut process) = command.spawn() else {
            eprintln!("SKIPPED: there is no python3, so the reference receiver is NOT TESTED");
            return None;
        };
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Some(Self(process, url))
    }

    fn post(&self, key: &str, body: Vec<u8>) -> (u16, Value) {
        let endpoint =
            Endpoint { url: self.1.clone(), headers: Vec::new(), api_key: Some(Secret(key.to_owned())), ca_file: None };
        let http = Http::direct(&endpoint);
        let message = Message { url: events_url(&self.1, "shop/back end").unwrap(), headers: Vec::new(), body };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = runtime.block_on(http.send(&message, true)).unwrap();
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }
}

#[test]
fn the_reference_receiver_answers_in_the_form_of_the_schema() {
    let Some(receiver) = Receiver::start() else { return };
    let batch = batch(vec![call(1), call(2), call(1)]);
    let body = |part: std::ops::Range<usize>| encode(&batch, part, &Dropped::new(), NOW).unwrap();
    let (status, answer) = receiver.post("secret", body(0..3));
    assert_eq!((status, faults(&schema_of("receipt"), &answer)), (200, Vec::new()));
    let receipt = read_receipt(answer.to_string().as_bytes(), &batch, 0..3);
    assert_eq!(receipt, Ok(Receipt { stored: 2, duplicates: 1, rejected: Vec::new() }));
    let (_, answer) = receiver.post("secret", body(1..3));
    let receipt = read_receipt(answer.to_string().as_bytes(), &batch, 1..3);
    assert_eq!(receipt, Ok(Receipt { stored: 0, duplicates: 2, rejected: Vec::new() }));
    let other = String::from_utf8(body(0..1)).unwrap().replace("gpt-5", "gpt-6").into_bytes();
    let (_, answer) = receiver.post("secret", other);
    assert_eq!(faults(&schema_of("receipt"), &answer), Vec::<String>::new());
    let rejected = read_receipt(answer.to_string().as_bytes(), &batch, 0..1).unwrap().rejected;
    assert!(rejected.len() == 1 && rejected[0].reason.starts_with("id_conflict: "), "{rejected:?}");
    for (key, body, expected) in [("other", body(0..1), 401), ("secret", b"{}".to_vec(), 400)] {
        let (status, answer) = receiver.post(key, body);
        assert_eq!((status, faults(&schema_of("error"), &answer)), (expected, Vec::new()));
    }
}
