//! Pain: "old prices on new calls, new prices on old calls, no re-price".
//!
//! Sabotage that turns these red: price every call by today's prices; leave `rollups.remove` out of the ledger's `reprice`;
//! commit once at the end (nothing is priced when it is killed).

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use llmlab::Money;
use llmlab::event::{Attribution, Event, EventId, Facts, Origin};
use llmlab::ledger::{Filter, GroupBy, Ledger};
use llmlab::sink::Batch;
use serde_json::{Value, json};

use crate::home::{Home, call};

const DAY_NS: i64 = 86_400_000_000_000;
/// Long enough for any machine; a hang is a failure and not a wait for ever.
const PATIENCE: Duration = Duration::from_secs(60);

fn own_prices(home: &Home, periods: &str) {
    let path = home.path().join("own.jsonl");
    std::fs::write(&path, format!("{{\"provider\":\"vllm\",\"id\":\"llama\",\"periods\":[{periods}]}}\n")).unwrap();
    std::fs::write(home.path().join("config.json"), json!({ "prices": path }).to_string()).unwrap();
}

fn period(from: Option<i64>, input: &str) -> String {
    let from = from.map_or(String::new(), |from| format!("\"from\":\"{}\",", llmlab::moment::format_rfc3339(from)));
    format!("{{{from}\"rates\":{{\"standard\":{{\"input\":\"{input}\",\"output\":\"{input}\"}}}}}}")
}

fn old_and_new() -> [Facts; 2] {
    let [mut old, new] = [(); 2].map(|()| call("vllm", "llama"));
    old.unix_ns -= 10 * DAY_NS;
    [old, new]
}

fn status(home: &Home) -> (String, String) {
    let total = home.llmlab(["status", "--json"]).well().json()["total"].clone();
    (total["cost_usd"].to_string(), total["cost_state"].as_str().unwrap().to_owned())
}

#[test]
fn an_unpriced_call_becomes_priced_once_its_model_has_a_price() {
    let home = Home::new();
    home.record("{}", old_and_new());
    assert_eq!(status(&home), ("null".to_owned(), "unpriced".to_owned()));
    own_prices(&home, &period(None, "2"));
    assert_eq!(status(&home), ("null".to_owned(), "unpriced".to_owned()), "nothing is charged anew by itself");
    let page = home.llmlab(["reprice"]).well().stdout;
    assert!(page.contains("vllm/llama") && page.contains("unknown   →   $0.0060"), "{page}");
    assert!(page.contains("Of 2 calls 2 were charged anew") && page.contains("keep what they were sent"), "{page}");
    assert_eq!(status(&home), ("0.006".to_owned(), "priced".to_owned()));
    let exported = home.llmlab(["export"]).well().stdout;
    for line in exported.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert_eq!((event["cost_usd"].to_string(), &event["matched_by"]), ("0.003".to_owned(), &json!("override")));
    }
}

#[test]
fn a_corrected_price_reaches_old_calls_at_the_price_of_their_day() {
    let home = Home::new();
    own_prices(&home, &period(None, "1"));
    let calls = old_and_new();
    let change = calls[1].unix_ns - 5 * DAY_NS;
    home.record(&std::fs::read_to_string(home.path().join("config.json")).unwrap(), calls);
    assert_eq!(status(&home).0, "0.003");
    own_prices(&home, &[period(None, "2"), period(Some(change), "3")].join(","));
    let dry = home.llmlab(["reprice", "--dry-run", "--json"]).well().json();
    assert_eq!((dry["changed"].as_u64(), dry["dry_run"].as_bool()), (Some(2), Some(true)));
    let model = &dry["models"][0];
    assert_eq!(
        (model["old"]["cost_usd"].to_string(), model["new"]["cost_usd"].to_string()),
        ("0.003".into(), "0.0075".into())
    );
    assert_eq!(status(&home).0, "0.003");
    let only_old = ["reprice", "--json", "--until", "7d"];
    assert_eq!(home.llmlab(only_old).well().json()["changed"], 1);
    assert_eq!(status(&home).0, "0.0045");
    assert_eq!(home.llmlab(["reprice", "--json", "--provider", "groq"]).well().json()["calls"], 0);
    assert_eq!(home.llmlab(["reprice", "--json", "--model", "llama"]).well().json()["changed"], 1);
    assert_eq!(status(&home).0, "0.0075");
    let again = home.llmlab(["reprice"]).well().stdout;
    assert!(again.contains("Of 2 calls none costs another amount"), "{again}");
}

