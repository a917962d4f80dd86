//! `llmlab torture`, smaller than users run it, and against itself: its books must see what is wrong.
//!
//! Sabotage that turns it red: take a missing answer for a receipt (lost); leave every event in memory and count it as spooled
//! (lost); give events other ids in another process (twice); round what is sent to nano-dollars (altered).

use crate::home::{Home, is_soak};

#[test]
fn sixty_kills_lose_nothing() {
    let home = Home::new();
    let kills = if is_soak() { "1000" } else { "60" };
    let answer = home.llmlab(["torture", "--json", "--kills", kills]);
    assert_eq!((answer.code, answer.stderr.as_str()), (Some(0), ""), "{}", answer.stdout);
    let report = answer.json();
    assert_eq!(report["balanced"], true);
    for place in ["ledger", "backend"] {
        assert!(report[place]["stored"].as_u64() >= report["acknowledged"].as_u64(), "{report}");
        assert_eq!(report[place]["cost_usd"].to_string(), report["cost_usd"].to_string());
    }
    assert!(report["acknowledged"].as_u64().unwrap() > 60, "{report}");
    assert!(report["dropped_answers"].as_u64().unwrap() > 0, "the backend dropped no answer: {report}");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "the user's own home was touched");
}
