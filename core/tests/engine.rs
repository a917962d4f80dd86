//! The client as an application uses it: record, then ask.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use llmlab::clock::SystemClock;
use llmlab::engine::Response;
use llmlab::event::{Call, Charge, CostState, Facts, Operation, Status, Subject};
use llmlab::exchange::{End, Exchange, Request};
use llmlab::report::{GroupBy, SummaryQuery};
use llmlab::scope::{Labels, Scope};
use llmlab::{Config, Dimension, ErrorCode, Llmlab, Options, Usage};

const FLUSH: Duration = Duration::from_secs(20);

fn client(home: &Path, options: &str) -> llmlab::Result<Llmlab> {
    client_in(home, options, &[])
}

fn client_in(home: &Path, options: &str, environment: &[(&str, &str)]) -> llmlab::Result<Llmlab> {
    let variable = |name: &str| {
        let given = environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        given.or_else(|| (name == "LLMLAB_HOME").then(|| home.display().to_string()))
    };
    Llmlab::new(Config::resolve(Options::from_json(options)?, &variable)?, Arc::new(SystemClock))
}

fn call(provider: &'static str, model: &str, input: u64, output: u64) -> Facts {
    let mut call = Call::new(Operation::Chat);
    call.provider = Some(provider.into());
    call.model = Some(model.to_owned());
    call.usage = Usage::new().with(Dimension::Input, input).with(Dimension::Output, output);
    Facts {
        unix_ns: 1_790_000_000_000_000_000,
        latency_ns: None,
        status: Status::Ok,
        error_type: None,
        subject: Subject::Call(Box::new(call)),
    }
}

#[test]
fn what_was_recorded_is_in_the_summary_to_the_last_digit() {
    let home = tempfile::tempdir().unwrap();
    let lab = client(home.path(), r#"{"project":"shop"}"#).unwrap();
    let labels = Labels::new(Some("search".to_owned()), None, None, Vec::new());
    let scope = Scope::open(None, lab.base(), &labels);
    lab.record(call("openai", "gpt-4o-mini", 1_278, 470), Some(&scope));
    lab.record(call("openai", "gpt-4o-mini", 1_278, 470), None);
    // 1,278 input tokens at $0.15 and 470 output tokens at $0.60 a million, twice.
    assert_eq!(scope.tally().cost.to_string(), "0.0004737");
    let query = SummaryQuery { group_by: vec![GroupBy::Project, GroupBy::Feature], ..SummaryQuery::default() };
    let summary = lab.summary(&query).unwrap();
    assert_eq!(summary.totals.calls, 2);
    assert_eq!(summary.totals.cost.to_string(), "0.0009474");
    let groups = serde_json::to_value(&summary.groups).unwrap();
    for (index, feature) in [serde_json::Value::Null, "search".into()].into_iter().enumerate() {
        assert_eq!((&groups[index]["project"], &groups[index]["feature"]), (&"shop".into(), &feature), "{groups}");
    }
}

#[test]
fn every_recorded_event_is_accounted_for() {
    let home = tempfile::tempdir().unwrap();
    let lab = client(home.path(), "{}").unwrap();
    for _ in 0..250 {
        lab.record(call("openai", "gpt-4o-mini", 1, 1), None);
    }
    let report = lab.flush(FLUSH);
    let stats = lab.stats();
    assert_eq!((stats.events.recorded, report.pending, stats.events.delivered), (250, 0, 250));
}

#[test]
fn a_response_is_recorded_once_however_often_it_is_handed_in() {
    let home = tempfile::tempdir().unwrap();
    let lab = client(home.path(), "{}").unwrap();
    let body = br#"{"id":"r-1","model":"gpt-4o-mini","usage":{"prompt_tokens":5,"completion_tokens":7}}"#;
    let response = Response { provider: Some("openai"), body, ..Response::default() };
    assert!(lab.record_response(&response, None).is_some());
    assert!(lab.record_response(&response, None).is_none());
    assert!(lab.record_response(&Response { body: b"{\"answer\":42}", ..Response::default() }, None).is_none());
    assert_eq!(lab.stats().events.recorded, 1);
}

#[test]
fn the_results_of_a_batch_are_recorded_once_however_often_they_are_downloaded() {
    let home = tempfile::tempdir().unwrap();
    let lab = client(home.path(), "{}").unwrap();
    let line = |id: &str| {
        format!(
            r#"{{"custom_id":"{id}","response":{{"body":{{"id":"{id}","model":"gpt-4o-mini","usage":{{"prompt_tokens":1000,"completion_tokens":500}}}}}}}}"#
        )
    };
    let file = ["a", "b", "c"].map(line).join("\n");
    let url = "https://api.openai.com/v1/files/file-1/content";
    let download = || {
        let mut exchange = Exchange::begin(&Request { method: "GET", url, body: b"" }, lab.now()).unwrap();
        exchange.head(200, []);
        exchange.push(file.as_bytes(), || lab.now());
        exchange.finish(End::Complete, None, lab.now()).filter_map(|facts| lab.record(facts, None)).collect::<Vec<_>>()
    };
    let charges = download();
    // Half of the standard rates.
    let cost = |charge: &Charge| charge.total.unwrap().to_string();
    assert_eq!(charges.iter().map(cost).collect::<Vec<_>>(), ["0.000225"; 3]);
    assert!(download().is_empty());
    assert_eq!(lab.stats().events.recorded, 3);
}

// Sabotage: a result that is handed in and taken for one that was downloaded before, because its id was just remembered.
#[test]
fn a_result_of_a_batch_that_is_handed_in_is_recorded_once() {
    let home = tempfile::tempdir().unwrap();
    let lab = client(home.path(), "{}").unwrap();
    let body = br#"{"id":"msg_1","type":"message","model":"claude-sonnet-4-6",
        "usage":{"input_tokens":1000,"output_tokens":100,"cache_read_input_tokens":0,"service_tier":"batch"}}"#;
    let response = Response { provider: Some("anthropic"), body, ..Response::default() };
    let charge = lab.record_response(&response, None).unwrap();
    // Half of the standard rates.
    assert_eq!(charge.total.unwrap().to_string(), "0.00225");
    assert!(lab.record_response(&response, None).is_none());
    assert_eq!(lab.stats().events.recorded, 1);
}

