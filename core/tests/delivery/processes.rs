//! Several processes, and processes that are killed.
#![expect(clippy::unwrap_used, reason = "the lints know test functions, not their helpers")]

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use llmlab::ledger::catch_up;

use crate::recorder::{LONG, Recorder, segments, stored};

const SURVIVES: &str = "Spooled ";

/// What a child process does, if this test runs in one. On its own it does nothing.
#[test]
fn child() {
    #[expect(clippy::disallowed_methods, reason = "how the test tells its child what to do")]
    let (home, events) = (std::env::var_os("DELIVERY_TEST_HOME"), std::env::var("DELIVERY_TEST_EVENTS"));
    let (Some(home), Ok(events)) = (home, events) else { return };
    let recorder = Recorder::new(Path::new(&home));
    let events: u64 = events.parse().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..events / 2 {
                    let event = recorder.event();
                    let kept = recorder.outbox.post(&event);
                    // One write a line, so that a kill cannot mix the lines of two threads.
                    let line = format!("{kept:?} {}\n", event.id);
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            });
        }
    });
    assert!(recorder.outbox.shutdown(LONG).is_complete());
}

fn spawn_child(home: &Path, events: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["processes::child", "--exact", "--nocapture", "--test-threads=1"])
        .env("DELIVERY_TEST_HOME", home)
        .env("DELIVERY_TEST_EVENTS", events.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// An event of which the child was told that it survives; `how` it is kept.
fn acknowledged(line: &str, how: &str) -> Option<String> {
    // The first one follows a word of the test harness on the same line.
    line.split_once(how).filter(|(_, id)| id.len() == 48).map(|(_, id)| id.to_owned())
}

#[test]
fn several_processes_record_under_one_home() {
    let home = tempfile::tempdir().unwrap();
    let children: Vec<Child> = (0..4).map(|_| spawn_child(home.path(), 1_000)).collect();
    let mut recorded = HashSet::new();
    for mut child in children {
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // What is in memory does not survive a kill, but an end it does.
        let ids = |line: String| acknowledged(&line, SURVIVES).or_else(|| acknowledged(&line, "Memory "));
        recorded.extend(lines.map_while(Result::ok).filter_map(ids));
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(recorded.len(), 4_000);
    assert_eq!(stored(home.path()), recorded);
    assert_eq!(segments(home.path()), [""; 0]);
}

#[test]
fn what_a_killed_process_recorded_is_all_there_and_once() {
    let home = tempfile::tempdir().unwrap();
    let mut recorded = HashSet::new();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..30 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let kill_after = usize::try_from(random >> 33).unwrap() % 700 + 1;
        let mut child = spawn_child(home.path(), 1_000_000);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let before: Vec<_> = lines.by_ref().filter_map(|line| acknowledged(&line, SURVIVES)).take(kill_after).collect();
        child.kill().unwrap();
        recorded.extend(before);
        // What the pipe still held was reported as well.
        recorded.extend(lines.filter_map(|line| acknowledged(&line, SURVIVES)));
        child.wait().unwrap();
    }
    let caught_up = catch_up(home.path()).unwrap();
    assert_eq!((caught_up.damaged, caught_up.newer), (Vec::new(), Vec::new()));
    let stored = stored(home.path());
    let missing = recorded.difference(&stored).count();
    assert!(recorded.len() >= 30, "nothing was recorded");
    assert_eq!(missing, 0, "of {}", recorded.len());
    // An event may be written and its writer killed before it says so: at most one a thread and a kill.
    assert!(stored.len() - recorded.len() <= 60, "{} stored, {} recorded", stored.len(), recorded.len());
    assert_eq!(segments(home.path()), [""; 0]);
}
