//! A backend of docs/protocol.md on this machine that keeps its word about what it stores, and often dies before it has
//! given it.

use std::io::{self, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;

use fastrand::Rng;
use llmlab::Money;
use serde::{Deserialize, Serialize};

use super::books::{Held, Holding};
use super::http::{self, Request};

/// The key that it takes.
pub(super) const KEY: &str = "torture";
/// Beside so many dropped answers there is one request that was dropped.
const UNHEARD_SHARE: u8 = 5;

/// A running backend. It ends with the value.
pub(super) struct Backend {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    drop_percent: u8,
    seed: u64,
    requests: AtomicU64,
    ending: AtomicBool,
    store: Mutex<Store>,
}

/// What became of the requests.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) holding: Holding,
    /// Events that came again.
    pub(super) duplicates: u64,
    /// Answers that were never given, or not to their end, after everything was stored.
    pub(super) dropped_answers: u64,
    /// Requests of which nothing was stored.
    pub(super) dropped_requests: u64,
    /// What is wrong with requests that a correct client never makes.
    pub(super) complaints: Vec<String>,
}

#[derive(Deserialize)]
struct Body {
    version: u32,
    batch_id: String,
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    id: String,
    user: Option<String>,
    cost_usd: Option<Money>,
}

#[derive(Serialize)]
struct Receipt<'a> {
    batch_id: &'a str,
    stored: u64,
    duplicates: u64,
    rejected: [(); 0],
}

/// What happens to a request.
enum Fate {
    Answered,
    /// Everything is stored, and the answer breaks off.
    CutShort,
    /// Everything is stored, and there is no answer.
    Swallowed,
    /// Nothing is stored, and there is no answer.
    Unheard,
}

impl Backend {
    /// Starts on a port of its own.
    pub(super) fn start(drop_percent: u8, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            drop_percent,
            seed,
            requests: AtomicU64::new(0),
            ending: AtomicBool::new(false),
            store: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        Builder::new().name("llmlab-backend".to_owned()).spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if accepting.ending.load(Ordering::Relaxed) {
                    break;
                }
                let shared = Arc::clone(&accepting);
                // A client that gets no thread gets no answer, and comes again.
                let _ = Builder::new().name("llmlab-backend".to_owned()).spawn(move || shared.serve(&stream));
            }
        })?;
        Ok(Self { address, shared })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.shared.store()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::Relaxed);
        // The one who waits for a connection looks up.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves a connection until it breaks, by whichever side.
    fn serve(&self, mut stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Ok(Some(request)) = Request::read(&mut reader) {
            let fate = self.fate();
            if matches!(fate, Fate::Unheard) {
                self.store().dropped_requests += 1;
                break;
            }
            let answer = match self.take(&request) {
                Ok(receipt) => http::answer("200 OK", &receipt),
                Err(complaint) => {
                    let answer = http::answer("400 Bad Request", "{\"error\":\"see the torture's report\"}");
                    self.store().complaints.push(complaint);
                    answer
                }
            };
            let whole = answer.len();
            let given = match fate {
                Fate::Answered => whole,
                Fate::CutShort => whole - 1,
                Fate::Swallowed | Fate::Unheard => 0,
            };
            if given < whole {
                self.store().dropped_answers += 1;
            }
            if stream.write_all(&answer[..given]).is_err() || given < whole {
                break;
            }
        }
        let _ = stream.shutdown(Shutdown::Both);
    }

    fn fate(&self) -> Fate {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let mut random = Rng::with_seed(self.seed.wrapping_add(number));
        // A client that takes silence for success is found out by those that were not stored.
        let is_unheard = random.u8(0..100) < self.drop_percent / UNHEARD_SHARE;
        match (random.u8(0..100) < self.drop_percent, random.bool()) {
            (false, _) if is_unheard => Fate::Unheard,
            (false, _) => Fate::Answered,
            (true, false) => Fate::CutShort,
            (true, true) => Fate::Swallowed,
        }
    }

    /// Stores a batch, all of it before there is an answer.
    fn take(&self, request: &Request) -> Result<String, String> {
        let Request { method, path, authorization, body } = request;
        if (method.as_str(), path.as_str()) != ("POST", "/v1/projects/torture/events") {
            return Err(format!("{method} {path} is not in the protocol"));
        }
        if authorization.strip_prefix("Bearer ") != Some(KEY) {
            return Err(format!("the key is not the one that was set: {authorization:?}"));
        }
        let body: Body = serde_json::from_slice(body).map_err(|cause| format!("a body is no batch: {cause}"))?;
        if body.version != 1 {
            return Err(format!("the version is {}", body.version));
        }
        let mut receipt = Receipt { batch_id: &body.batch_id, stored: 0, duplicates: 0, rejected: [] };
        let mut store = self.store();
        for event in body.events {
            let held = Held { key: event.user.unwrap_or_default(), cost: event.cost_usd };
            match store.holding.get(&event.id) {
                None => {
                    store.holding.insert(event.id, held);
                    receipt.stored += 1;
                }
                Some(before) => {
                    if *before != held {
                        let complaint = format!("{} came again as another event: {held:?}", event.id);
                        store.complaints.push(complaint);
                    }
                    store.duplicates += 1;
                    receipt.duplicates += 1;
                }
            }
        }
        serde_json::to_string(&receipt).map_err(|cause| cause.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn send(backend: &Backend, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(backend.address).unwrap();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nauthorization: Bearer torture\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    const PATH: &str = "/v1/projects/torture/events";
    const BATCH: &str = r#"{"version":1,"batch_id":"b","events":[{"id":"1","user":"k","cost_usd":0.5},{"id":"2"}]}"#;

    #[test]
    fn an_event_is_stored_once_and_known_again() {
        let backend = Backend::start(0, 1).unwrap();
        assert!(send(&backend, PATH, BATCH).ends_with(r#"{"batch_id":"b","stored":2,"duplicates":0,"rejected":[]}"#));
        assert!(send(&backend, PATH, BATCH).ends_with(r#"{"batch_id":"b","stored":0,"duplicates":2,"rejected":[]}"#));
        let store = backend.store();
        assert_eq!((store.holding.len(), store.duplicates, store.complaints.len()), (2, 2, 0));
        assert_eq!(store.holding["1"].cost, Some("0.5".parse().unwrap()));
    }

    #[test]
    fn an_answer_is_dropped_only_after_everything_is_stored() {
        let backend = Backend::start(100, 1).unwrap();
        let answer = send(&backend, PATH, BATCH);
        assert!(!answer.ends_with('}'), "{answer}");
        let store = backend.store();
        assert_eq!((store.holding.len(), store.dropped_answers), (2, 1));
    }

    #[test]
    fn a_client_that_breaks_the_protocol_is_complained_of() {
        let backend = Backend::start(0, 1).unwrap();
        assert!(send(&backend, "/other", BATCH).starts_with("HTTP/1.1 400"));
        assert!(send(&backend, PATH, "{").starts_with("HTTP/1.1 400"));
        send(&backend, PATH, BATCH);
        send(&backend, PATH, &BATCH.replace("0.5", "0.6"));
        assert_eq!(backend.store().complaints.len(), 3);
    }
}
