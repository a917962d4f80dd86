//! A client with a backend: the reference receiver, in a process of its own; and a server of the dialects, which takes
//! everything.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test fails loudly, and says what it could not test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver as Requests};
use std::thread;
use std::time::Duration;

use llmlab::clock::SystemClock;
use llmlab::event::{Call, Facts, Operation, Status, Subject};
use llmlab::outbox::ExitFlush;
use llmlab::scope::{Labels, Scope};
use llmlab::sink::{Endpoint, Secret, SinkSettings};
use llmlab::{Config, Dimension, Llmlab, Options, Usage};
use serde_json::{Value, json};

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
    fn start(store: &Path) -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/receiver.py");
        let mut command = Command::new("python3");
        command.arg(script).args(["--port", "0", "--key", "secret", "--store"]).arg(store).stdout(Stdio::piped());
        let Ok(mut process) = command.spawn() else {
            eprintln!("SKIPPED: there is no python3, so a client with a backend is NOT TESTED");
            return None;
        };
        let mut line = String::new();
        BufReader::new(process.stdout.take()?).read_line(&mut line).ok()?;
        Some(Self { process, url: line.trim().strip_prefix("listening on ")?.to_owned() })
    }

    fn sink(&self, key: &str) -> SinkSettings {
        SinkSettings::Llmlab(endpoint(&self.url, key))
    }
}

fn endpoint(url: &str, key: &str) -> Endpoint {
    Endpoint { url: url.to_owned(), headers: Vec::new(), api_key: Some(Secret::new(key)), ca_file: None }
}

/// A server that says 202 to everything, and the paths and bodies that it was sent.
fn agreeable() -> (String, Requests<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (requests, received) = mpsc::channel();
    thread::Builder::new()
        .spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                while let Some(request) = read_request(&mut stream) {
                    let _ = requests.send(request);
                    stream.get_mut().write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").unwrap();
                }
            }
        })
        .unwrap();
    (url, received)
}

fn read_request(stream: &mut BufReader<TcpStream>) -> Option<(String, Value)> {
    let (mut head, mut line) = (Vec::new(), String::new());
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line).ok().filter(|&bytes| bytes > 0)?;
        head.push(line.clone());
    }
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok())?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let path = head.first()?.split(' ').nth(1)?.to_owned();
    // A server that knows nothing of gzip reads it.
    Some((path, serde_json::from_slice(&body).unwrap()))
}

fn client(home: &Path, sinks: Vec<SinkSettings>) -> Llmlab {
    Llmlab::new(options(home, sinks), Arc::new(SystemClock)).unwrap()
}

fn options(home: &Path, sinks: Vec<SinkSettings>) -> Config {
    let home = home.display().to_string();
    let options = Options::from_json(r#"{"project":"shop/back end"}"#).unwrap();
    let mut config = Config::resolve(options, &|name| (name == "LLMLAB_HOME").then(|| home.clone())).unwrap();
    config.outbox.sinks = sinks;
    config
}

fn call() -> Facts {
    let mut call = Call::new(Operation::Chat);
    call.provider = Some("openai".into());
    call.model = Some("gpt-4o-mini".to_owned());
    call.usage = Usage::new().with(Dimension::Input, 1_278).with(Dimension::Output, 470);
    Facts {
        unix_ns: 1_790_000_000_000_000_000,
        latency_ns: None,
        status: Status::Ok,
        error_type: None,
        subject: Subject::Call(Box::new(call)),
    }
}

fn open_step(lab: &Llmlab) -> Arc<Scope> {
    let what = ("answer".to_owned(), "agent".into());
    Scope::open_step(None, lab.base(), &Labels::default(), what, lab.new_ids(), lab.now())
}

/// How many events of the project the receiver has stored.
fn stored(store: &Path) -> i64 {
    let connection = rusqlite::Connection::open(store).unwrap();
    let sql = "SELECT count(*) FROM events WHERE project = 'shop/back end'";
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn events_reach_the_ledger_and_the_backend_once_each() {
    let home = tempfile::tempdir().unwrap();
    let store = home.path().join("received.db");
    let Some(receiver) = Receiver::start(&store) else { return };
    let lab = client(home.path(), vec![SinkSettings::Ledger, receiver.sink("secret")]);
    for _ in 0..250 {
        lab.record(call(), None);
    }
    let report = lab.flush(Duration::from_secs(20));
    assert_eq!((report.pending, report.delivered, stored(&store)), (0, 250, 250), "{report:?}");
}

#[test]
fn a_backend_that_refuses_the_key_holds_nothing_up_and_loses_nothing() {
    let home = tempfile::tempdir().unwrap();
    let store = home.path().join("received.db");
    let Some(receiver) = Receiver::start(&store) else { return };
    let lab = client(home.path(), vec![SinkSettings::Ledger, receiver.sink("revoked")]);
    for _ in 0..10 {
        lab.record(call(), None);
    }
    // It ends at once: there is nothing that waiting could change.
    let report = lab.flush(Duration::from_secs(3_600));
    assert_eq!((report.pending, stored(&store)), (10, 0), "{report:?}");
    let sinks = lab.stats().events.sinks;
    let [ledger, backend] = &sinks[..] else { panic!("{sinks:?}") };
    assert_eq!((ledger.delivered, ledger.spooled), (10, 0), "{ledger:?}");
    assert_eq!((backend.delivered, backend.spooled), (0, 10), "{backend:?}");
    let said = backend.last_error.as_deref().unwrap();
    assert!(said.contains("401 Unauthorized") && said.contains("the key is missing or unknown"), "{said}");
    assert!(!said.contains("revoked"), "{said}");
}

#[test]
fn a_server_of_one_call_a_request_gets_every_call_and_no_step() {
    let home = tempfile::tempdir().unwrap();
    let (url, received) = agreeable();
    let lab = client(home.path(), vec![SinkSettings::Track(endpoint(&url, "secret"), "/api/events/track")]);
    let step = open_step(&lab);
    for _ in 0..3 {
        lab.record(call(), Some(&step));
    }
    lab.record_step(&step, Status::Ok, None);
    let report = lab.flush(Duration::from_secs(20));
    assert_eq!((report.pending, report.delivered), (0, 4), "{report:?}");
    let received: Vec<_> = received.try_iter().collect();
    assert_eq!(received.len(), 3);
    for (path, body) in received {
        assert_eq!(path, "/api/events/track");
        assert_eq!((&body["project_id"], &body["input_tokens"]), (&json!("shop/back end"), &json!(1_278)));
        assert_eq!(body["cost_usd"].to_string(), "0.0004737");
    }
}

#[test]
fn a_server_of_traces_gets_one_when_the_root_step_has_ended() {
    let home = tempfile::tempdir().unwrap();
    let (url, received) = agreeable();
    let sinks = vec![SinkSettings::Ledger, SinkSettings::Traces(endpoint(&url, "secret"))];
    let lab = client(home.path(), sinks);
    let step = open_step(&lab);
    lab.record(Facts { unix_ns: lab.now().unix_ns, ..call() }, Some(&step));
    lab.record(Facts { unix_ns: lab.now().unix_ns, ..call() }, Some(&step));
    lab.record_step(&step, Status::Ok, None);
    // The first try may come before the ledger has the root; then there is another.
    let report = lab.flush(Duration::from_secs(20));
    assert_eq!((report.pending, report.delivered), (0, 3), "{report:?}");
    let (path, body) = received.try_recv().unwrap();
    assert_eq!(path, "/v1/projects/shop%2Fback%20end/traces");
    let trace = &body["traces"][0];
    assert_eq!((&trace["agent_name"], &trace["status"]), (&json!("answer"), &json!("ok")));
    assert_eq!(
        (trace["total_cost"].to_string(), trace["steps"].as_array().unwrap().len()),
        ("0.0009474".to_owned(), 3)
    );
}

// Sabotage: a client that asks the proxies of the system whatever the address.
#[test]
fn a_server_on_this_machine_is_reached_past_the_proxies() {
    let nobody = "http://127.0.0.1:9";
    let mut this = Command::new(std::env::current_exe().unwrap());
    this.args(["--exact", "a_server_of_one_call_a_request_gets_every_call_and_no_step"]);
    let output = this.env("HTTP_PROXY", nobody).env("http_proxy", nobody).env_remove("NO_PROXY").env_remove("no_proxy");
    let output = output.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// A server that takes connections, and then hangs up or says nothing; and how many it took.
fn useless(hangs_up: bool) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    thread::Builder::new()
        .spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                if !hangs_up {
                    open.push(stream);
                }
            }
        })
        .unwrap();
    (url, taken)
}

