//! Every example runs, as its first lines say, against the local stand-in.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A process that ends with its test.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap())
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The stand-in, and a home that is the test's own.
struct Place {
    home: TempDir,
    url: String,
    /// It serves until its command ends, which waits for the end of its input.
    _stand_in: Running,
}

impl Place {
    /// `None`, loudly, where there is no Python to run the stand-in with.
    fn find() -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stand_in.py");
        if Command::new("python3").arg("--version").output().is_err() {
            eprintln!("SKIPPED: there is no python3, so the examples in Rust are NOT TESTED");
            return None;
        }
        let wait = r#"echo "$OPENAI_BASE_URL"; cat >/dev/null"#;
        let mut stand_in = Running::start(Command::new("python3").arg(script).args(["sh", "-c", wait]));
        Some(Self { home: tempfile::tempdir().unwrap(), url: stand_in.line(), _stand_in: stand_in })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("LLMLAB_HOME", self.home.path()).env("OPENAI_BASE_URL", &self.url);
        command
    }

    fn output(&self, program: &str) -> String {
        let output = self.command(program).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        String::from_utf8(output.stdout).unwrap()
    }
}

// The stand-in counts a token a word: 5 words in, half of them cached, and 17 out; $0.25, $0.025 and $2 a million.
#[test]
fn the_quickstart_says_what_two_greetings_cost() {
    let Some(place) = Place::find() else { return };
    assert_eq!(place.output(env!("CARGO_BIN_EXE_quickstart")), "2 calls cost $0.0000696\n0.35 USD for a big one\n");
}

#[test]
fn the_stream_is_printed_as_it_comes_and_priced_though_its_usage_was_not_asked_for() {
    let Some(place) = Place::find() else { return };
    let printed = place.output(env!("CARGO_BIN_EXE_streaming"));
    let (text, cost) = printed.split_once('\n').unwrap();
    assert!(text.starts_with("Thank you for writing to us: your parcel"), "{text}");
    assert_eq!(cost, "1 call costs $0.00003455\n");
}

#[test]
fn the_sink_is_given_every_call() {
    let Some(place) = Place::find() else { return };
    let printed = place.output(env!("CARGO_BIN_EXE_custom_sink"));
    let lines: Vec<_> = printed.lines().collect();
    let [priced, unpriced, "-- all delivered"] = lines[..] else { panic!("{printed}") };
    assert!(priced.ends_with("'gpt-5-mini', 0.0009) ON CONFLICT DO NOTHING;"), "{priced}");
    assert!(unpriced.ends_with("'a-model-without-a-price', NULL) ON CONFLICT DO NOTHING;"), "{unpriced}");
}

#[test]
fn the_service_knows_what_each_of_its_users_costs() {
    let Some(place) = Place::find() else { return };
    let mut service = Running::start(place.command(env!("CARGO_BIN_EXE_axum_service")).arg("127.0.0.1:0"));
    let line = service.line();
    let address = line.strip_prefix("listening on http://").unwrap();
    for user in ["ann", "ben", "ann"] {
        let answer = request(address, "POST /ask", &json!({"user": user, "question": "Where is my parcel?"}));
        assert_eq!(answer["cost_usd"], "0.00003455", "{answer}");
    }
    let expected = json!({
        "ann": {"calls": 2, "cost_usd": "0.0000691"},
        "ben": {"calls": 1, "cost_usd": "0.00003455"},
    });
    assert_eq!(request(address, "GET /spend", &Value::Null), expected);
}

fn request(address: &str, line: &str, body: &Value) -> Value {
    let body = body.to_string();
    let mut connection = TcpStream::connect(address).unwrap();
    let head = "host: local\r\nconnection: close\r\ncontent-type: application/json";
    write!(connection, "{line} HTTP/1.1\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn the_examples_are_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = std::fs::read_to_string(folder.join("../README.md")).unwrap();
    for entry in folder.read_dir().unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(Path::new(&name).extension().is_none_or(|end| end != "rs") || listed.contains(&name), "{name}");
    }
}
