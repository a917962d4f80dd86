use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::home::{Answer, Home, call};

/// An address at which nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A home in which three calls wait for a backend that cannot be reached, while the ledger has them.
fn waiting_for(backend: &str) -> Home {
    let home = Home::new();
    let options = json!({ "project": "shop", "backend": backend, "api_key": "k", "exit_flush": 0 }).to_string();
    home.record(&options, [call("openai", "gpt-5-mini"), call("openai", "gpt-5-mini"), call("openai", "gpt-5")]);
    home
}

fn drain(home: &Home, backend: Option<&str>, timeout_s: &str) -> Answer {
    let mut command = home.command(["spool", "drain", "--json", "--timeout", timeout_s]);
    if let Some(backend) = backend {
        command.env("LLMLAB_BACKEND", backend).env("LLMLAB_API_KEY", "k");
    }
    Answer::of(&mut command)
}

fn of_destination<'a>(destinations: &'a Value, kind: &str, field: &str) -> &'a Value {
    let is_it = |row: &&Value| row[field].as_str().unwrap().starts_with(kind);
    destinations.as_array().unwrap().iter().find(is_it).unwrap_or(&Value::Null)
}

/// The files of the spool that end so.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
        match entry.path() {
            path if path.is_dir() => found.extend(files(&path, ending)),
            path if path.extension().is_some_and(|extension| extension == ending) => found.push(path),
            _ => {}
        }
    }
    found
}

#[test]
fn nothing_waits_in_an_empty_home_and_nothing_is_made() {
    let home = Home::new();
    assert!(home.llmlab(["spool", "status"]).well().stdout.starts_with("Nothing waits in "));
    assert_eq!(home.llmlab(["spool", "status", "--json"]).well().json(), json!({ "projects": [] }));
    assert_eq!(home.llmlab(["spool", "verify"]).well().stdout, "0 files sound, with 0 events\n");
    assert_eq!(home.llmlab(["spool", "drain"]).well().stdout, "Nothing waits.\n");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn what_waits_is_told_by_destination() {
    let home = waiting_for(&nobody());
    let answer = home.llmlab(["spool", "status", "--json"]).well().json();
    let [project] = answer["projects"].as_array().unwrap().as_slice() else { panic!("{answer}") };
    assert_eq!((&project["project"], &project["living_writers"]), (&json!("shop"), &json!(0)));
    assert_eq!(project["dropped"], json!({}));
    let backend = of_destination(&project["destinations"], "llmlab-", "name");
    assert_eq!((&backend["events"], &backend["segments"], &backend["dead"]), (&json!(3), &json!(1), &json!(0)));
    assert!(backend["bytes"].as_u64().unwrap() > 100 && backend["oldest"].as_str().unwrap().starts_with("20"));
    let ledger = of_destination(&project["destinations"], "ledger", "name");
    assert!(ledger.is_null() || ledger["events"] == 0, "{ledger}");
    assert_eq!(home.llmlab(["spool", "status", "--json", "--project", "other"]).well().json()["projects"], json!([]));

    let text = home.llmlab(["spool", "status"]).well().stdout;
    assert!(text.contains("shop") && text.contains("llmlab-") && text.contains("nothing dropped"), "{text}");
}

#[test]
fn draining_says_why_something_waits() {
    let backend = nobody();
    let home = waiting_for(&backend);
    let unknown = drain(&home, None, "5");
    assert_eq!(unknown.code, Some(1));
    let row = of_destination(&unknown.json()["destinations"], "llmlab-", "destination").clone();
    assert_eq!(row["waiting"], 3);
    assert!(row["reason"].as_str().unwrap().contains("no sink of this configuration"), "{row}");

    let refused = drain(&home, Some(&backend), "1");
    assert_eq!(refused.code, Some(1));
    let row = of_destination(&refused.json()["destinations"], "llmlab-", "destination").clone();
    assert_eq!((&row["delivered"], &row["waiting"]), (&json!(0), &json!(3)));
    assert!(row["reason"].as_str().unwrap().starts_with("it failed: "), "{row}");
}

#[test]
fn what_a_killed_program_left_is_drained_into_the_ledger() {
    let home = Home::new();
    let mut command = home.command(["torture-recorder", "k", "1", "250"]);
    let mut child = command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let said = std::io::BufReader::new(child.stdout.take().unwrap());
    let acknowledged = std::io::BufRead::lines(said)
        .map(Result::unwrap)
        .filter(|line| line.starts_with("acknowledged"))
        .take(250)
        .count();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(acknowledged, 250);

    let answer = drain(&home, None, "30");
    assert_eq!((answer.code, answer.stderr.as_str()), (Some(0), ""), "{}", answer.stdout);
    assert_eq!(files(&home.path().join("spool"), "open"), [""; 0].map(PathBuf::from));
    assert_eq!(files(&home.path().join("spool"), "ready"), [""; 0].map(PathBuf::from));
    assert_eq!(home.llmlab(["status", "--json"]).well().json()["total"]["calls"], 250);
}

#[test]
fn damage_is_found_and_named() {
    let home = waiting_for(&nobody());
    let sound = home.llmlab(["spool", "verify", "--json"]).well().json();
    assert_eq!(sound["sound"], true);
    let events: u64 = sound["files"].as_array().unwrap().iter().map(|file| file["events"].as_u64().unwrap()).sum();
    assert_eq!(events, 3);

    let [segment] = files(&home.path().join("spool"), "ready").try_into().unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::remove_file(&segment).unwrap();
    std::fs::File::create(&segment).unwrap().write_all(&bytes).unwrap();
    let damaged = home.llmlab(["spool", "verify"]);
    assert_eq!((damaged.code, damaged.stderr.as_str()), (Some(1), ""));
    assert!(damaged.stdout.contains(segment.to_str().unwrap()) && damaged.stdout.contains("damaged"));
}