fn with_ten_calls(home: &Path, url: &str, exit_flush: ExitFlush) -> Llmlab {
    let mut config = options(home, vec![SinkSettings::Ledger, SinkSettings::Llmlab(endpoint(url, "secret"))]);
    config.exit_flush = exit_flush;
    let lab = Llmlab::new(config, Arc::new(SystemClock)).unwrap();
    for _ in 0..10 {
        lab.record(call(), None);
    }
    lab
}

// Sabotage: an exit that is as patient as a flush.
#[test]
fn an_exit_costs_a_useless_server_one_try() {
    // Were it to try again, it would do so for an hour.
    const LIMIT: Duration = Duration::from_secs(3_600);
    for ends in [Llmlab::exit_flush, |lab: &Llmlab| lab.shutdown(LIMIT)] {
        let home = tempfile::tempdir().unwrap();
        let (url, taken) = useless(true);
        let lab = with_ten_calls(home.path(), &url, ExitFlush::Ms(3_600_000));
        let report = ends(&lab);
        assert_eq!((report.pending, report.dropped, taken.load(Ordering::SeqCst)), (10, 0, 1), "{report:?}");
        let sinks = lab.stats().events.sinks;
        assert_eq!((sinks[0].delivered, sinks[1].spooled), (10, 10), "{sinks:?}");
    }
}

// Sabotage: a limit that is not kept while an answer is awaited.
#[test]
fn an_exit_ends_within_its_limit_though_a_server_is_silent() {
    for ends in [Llmlab::exit_flush, |lab: &Llmlab| lab.shutdown(Duration::from_secs(2))] {
        let home = tempfile::tempdir().unwrap();
        let (url, _taken) = useless(false);
        let lab = with_ten_calls(home.path(), &url, ExitFlush::Ms(2_000));
        let report = ends(&lab);
        assert_eq!((report.pending, report.dropped), (10, 0), "{report:?}");
        // The request itself is given up after 15 s, and that would be an error.
        assert_eq!(report.last_error, None);
    }
}

#[test]
fn an_exit_ends_at_once_where_there_is_no_server() {
    let home = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let backend = SinkSettings::Llmlab(endpoint(&format!("http://127.0.0.1:{port}"), "secret"));
    let mut lab = options(home.path(), vec![SinkSettings::Ledger, backend]);
    lab.exit_flush = ExitFlush::Ms(3_600_000);
    let lab = Llmlab::new(lab, Arc::new(SystemClock)).unwrap();
    lab.record(call(), None);
    // Were it to try again, it would do so for an hour.
    let report = lab.exit_flush();
    assert_eq!((report.delivered, report.pending), (0, 1), "{report:?}");
    assert!(report.last_error.unwrap().contains("refused"));
}
