use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use serde_json::Value;

use crate::home::{Home, call};

#[test]
fn every_event_is_a_line_in_the_order_of_time() {
    let home = Home::new();
    let [mut first, mut second] = [call("openai", "gpt-5-mini"), call("anthropic", "claude-sonnet-4-6")];
    (first.unix_ns, second.unix_ns) = (first.unix_ns - 1_000_000, first.unix_ns - 2_000_000);
    home.record(r#"{"project":"shop","tags":{"team":"a"}}"#, [first, second]);
    let answer = home.llmlab(["export", "--format", "jsonl"]).well();
    let events: Vec<Value> = answer.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        events.iter().map(|event| event["model"].as_str().unwrap()).collect::<Vec<_>>(),
        ["claude-sonnet-4-6", "gpt-5-mini"]
    );
    assert_eq!(events[0]["project"], "shop");
    assert_eq!(events[0]["tags"]["team"], "a");
    assert!(answer.stdout.contains(r#""cost_usd":0.0105,"#), "{}", answer.stdout);

    let file = home.path().join("events.jsonl");
    let into_file = home.llmlab(["export", "--output", file.to_str().unwrap()]).well();
    assert_eq!(into_file.stdout, "");
    assert_eq!(std::fs::read_to_string(file).unwrap(), answer.stdout);
}

#[test]
fn the_contract_names_exactly_the_fields_of_a_line() {
    let home = Home::new();
    home.record("{}", [call("openai", "gpt-5-mini")]);
    let line = home.llmlab(["export"]).well().stdout;
    let event: Value = serde_json::from_str(&line).unwrap();
    let written: BTreeSet<&str> = event.as_object().unwrap().keys().map(String::as_str).collect();

    let contract = include_str!("../../../docs/events.md");
    let fields = contract.split_once("## Fields").unwrap().1.split_once("\n## ").unwrap().0;
    let rows = fields.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let documented: BTreeSet<&str> = rows.map(|(name, _)| name).collect();
    assert_eq!(written, documented);

    let usage = contract.split_once("## Usage").unwrap().1;
    for dimension in llmlab::Dimension::ALL {
        assert!(usage.contains(&format!("| `{}` |", dimension.name())), "{} is not documented", dimension.name());
    }
}

#[test]
fn the_examples_of_the_contract_have_all_fields() {
    let contract = include_str!("../../../docs/events.md");
    let examples: Vec<Value> =
        contract.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(examples.len(), 3, "a call, a step and a rollup");
    let keys = |event: &Value| event.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&examples[0]), keys(&examples[1]));
    assert_eq!(keys(&examples[0]), keys(&examples[2]));
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    let home = Home::new();
    home.record("{}", (0..2_000).map(|_| call("openai", "gpt-5-mini")));
    let mut export = home.command(["export"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first_line = String::new();
    BufReader::with_capacity(64, export.stdout.take().unwrap()).read_line(&mut first_line).unwrap();
    let mut complaint = String::new();
    export.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert_eq!((export.wait().unwrap().code(), complaint.as_str()), (Some(0), ""));
    assert!(first_line.starts_with("{\"id\":"));
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let home = Home::new();
    let answer = home.llmlab(["export", "--output", "/nowhere/events.jsonl"]);
    assert_eq!(answer.code, Some(1));
    assert!(answer.stderr.contains("/nowhere/events.jsonl cannot be written"), "{}", answer.stderr);
}
