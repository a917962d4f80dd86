use llmlab::event::{Facts, Status, Subject};
use llmlab::{Dimension, Usage};
use serde_json::{Value, json};

use crate::home::{Answer, Home, call};

fn failed(mut facts: Facts, status: Status) -> Facts {
    facts.status = status;
    if let Subject::Call(call) = &mut facts.subject {
        call.usage = Usage::new();
    }
    facts
}

fn self_hosted() -> Facts {
    let mut facts = call("", "our-own-llama");
    if let Subject::Call(call) = &mut facts.subject {
        call.provider = None;
    }
    facts
}

#[test]
fn an_empty_home_is_told_what_to_do_next_and_stays_empty() {
    let home = Home::new();
    let answer = home.llmlab(["status"]).well();
    assert!(answer.stdout.contains("No LLM calls recorded yet"), "{}", answer.stdout);
    assert!(answer.stdout.contains("llmlab run python app.py") && answer.stdout.contains("llmlab demo"));
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);

    let json = home.llmlab(["status", "--json"]).well().json();
    assert_eq!(json["total"]["calls"], 0);
    assert_eq!(json["models"], json!([]));
}

#[test]
fn the_spend_is_exact_in_json_and_broken_down() {
    let home = Home::new();
    home.record(r#"{"project":"shop"}"#, [call("openai", "gpt-5-mini"), call("openai", "gpt-5-mini")]);
    home.record(r#"{"project":"bot"}"#, [call("anthropic", "claude-sonnet-4-6")]);

    let json = home.llmlab(["status", "--json"]).well().json();
    // 1,000 × $0.25/M + 500 × $2/M, twice; 1,000 × $3/M + 500 × $15/M.
    assert_eq!(json["total"]["cost_usd"].to_string(), "0.013");
    assert_eq!(json["month"], json["total"]);
    assert_eq!(json["today"], json["total"]);
    assert_eq!(json["daily_average_usd"], json["total"]["cost_usd"]);
    assert_eq!(json["days_counted"], 1);
    assert_eq!(json["total"]["usage"], json!({ "input": 3000, "output": 1500 }));
    let names = |field: &str, name: &str| -> Vec<Value> {
        json[field].as_array().unwrap().iter().map(|row| row[name].clone()).collect()
    };
    assert_eq!(names("providers", "provider"), ["anthropic", "openai"], "the dearest comes first");
    assert_eq!(names("models", "model"), ["claude-sonnet-4-6", "gpt-5-mini"]);
    assert_eq!(names("projects", "project"), ["bot", "shop"]);
    assert_eq!(names("features", "feature"), [Value::Null]);

    let shop = home.llmlab(["status", "--project", "shop", "--json"]).well().json();
    assert_eq!((&shop["project"], shop["total"]["cost_usd"].to_string()), (&json!("shop"), "0.0025".to_owned()));

    let page = home.llmlab(["status"]).well().stdout;
    for part in
        ["total", "$0.0130", "3 calls", "daily average", "days remaining", "anthropic/claude-sonnet-4-6", "(none)"]
    {
        assert!(page.contains(part), "{part} is not in\n{page}");
    }
}

#[test]
fn what_is_not_known_is_said_and_never_zero() {
    let home = Home::new();
    let refused = failed(call("openai", "gpt-5-mini"), Status::Error);
    let lost = failed(call("openai", "gpt-5-mini"), Status::Lost);
    home.record("{}", [call("openai", "gpt-5-mini"), self_hosted(), refused, lost]);

    let json = home.llmlab(["status", "--json"]).well().json();
    let total = &json["total"];
    assert_eq!([&total["calls"], &total["failed_attempts"], &total["unpriced"]], [2, 2, 2], "{total}");
    assert_eq!((&total["cost_usd"], &total["cost_state"]), (&json!(0.00125), &json!("unpriced")));
    let models = json["models"].as_array().unwrap();
    let unknown = models.iter().find(|row| row["model"] == "our-own-llama").unwrap();
    assert_eq!((&unknown["provider"], &unknown["cost_usd"]), (&Value::Null, &Value::Null));

    let page = home.llmlab(["status"]).well().stdout;
    assert!(page.contains("≥ $0.0012") && page.contains("2 failed attempts, 2 calls unpriced"), "{page}");
    assert!(page.contains("unknown"), "{page}");
}

#[test]
fn a_period_leaves_out_what_is_outside() {
    let home = Home::new();
    let mut old = call("openai", "gpt-5-mini");
    old.unix_ns = llmlab::moment::parse_rfc3339("2026-01-31T23:30:00Z").unwrap();
    home.record("{}", [old, call("openai", "gpt-5-mini")]);
    let calls = |options: &[&str]| {
        let json = home.llmlab([&["status", "--json"], options].concat()).well().json();
        json["total"]["calls"].as_u64().unwrap()
    };
    assert_eq!(calls(&[]), 2);
    assert_eq!(calls(&["--since", "24h"]), 1);
    assert_eq!(calls(&["--since", "today"]), 1);
    assert_eq!(calls(&["--until", "2026-01-31"]), 1);
    assert_eq!(calls(&["--since", "2026-01", "--until", "2026-01"]), 1);
    assert_eq!(calls(&["--since", "2026-02-01", "--until", "2026-02-02T00:00:00Z"]), 0);

    // In Berlin that call was made in February.
    let mut february = home.command(["status", "--json", "--since", "2026-02", "--until", "2026-02"]);
    let json = Answer::of(february.env("TZ", "Europe/Berlin")).well().json();
    assert_eq!((&json["total"]["calls"], &json["since"]), (&json!(1), &json!("2026-01-31T23:00:00Z")));
    assert_eq!(json["month"], Value::Null);
    let mut february = home.command(["status", "--since", "2026-02", "--until", "2026-02"]);
    let page = Answer::of(february.env("TZ", "Europe/Berlin")).well().stdout;
    assert!(page.contains("since 2026-02-01T00:00:00+01:00 · until 2026-03-01T00:00:00+01:00"), "{page}");

    let nothing = home.llmlab(["status", "--project", "nobody"]).well().stdout;
    assert!(nothing.contains("No LLM calls: project nobody"), "{nothing}");
}

#[test]
fn a_running_application_is_seen() {
    let home = Home::new();
    let lab = home.client("{}");
    lab.record(call("openai", "gpt-5-mini"), None);
    assert_eq!(home.llmlab(["status", "--json"]).well().json()["total"]["calls"], 1);
    lab.record(call("openai", "gpt-5-mini"), None);
    assert_eq!(home.llmlab(["status", "--json"]).well().json()["total"]["calls"], 2);
    lab.shutdown(std::time::Duration::from_secs(30));
    assert_eq!(home.llmlab(["status", "--json"]).well().json()["total"]["calls"], 2);
}

#[test]
fn colours_are_for_terminals_and_for_those_who_insist() {
    let home = Home::new();
    home.record("{}", [call("openai", "gpt-5-mini")]);
    let escape = '\u{1b}';
    assert!(!home.llmlab(["status"]).stdout.contains(escape));
    assert!(Answer::of(home.command(["status"]).env("CLICOLOR_FORCE", "1")).stdout.contains(escape));
    assert!(!Answer::of(home.command(["status"]).env("NO_COLOR", "1")).stdout.contains(escape));
    assert!(!Answer::of(home.command(["status", "--json"]).env("CLICOLOR_FORCE", "1")).stdout.contains(escape));
}

#[test]
fn a_damaged_ledger_is_named_with_what_to_do() {
    let home = Home::new();
    std::fs::write(home.path().join("ledger.db"), "this is no database, whatever its name says").unwrap();
    let answer = home.llmlab(["status"]);
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(1), ""));
    assert!(answer.stderr.contains("ledger.db") && answer.stderr.contains("move it away"), "{}", answer.stderr);

    let json: Value = serde_json::from_str(&home.llmlab(["status", "--json"]).stderr).unwrap();
    assert_eq!(json["error"]["code"], "storage");
}

