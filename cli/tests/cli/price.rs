use serde_json::{Value, json};

use crate::home::Home;

#[test]
fn a_price_has_exact_lines_that_add_up() {
    let home = Home::new();
    let arguments = ["price", "openai/gpt-5-mini", "--input", "10000", "--cached", "2000", "--output", "500"];
    let json = home.llmlab(arguments.iter().chain(&["--json"])).well().json();
    assert_eq!(json["cost_usd"].to_string(), "0.00305");
    assert_eq!(json["cost_state"], "priced");
    let lines: Vec<_> = json["lines"].as_array().unwrap().iter().map(|line| line["cost_usd"].to_string()).collect();
    assert_eq!(lines, ["0.002", "0.001", "0.00005"]);

    let page = home.llmlab(arguments).well().stdout;
    assert!(page.contains("8,000") && page.contains("$0.00000025") && page.contains("$0.00305"), "{page}");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "a price leaves nothing behind");
}

#[test]
fn any_dimension_tier_and_time_can_be_asked_for() {
    let home = Home::new();
    let cost = |options: &[&str]| {
        home.llmlab([&["price", "claude-sonnet-4-6", "--json"], options].concat()).well().json()["cost_usd"].to_string()
    };
    assert_eq!(cost(&["--input", "1000000", "--usage", "cache_write_1h=1000000"]), "6");
    assert_eq!(cost(&["--usage", "input=1000", "--tier", "batch"]), "0.0015");
    assert_eq!(cost(&["--provider", "anthropic", "--input", "1000", "--at", "2026-11-01"]), "0.003");
}

#[test]
fn an_unknown_model_is_told_its_nearest_names() {
    let home = Home::new();
    let answer = home.llmlab(["price", "gpt-5-minni", "--input", "1"]);
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(1), ""));
    assert!(
        answer.stderr.contains("gpt-5-minni has no price") && answer.stderr.contains("gpt-5-mini"),
        "{}",
        answer.stderr
    );
    let error: Value = serde_json::from_str(&home.llmlab(["price", "x9", "--input", "1", "--json"]).stderr).unwrap();
    assert_eq!(error["error"]["code"], "unknown_model");
}

#[test]
fn ones_own_prices_go_first() {
    let home = Home::new();
    let prices = home.path().join("prices.jsonl");
    std::fs::write(&prices, "").unwrap();
    std::fs::write(home.path().join("config.json"), json!({ "prices": prices }).to_string()).unwrap();
    home.llmlab(["price", "gpt-5-mini", "--input", "1"]).well();
    std::fs::remove_file(&prices).unwrap();
    let answer = home.llmlab(["price", "gpt-5-mini", "--input", "1"]);
    assert_eq!(answer.code, Some(1));
    assert!(answer.stderr.contains("prices.jsonl"), "{}", answer.stderr);
}

#[test]
fn counts_that_contradict_each_other_are_refused() {
    let answer = Home::new().llmlab(["price", "gpt-5-mini", "--input", "10", "--cached", "20"]);
    assert_eq!(answer.code, Some(1));
    assert!(answer.stderr.contains("input is 10 but must include cache_read 20"), "{}", answer.stderr);
}

#[test]
fn a_tier_that_does_not_exist_is_refused_with_those_that_do() {
    let answer = Home::new().llmlab(["price", "gpt-5-mini", "--input", "1", "--tier", "scale"]);
    assert_eq!(answer.code, Some(2));
    assert!(answer.stderr.contains("scale") && answer.stderr.contains("priority"), "{}", answer.stderr);
}