#[test]
fn an_unknown_model_is_unpriced_and_said_once_with_its_neighbours() {
    let home = tempfile::tempdir().unwrap();
    let lab = client(home.path(), "{}").unwrap();
    for _ in 0..3 {
        let charge = lab.record(call("openai", "gpt-4o-minion", 5, 7), None).unwrap();
        assert_eq!((charge.total, charge.state), (None, CostState::Unpriced));
    }
    let notices = lab.take_notices();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].contains("gpt-4o-minion") && notices[0].contains("gpt-4o-mini"), "{notices:?}");
}

#[test]
fn a_disabled_client_records_nothing_and_touches_no_file() {
    let home = tempfile::tempdir().unwrap();
    let lab = client_in(home.path(), "{}", &[("LLMLAB_DISABLED", "1")]).unwrap();
    assert!(lab.record(call("openai", "gpt-4o-mini", 5, 7), None).is_none());
    assert_eq!(lab.stats().events.recorded, 0);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn a_price_file_goes_before_the_catalogue_and_a_broken_one_is_refused_by_line() {
    let home = tempfile::tempdir().unwrap();
    let prices = home.path().join("prices.jsonl");
    let options = serde_json::json!({ "prices": prices.display().to_string() }).to_string();
    assert_eq!(client(home.path(), &options).err().unwrap().code(), ErrorCode::InvalidConfig);
    std::fs::write(&prices, "{\"provider\":\"openai\",\"id\":\n").unwrap();
    let error = client(home.path(), &options).err().unwrap();
    assert_eq!(error.code(), ErrorCode::InvalidPrices);
    assert!(error.to_string().contains("line 1"), "{error}");
}

#[test]
fn a_home_in_which_events_cannot_be_kept_is_refused_at_the_start_only() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    std::fs::write(&home, "").unwrap();
    let lab = client(&home, "{}").unwrap();
    let error = lab.check().unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidConfig);
    assert!(error.to_string().contains("LLMLAB_HOME"), "{error}");
    lab.record(call("openai", "gpt-4o-mini", 1, 1), None);
    assert_eq!(lab.stats().events.in_memory, 1);
}

#[test]
fn a_file_of_authorities_that_is_not_there_is_refused_at_the_start() {
    let home = tempfile::tempdir().unwrap();
    let options = r#"{"backend":{"url":"https://a.example","ca_file":"/nowhere/ca.pem"}}"#;
    let error = client(home.path(), options).unwrap().check().unwrap_err();
    assert!(error.to_string().contains("/nowhere/ca.pem") && error.to_string().contains("ca_file"), "{error}");
    client(home.path(), "{}").unwrap().check().unwrap();
}
