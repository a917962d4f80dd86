//! The server under test.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::Duration;

use llmlab::event::EventId;
use llmlab::http::Http;
use llmlab::protocol::events_url;
use llmlab::sink::{Answer, Endpoint, Message, Secret};
use llmlab::{Error, ErrorCode};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use super::checks::Miss;

/// How often, and for how many seconds at most, a server may ask for patience.
const TRIES: u32 = 5;
const LONGEST_WAIT: u64 = 10;

/// Whose key a request bears.
#[derive(Clone, Copy)]
pub(super) enum Who {
    Owner,
    Nobody,
    Stranger,
}

pub(super) struct Server {
    runtime: Runtime,
    owner: Http,
    nobody: Http,
    stranger: Http,
    url: String,
    pub(super) has_key: bool,
    /// The values of `retry-after` beside 429 and 503, in the order in which they came.
    pub(super) waits: RefCell<Vec<Option<String>>>,
    writer: [u8; 16],
    next: Cell<u64>,
}

impl Server {
    pub(super) fn new(backend: &str, key: Option<&str>, project: &str, ca_file: Option<&Path>) -> Result<Self, Error> {
        let system = |what: String| Error::new(ErrorCode::Storage, what);
        let http = |key: Option<&str>| {
            let api_key = key.map(Secret::new);
            Http::new(&Endpoint {
                url: backend.to_owned(),
                headers: Vec::new(),
                api_key,
                ca_file: ca_file.map(Path::to_owned),
            })
        };
        let mut writer = [0; 16];
        getrandom::fill(&mut writer).map_err(|error| system(format!("no random numbers: {error}")))?;
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Self {
            runtime: runtime.map_err(|error| system(format!("no runtime: {error}")))?,
            owner: http(key)?,
            nobody: http(None)?,
            stranger: http(Some("not-a-key"))?,
            url: events_url(backend, project)?,
            has_key: key.is_some(),
            waits: RefCell::default(),
            writer,
            next: Cell::new(0),
        })
    }

    /// An id that no event had before.
    pub(super) fn new_id(&self) -> EventId {
        self.next.set(self.next.get() + 1);
        EventId { writer: self.writer, counter: self.next.get() }
    }

    /// Any answer at all will do.
    pub(super) fn reach(&self) -> Result<(), String> {
        let answer = self.runtime.block_on(self.nobody.send(&self.message(Vec::new(), None), false));
        answer.map(|_| ()).map_err(|failure| format!("{failure:?}"))
    }

    fn message(&self, body: Vec<u8>, encoding: Option<&str>) -> Message {
        let mut headers = vec![("content-type", "application/json".to_owned())];
        headers.extend(encoding.map(|encoding| ("content-encoding", encoding.to_owned())));
        Message { url: self.url.clone(), headers, body }
    }

    async fn post(&self, who: Who, message: &Message, compressed: bool) -> Result<Answer, Miss> {
        let http = match who {
            Who::Owner => &self.owner,
            Who::Nobody => &self.nobody,
            Who::Stranger => &self.stranger,
        };
        for _ in 1..TRIES {
            match http.send(message, compressed).await {
                Ok(answer) if matches!(answer.status, 429 | 503) => {
                    let seconds = answer.retry_after.as_ref().and_then(|value| value.parse().ok()).unwrap_or(1);
                    self.waits.borrow_mut().push(answer.retry_after);
                    tokio::time::sleep(Duration::from_secs(seconds.min(LONGEST_WAIT))).await;
                }
                other => return other.map_err(|failure| Miss::failed("an answer", format!("{failure:?}"))),
            }
        }
        Err(Miss::failed("an answer in the end", format!("429 or 503 for {TRIES} times")))
    }

    /// Sends a body as it is.
    pub(super) fn raw(&self, body: &[u8], encoding: Option<&str>) -> Result<Answer, Miss> {
        self.runtime.block_on(self.post(Who::Owner, &self.message(body.to_vec(), encoding), false))
    }

    /// Sends a body as gzip.
    pub(super) fn compressed(&self, who: Who, body: Vec<u8>) -> Result<Answer, Miss> {
        self.runtime.block_on(self.post(who, &self.message(body, None), true))
    }

    pub(super) fn send(&self, who: Who, request: &Value) -> Result<Answer, Miss> {
        self.compressed(who, request.to_string().into_bytes())
    }

    /// Sends the same events four times at once, each time as another batch.
    pub(super) fn send_at_once(&self, events: &[Value]) -> [Result<Answer, Miss>; 4] {
        let messages = [0, 1, 2, 3].map(|number| {
            let request = request(&at_once_id(number), events);
            self.message(request.to_string().into_bytes(), None)
        });
        let one = |number: usize| self.post(Who::Owner, &messages[number], true);
        let all = self.runtime.block_on(async { tokio::join!(one(0), one(1), one(2), one(3)) });
        all.into()
    }
}

/// The batch of a request of [`Server::send_at_once`].
pub(super) fn at_once_id(number: usize) -> String {
    format!("at-once-{number}")
}

/// A request of version 1.
pub(super) fn request(batch_id: &str, events: &[Value]) -> Value {
    json!({"version": 1, "batch_id": batch_id, "sent_at": "2026-11-19T18:22:49Z", "events": events})
}
