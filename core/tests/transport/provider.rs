//! A server that answers as the header `x-answer` asks.

use std::convert::Infallible;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{StreamExt, stream};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::Value;
use tokio::sync::mpsc;

pub(crate) const CHAT: &str = r#"{"id":"c-1","object":"chat.completion","created":0,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}"#;
pub(crate) const EVENTS: [&str; 4] = [
    "data: {\"id\":\"c-2\",\"object\":\"chat.completion.chunk\",\"created\":0,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n",
    "data: {\"id\":\"c-2\",\"object\":\"chat.completion.chunk\",\"created\":0,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"id\":\"c-2\",\"object\":\"chat.completion.chunk\",\"created\":0,\"model\":\"gpt-4o-mini\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3}}\n\n",
    "data: [DONE]\n\n",
];
/// The same, as it comes where only we asked for the usage: what that adds, and what is left.
pub(crate) const ASKED_EVENTS: [&str; 4] = [
    "data: {\"id\":\"c-3\",\"object\":\"chat.completion.chunk\",\"created\":0,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}],\"usage\":null}\n\n",
    EVENTS[1],
    EVENTS[2],
    EVENTS[3],
];

/// A running server. It ends with the runtime of its test.
pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    gate: mpsc::Sender<&'static str>,
}

/// What it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) body: String,
    pub(crate) content_length: Option<String>,
}

#[derive(Clone)]
struct Shared {
    seen: Arc<Mutex<Vec<Seen>>>,
    gated: Arc<Mutex<Option<mpsc::Receiver<&'static str>>>>,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let (gate, gated) = mpsc::channel(1);
        let shared = Shared { seen: Arc::default(), gated: Arc::new(Mutex::new(Some(gated))) };
        let seen = shared.seen.clone();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(shared);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, seen, gate }
    }

    pub(crate) fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.address.port())
    }

    pub(crate) fn chat(&self) -> String {
        self.url("api.openai.com", "/v1/chat/completions")
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Lets the `gated` answer say the next piece.
    pub(crate) async fn say(&self, piece: &'static str) {
        self.gate.send(piece).await.unwrap();
    }
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let header = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    let count = {
        let mut seen = shared.seen.lock().unwrap();
        seen.push(Seen { body: body.clone(), content_length: header("content-length") });
        seen.len()
    };
    let json = || Response::builder().header("content-type", "application/json");
    let events = || Response::builder().header("content-type", "text/event-stream; charset=utf-8");
    let vector = header("x-vector").map(|line| line.parse::<usize>().unwrap());
    let response = match header("x-answer").as_deref().unwrap_or("chat") {
        "chat" => json().header("x-request-id", "r-1").body(CHAT.into()),
        "gzip" => json().header("content-encoding", "gzip").body(gzip(CHAT).into()),
        "stream" => events().body(pieces(EVENTS)),
        "asked" => events().body(if body.contains("include_usage") { pieces(ASKED_EVENTS) } else { pieces(unasked()) }),
        "asked_gzip" => {
            let text = if body.contains("include_usage") { ASKED_EVENTS.concat() } else { unasked().concat() };
            events().header("content-encoding", "gzip").body(gzip(&text).into())
        }
        "asked_length" => events()
            .body(if body.contains("include_usage") { ASKED_EVENTS.concat() } else { unasked().concat() }.into()),
        "trailers" => events().header("trailer", "x-tail").body(with_trailers()),
        "refused" => json()
            .status(429)
            .body(r#"{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}"#.into()),
        "redirect" => Response::builder().status(303).header("location", "/elsewhere").body(Body::empty()),
        "empty" => Response::builder().status(204).body(Body::empty()),
        "torn" => events().body(torn()),
        "gated" => {
            let mut gated = shared.gated.lock().unwrap().take().unwrap();
            events().body(Body::from_stream(
                stream::poll_fn(move |context| gated.poll_recv(context)).map(Ok::<_, Infallible>),
            ))
        }
        "silent" => std::future::pending().await,
        // The first try is refused.
        "again" if count == 1 => Response::builder().status(503).header("retry-after", "0").body("busy".into()),
        "again" => json().body(CHAT.into()),
        "hostile" => {
            json().header("x-bytes", http::HeaderValue::from_bytes(b"\xff\xfe").unwrap()).body(hostile().into())
        }
        "vector" => {
            let vector = &vectors()[vector.unwrap()];
            let status = u16::try_from(vector["status"].as_u64().unwrap()).unwrap();
            let response = Response::builder().status(status).header("content-type", text(vector, "content_type"));
            response.body(in_sevens(text(vector, "answer")))
        }
        other => panic!("no answer {other:?}"),
    };
    response.unwrap()
}

/// Streams, what is asked, and what is left of the answers.
pub(crate) fn vectors() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/stream_usage.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(crate) fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().unwrap()
}

/// Pieces that end anywhere.
fn in_sevens(text: &str) -> Body {
    let pieces: Vec<_> = text.as_bytes().chunks(7).map(|piece| Ok::<_, Infallible>(piece.to_vec())).collect();
    Body::from_stream(stream::iter(pieces))
}

/// What comes where nobody asks for the usage.
pub(crate) const fn unasked() -> [&'static str; 3] {
    [
        "data: {\"id\":\"c-3\",\"object\":\"chat.completion.chunk\",\"created\":0,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n",
        EVENTS[1],
        EVENTS[3],
    ]
}

fn pieces<const N: usize>(pieces: [&'static str; N]) -> Body {
    Body::from_stream(stream::iter(pieces.map(Ok::<_, Infallible>)))
}

/// Breaks off when the first event is on its way.
fn torn() -> Body {
    let pieces = stream::iter([Ok(EVENTS[0]), Err("torn")]);
    Body::from_stream(pieces.then(|piece| async move {
        tokio::task::yield_now().await;
        piece
    }))
}

fn with_trailers() -> Body {
    let tail = http::HeaderMap::from_iter([("x-tail".parse().unwrap(), "end".parse().unwrap())]);
    let data = EVENTS.map(|event| Frame::data(Bytes::from_static(event.as_bytes())));
    let frames = data.into_iter().chain([Frame::trailers(tail)]);
    Body::new(StreamBody::new(stream::iter(frames.map(Ok::<_, Infallible>).collect::<Vec<_>>())))
}

pub(crate) fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Numbers that are none, nesting without end, bytes that are no text.
pub(crate) fn hostile() -> Vec<u8> {
    let mut body = br#"{"model":["#.repeat(2_000);
    body.extend_from_slice(b"\xff\x00\xc3(");
    body.extend_from_slice(br#"{"usage":{"prompt_tokens":-1e999,"completion_tokens":"18446744073709551616"}}"#);
    body
}
