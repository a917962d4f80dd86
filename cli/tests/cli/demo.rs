//! The sample of `llmlab demo`, which is the same every time.

use serde_json::json;

use crate::home::Home;

#[test]
fn the_demo_is_exact_and_touches_nothing() {
    let home = Home::new();
    let page = home.llmlab(["demo"]).well().stdout;
    assert!(page.starts_with("Sample data"), "{page}");
    for part in ["openai/gpt-5-mini", "support-chat", "24 failed attempts", "14 calls unpriced"] {
        assert!(page.contains(part), "{part} is not in\n{page}");
    }
    let answer = home.llmlab(["demo", "--json"]);
    assert!(answer.stderr.starts_with("Sample data"));
    let total = &answer.json()["total"];
    assert_eq!((&total["calls"], &total["failed_attempts"], &total["unpriced"]), (&json!(602), &json!(24), &json!(14)));
    assert_eq!(total["cost_usd"].to_string(), "3.84908298");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}
