//! The kit against the reference receiver, and against receivers that are wrong in one point each.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::home::{Answer, Home};

/// A receiver in a process of its own, which ends with the test.
struct Receiver {
    process: Child,
    url: String,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Receiver {
    /// `None`, loudly, where there is no Python to run it with.
    #[expect(clippy::print_stderr, reason = "what was not tested must be heard of")]
    fn start(script: &str, arguments: &[&str]) -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
        let mut command = Command::new("python3");
        command.arg(script).args(arguments).args(["--port", "0", "--key", "secret"]).stdout(Stdio::piped());
        let Ok(mut process) = command.spawn() else {
            eprintln!("SKIPPED: there is no python3, so `llmlab conformance` is NOT TESTED");
            return None;
        };
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Some(Self { process, url })
    }

    fn conformance(&self, arguments: &[&str]) -> Answer {
        let home = Home::new();
        let mut command = home.command([&["conformance", &self.url], arguments].concat());
        Answer::of(command.env("NO_PROXY", "127.0.0.1"))
    }

    /// The checks that came to this.
    fn checks(&self, state: &str) -> Vec<String> {
        let answer = self.conformance(&["--key", "secret", "--json"]);
        let document: Value = answer.json();
        let checks = document["checks"].as_array().unwrap();
        assert_eq!(answer.code, Some(i32::from(checks.iter().any(|check| check["state"] == "failed"))));
        let found = checks.iter().filter(|check| check["state"] == state);
        found.map(|check| check["name"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn the_reference_receiver_keeps_the_contract() {
    let Some(receiver) = Receiver::start("../examples/receiver.py", &[]) else { return };
    let answer = receiver.conformance(&["--key", "secret"]);
    assert_eq!(answer.code, Some(0), "{}", answer.stdout);
    assert!(answer.stdout.contains("19 ok, 0 failed, 1 skipped"), "{}", answer.stdout);
}

#[test]
fn a_receiver_that_asks_for_patience_is_waited_for() {
    let Some(receiver) = Receiver::start("tests/cli/wrong_receiver.py", &["none"]) else { return };
    assert_eq!(receiver.checks("ok").len(), 20);
}

#[test]
fn every_check_finds_the_fault_that_it_is_for_and_no_other_does() {
    let Some(receiver) = Receiver::start("tests/cli/wrong_receiver.py", &["none"]) else { return };
    thread::scope(|scope| {
        for check in receiver.checks("ok") {
            scope.spawn(|| {
                let wrong = Receiver::start("tests/cli/wrong_receiver.py", &[&check]).unwrap();
                assert_eq!(wrong.checks("failed"), [check]);
            });
        }
    });
}

#[test]
fn what_failed_is_told_with_what_was_expected_and_what_came() {
    let Some(receiver) = Receiver::start("tests/cli/wrong_receiver.py", &["malformed"]) else { return };
    let answer = receiver.conformance(&["--key", "secret"]);
    assert_eq!(answer.code, Some(1));
    for part in ["failed    malformed", "nothing: [400]", "500 {\"error\"", "1 failed"] {
        assert!(answer.stdout.contains(part), "{part}: {}", answer.stdout);
    }
}

#[test]
fn without_a_key_authentication_is_not_tested_and_says_so() {
    let Some(receiver) = Receiver::start("tests/cli/wrong_receiver.py", &["auth"]) else { return };
    let answer = receiver.conformance(&[]);
    assert_eq!(answer.code, Some(0), "{}", answer.stdout);
    assert!(answer.stdout.contains("no --key was given"), "{}", answer.stdout);
}

#[test]
fn an_address_where_nobody_is_or_that_is_none_is_one_clear_error() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let home = Home::new();
    let url = format!("http://127.0.0.1:{port}");
    let nobody = Answer::of(home.command(["conformance", &url]).env("NO_PROXY", "127.0.0.1"));
    assert_eq!(nobody.code, Some(1));
    assert!(nobody.stderr.contains("does not answer"), "{}", nobody.stderr);
    let none = home.llmlab(["conformance", "cost.example"]);
    assert_eq!(none.code, Some(2));
    assert!(none.stderr.contains("https://"), "{}", none.stderr);
}