#[test]
fn the_usage_of_every_dimension_is_summed() {
    let home = Home::new();
    let mut facts = call("openai", "gpt-5-mini");
    if let Subject::Call(call) = &mut facts.subject {
        call.usage.set(Dimension::CacheRead, 400);
    }
    home.record("{}", [facts.clone(), facts]);
    let json = home.llmlab(["status", "--json"]).well().json();
    assert_eq!(json["total"]["usage"]["cache_read"], 800);
}

#[test]
fn a_model_without_a_price_is_named_with_its_neighbours() {
    let home = Home::new();
    home.record("{}", [call("openai", "gpt-5-minimal"), call("openai", "gpt-5-mini")]);
    let page = home.llmlab(["status"]).well().stdout;
    assert!(page.contains("openai/gpt-5-minimal has no price; nearest known: gpt-5-mini"), "{page}");
    assert!(!page.contains("openai/gpt-5-mini has no price"), "{page}");
}

#[test]
fn where_no_name_is_near_the_page_says_what_to_do() {
    let home = Home::new();
    let asked = |provider: Option<&'static str>, model: &str, has_usage: bool| {
        let mut facts = call("openai", model);
        if let Subject::Call(call) = &mut facts.subject {
            call.provider = provider.map(Into::into);
            if !has_usage {
                call.usage = Usage::new();
            }
        }
        facts
    };
    let calls =
        [asked(None, "zzz-7b", true), asked(Some("acme"), "zzz-7b", true), asked(Some("openai"), "gpt-5", false)];
    home.record("{}", calls);
    let page = home.llmlab(["status"]).well().stdout;
    for line in [
        "\n  zzz-7b has no price, and its provider is unknown: set_price, or LLMLAB_HOSTS=HOST=PROVIDER\n",
        "\n  acme/zzz-7b has no price: give it one with set_price, or in a file of LLMLAB_PROVIDERS\n",
        "\n  openai/gpt-5 told no usage: answers that broke off, or streams that were not asked for it\n",
    ] {
        assert!(page.contains(line), "{page}");
    }
}
