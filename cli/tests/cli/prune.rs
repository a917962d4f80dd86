use serde_json::Value;

use crate::home::{Home, call};

const DAY_NS: i64 = 86_400_000_000_000;

#[test]
fn old_events_go_and_their_totals_stay() {
    let home = Home::new();
    let [mut old, mut older, new] = [(); 3].map(|()| call("openai", "gpt-5-mini"));
    (old.unix_ns, older.unix_ns) = (old.unix_ns - 91 * DAY_NS, old.unix_ns - 400 * DAY_NS);
    home.record("{}", [old, older, new]);
    let status = || home.llmlab(["status", "--json", "--since", "2020-01-01"]).well().json();
    let lines = || home.llmlab(["export"]).stdout.lines().count();
    let before = status();
    assert_eq!((before["total"]["calls"].as_u64(), lines()), (Some(3), 3));

    let dry = home.llmlab(["prune", "--dry-run"]).well().stdout;
    assert!(
        dry.starts_with("would remove 2 events that began before ") && dry.ends_with("stay as they are\n"),
        "{dry}"
    );
    assert_eq!(lines(), 3);
    let nothing = home.llmlab(["prune", "--older-than", "500d"]).well().stdout;
    assert!(nothing.starts_with("no event began before "), "{nothing}");

    let pruned = home.llmlab(["prune", "--older-than", "90d", "--json"]).well().json();
    assert_eq!((&pruned["events"], &pruned["dry_run"]), (&Value::from(2), &Value::from(false)));
    assert_eq!((status(), lines()), (before, 1));
    let within_an_hour = ["status", "--json", "--since", "2020-01-01T00:30:00Z"];
    assert_eq!(home.llmlab(within_an_hour).well().json()["detail_since"], pruned["before"]);
    let page = home.llmlab([&within_an_hour[..1], &within_an_hour[2..]].concat()).well().stdout;
    assert!(page.contains("hours are counted whole"), "{page}");
    let export = home.llmlab(["export"]);
    let note = format!("llmlab: events before {} were pruned", pruned["before"].as_str().unwrap());
    assert!(export.stderr.starts_with(&note), "{}", export.stderr);
    home.llmlab(["export", "--since", "30d"]).well();
    assert!(home.llmlab(["prune"]).well().stdout.starts_with("no event began before "));
}

#[test]
fn where_there_is_no_ledger_none_is_made() {
    let home = Home::new();
    assert!(home.llmlab(["prune"]).well().stdout.starts_with("no event began before "));
    assert!(!home.path().join("ledger.db").exists());
    let wrong = home.llmlab(["prune", "--older-than", "ninety days"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("ninety days"), "{}", wrong.stderr);
}
