//! Servers that are slow in every way there is, at the other end of a real connection.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::kit::{Kit, Server, until};
use crate::http::Http;
use crate::outbox::outlet::{Outlet, Route};
use crate::outbox::{Kept, SinkState};
use crate::sink::{self, Endpoint, Guarantee, SinkSettings};

/// In the place of fifteen seconds.
const LIMIT: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug)]
enum Way {
    /// Takes the connection and says nothing.
    Silent,
    /// Does not read what it is sent.
    Deaf,
    /// A byte of the head now and then.
    SlowHead,
    /// A byte of the body now and then.
    SlowBody,
    /// Chunks without end, as fast as they are taken.
    Endless,
}

/// How many connections there are, and the most there were at once.
#[derive(Default)]
struct Connections {
    open: AtomicUsize,
    most: AtomicUsize,
    ever: AtomicUsize,
}

fn serve(way: Way) -> (String, Arc<Connections>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::<Connections>::default();
    let ours = Arc::clone(&connections);
    let accept = move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let open = ours.open.fetch_add(1, Ordering::SeqCst) + 1;
            ours.most.fetch_max(open, Ordering::SeqCst);
            ours.ever.fetch_add(1, Ordering::SeqCst);
            let ours = Arc::clone(&ours);
            let hold = move || {
                dawdle(way, stream);
                ours.open.fetch_sub(1, Ordering::SeqCst);
            };
            thread::Builder::new().spawn(hold).unwrap();
        }
    };
    thread::Builder::new().spawn(accept).unwrap();
    (url, connections)
}

/// Until the other side has enough.
fn dawdle(way: Way, mut stream: TcpStream) {
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let said = match way {
        Way::Silent | Way::Deaf | Way::SlowHead => &b""[..],
        Way::SlowBody => b"content-length: 1000\r\n\r\n",
        Way::Endless => b"transfer-encoding: chunked\r\n\r\n",
    };
    let is_begun = !said.is_empty() && stream.write_all(HEAD).and_then(|()| stream.write_all(said)).is_ok();
    let mut slow = HEAD.iter().chain(std::iter::repeat(&b'x'));
    // The pace of the slow ones; it only has to be slower than the client's patience.
    stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    let mut buffer = [0; 4096];
    loop {
        match way {
            Way::Endless if is_begun && stream.write_all(b"5\r\nabcde\r\n").is_err() => return,
            Way::SlowHead | Way::SlowBody if stream.write_all(&[*slow.next().unwrap()]).is_err() => return,
            _ => {}
        }
        let read = if matches!(way, Way::Deaf) { stream.peek(&mut buffer) } else { stream.read(&mut buffer) };
        match read {
            Ok(0) => return,
            Err(error) if !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                return;
            }
            // What is not read hides the end of the connection; a write finds it.
            Ok(_) if matches!(way, Way::Deaf) && stream.write_all(b" ").is_err() => return,
            _ => {}
        }
    }
}

fn outlet(url: &str, home: &Path) -> (String, Outlet) {
    let endpoint = Endpoint { url: url.to_owned(), headers: Vec::new(), api_key: None, ca_file: None };
    let remote = sink::remote(&SinkSettings::Llmlab(endpoint.clone()), home).unwrap();
    ("slow".into(), Outlet::Remote(remote, Route::Open(Arc::new(Http::hasty(&endpoint, LIMIT)))))
}

// Sabotage: no limit on a request; a second one while the first is under way; a lane that the others wait for; a request
// on the thread of the host.
#[test]
fn a_server_that_is_slow_in_any_way_costs_one_request_at_a_time_and_nobody_else_waits() {
    for way in [Way::Silent, Way::Deaf, Way::SlowHead, Way::SlowBody, Way::Endless] {
        let home = tempfile::tempdir().unwrap();
        let (url, connections) = serve(way);
        let quick = Server::default();
        let kit = Kit::new(home.path(), vec![quick.outlet(Guarantee::ExactlyOnce), outlet(&url, home.path())]);
        for round in 1..=3 {
            let kept = kit.post(1_000);
            assert!(kept.iter().all(|kept| *kept != Kept::Dropped), "{way:?}");
            // The quick one has everything while the slow one is at its first request of the round.
            until(|| kit.look().sinks[0].delivered == round * 1_000);
            until(|| connections.ever.load(Ordering::SeqCst) as u64 >= round);
            until(|| connections.open.load(Ordering::SeqCst) == 0);
            until(|| kit.books().sinks[1].state == SinkState::Waiting);
            assert_eq!((kit.books().sinks[1].delivered, kit.books().sinks[1].spooled), (0, round * 1_000), "{way:?}");
            kit.pass(300);
        }
        assert_eq!(connections.most.load(Ordering::SeqCst), 1, "{way:?}");
        let said = kit.books().sinks[1].last_error.clone().unwrap();
        assert!(!said.is_empty(), "{way:?}");
        // Whoever leaves does not wait for it, however long he would.
        let report = kit.outbox.leave(Duration::from_secs(3_600), Duration::ZERO);
        assert_eq!((report.pending, report.dropped), (3_000, 0), "{way:?}: {report:?}");
    }
}