#[test]
fn what_the_program_said_is_kept_and_what_is_pruned_is_counted() {
    let home = Home::new();
    let lab = home.client("{}");
    let [old, new] = old_and_new();
    let given: Money = "7".parse().unwrap();
    lab.record_at_cost(new, given, None);
    lab.record(old, None);
    lab.shutdown(PATIENCE);
    home.llmlab(["status"]).well();
    home.llmlab(["prune", "--older-than", "5d"]).well();
    own_prices(&home, &period(None, "2"));
    let json = home.llmlab(["reprice", "--json"]).well().json();
    let counts = ["calls", "changed", "kept", "beyond_reach"].map(|name| json[name].as_u64());
    assert_eq!(counts, [Some(1), Some(0), Some(1), Some(1)]);
    let page = home.llmlab(["reprice"]).well().stdout;
    assert!(page.contains("there are only totals"), "{page}");
    assert_eq!(status(&home).0, "7");
}

#[test]
fn where_there_is_no_ledger_none_is_made() {
    let home = Home::new();
    assert!(home.llmlab(["reprice"]).well().stdout.contains("Of 0 calls none"));
    assert!(!home.path().join("ledger.db").exists());
}

/// The books: what the events say, and what the totals do.
fn books(ledger: &mut Ledger) -> (Money, Money, u64) {
    let sum = |totals: Vec<(_, llmlab::ledger::Totals)>| totals.iter().map(|(_, totals)| totals.cost).sum();
    let filter = Filter::default();
    let by_event = sum(ledger.totals(&filter, &[GroupBy::User]).unwrap());
    let totals = ledger.totals(&filter, &[]).unwrap();
    (by_event, sum(totals.clone()), totals[0].1.unpriced)
}

#[test]
fn killed_in_the_middle_its_books_balance_and_it_goes_on() {
    const CALLS: u64 = 24_000;
    let home = Home::new();
    let path = Ledger::path_in(home.path());
    let mut ledger = Ledger::open(&path).unwrap();
    let origin = Arc::new(Origin { project: "default".to_owned(), ..Origin::default() });
    let attribution = Arc::new(Attribution::default());
    let event = |counter| Event {
        id: EventId { writer: *b"a writer of many", counter },
        origin: Arc::clone(&origin),
        attribution: Arc::clone(&attribution),
        facts: call("vllm", "llama"),
        charge: None,
    };
    let batch = Batch { id: "b".to_owned(), origin: Arc::clone(&origin), events: (0..CALLS).map(event).collect() };
    ledger.ingest(&[batch]).unwrap();
    own_prices(&home, &period(None, "2"));

    let mut child = home.command(["reprice"]).stdout(Stdio::null()).spawn().unwrap();
    let deadline = start();
    while books(&mut ledger).2 == CALLS {
        assert!(deadline.elapsed() < PATIENCE, "nothing was priced");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let (by_event, total, unpriced) = books(&mut ledger);
    assert!(unpriced > 0, "it was done before it could be killed: give it more calls");
    assert_eq!(by_event, total);
    let priced = i128::from(CALLS - unpriced);
    assert_eq!(total.atto(), priced * 3_000_000_000_000_000);

    let json = home.llmlab(["reprice", "--json"]).well().json();
    assert_eq!(json["changed"].as_u64(), Some(unpriced));
    let (by_event, total, unpriced) = books(&mut ledger);
    assert_eq!((by_event, total.to_string(), unpriced), (total, "72".to_owned(), 0));
}

#[expect(clippy::disallowed_methods, reason = "a deadline of a test")]
fn start() -> Instant {
    Instant::now()
}
