use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use flate2::read::GzDecoder;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;
use crate::sink::Secret;

const PATIENT: Limits = Limits { connect: Duration::from_secs(20), total: Duration::from_secs(20) };

/// What a server read of one request, and on the how-manieth connection.
pub(crate) struct Seen {
    connection: usize,
    pub(crate) head: String,
    body: Vec<u8>,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// A server on this machine that answers with the given bytes, one after the other, and drops the connection where
/// there are none left. `wrap` makes the stream of a connection.
pub(crate) fn serve<S: Read + Write>(
    answers: &[&str],
    wrap: impl Fn(TcpStream) -> S + Send + 'static,
) -> (u16, Receiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut answers: Vec<String> = answers.iter().rev().map(ToString::to_string).collect();
    let (seen, reader) = mpsc::channel();
    thread::Builder::new()
        .spawn(move || {
            for connection in 0..2 {
                let mut stream = wrap(listener.accept().unwrap().0);
                while let Some((head, body)) = request(&mut stream) {
                    let _ = seen.send(Seen { connection, head, body });
                    let Some(answer) = answers.pop() else { break };
                    stream.write_all(answer.as_bytes()).unwrap();
                    stream.flush().unwrap();
                    if answer.contains("connection: close") {
                        break;
                    }
                }
            }
        })
        .unwrap();
    (port, reader)
}

fn plain(answers: &[&str]) -> (u16, Receiver<Seen>) {
    serve(answers, |stream| stream)
}

fn request(stream: &mut impl Read) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn endpoint() -> Endpoint {
    Endpoint { url: String::new(), headers: Vec::new(), api_key: None, ca_file: None }
}

fn direct(endpoint: &Endpoint, limits: Limits) -> Http {
    Http::with(endpoint, limits, ClientBuilder::no_proxy).unwrap()
}

fn message(port: u16) -> Message {
    Message {
        url: format!("http://127.0.0.1:{port}/v1"),
        headers: vec![("content-type", "application/json".to_owned())],
        body: br#"{"secret":"canary"}"#.to_vec(),
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn one_connection_serves_one_request_after_the_other() {
    let (port, seen) = plain(&["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab", "HTTP/1.1 204 No Content\r\n\r\n"]);
    let endpoint = Endpoint {
        api_key: Some(Secret("k1".to_owned())),
        headers: vec![("x-team".to_owned(), Secret("search".to_owned()))],
        ..endpoint()
    };
    let http = direct(&endpoint, PATIENT);
    run(async {
        let first = http.send(&message(port), true).await.unwrap();
        assert_eq!((first.status, first.body.as_slice()), (200, b"ab".as_slice()));
        assert_eq!(http.send(&message(port), false).await.unwrap().status, 204);
    });
    let (first, second) = (seen.recv().unwrap(), seen.recv().unwrap());
    assert_eq!((first.connection, second.connection), (0, 0));
    assert!(first.head.starts_with("POST /v1 HTTP/1.1\r\n"), "{}", first.head);
    assert_eq!(first.header("authorization"), Some("Bearer k1"));
    assert_eq!(first.header("x-team"), Some("search"));
    assert_eq!(first.header("content-type"), Some("application/json"));
    assert_eq!(first.header("user-agent"), Some(concat!("llmlab/", env!("CARGO_PKG_VERSION"))));
    assert_eq!((first.header("content-encoding"), second.header("content-encoding")), (Some("gzip"), None));
    let mut unpacked = Vec::new();
    GzDecoder::new(first.body.as_slice()).read_to_end(&mut unpacked).unwrap();
    assert_eq!((unpacked, second.body), (message(port).body, message(port).body));
}

#[test]
fn a_redirect_is_an_answer_and_is_not_followed() {
    let (port, seen) = plain(&["HTTP/1.1 307 T\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"]);
    let answer = run(direct(&endpoint(), PATIENT).send(&message(port), true)).unwrap();
    assert_eq!(answer.status, 307);
    assert!(seen.recv().is_ok());
    assert!(seen.try_recv().is_err());
}

#[test]
fn retry_after_comes_along_with_the_status() {
    let (port, _seen) = plain(&["HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n"]);
    let answer = run(direct(&endpoint(), PATIENT).send(&message(port), true)).unwrap();
    assert_eq!((answer.status, answer.retry_after.as_deref()), (429, Some("7")));
}

#[test]
fn a_receipt_that_breaks_off_is_no_answer() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\n{\"b",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n5\r\n{\"bat\r\n",
        "HTTP/1.1 200 OK\r\nconnection: close",
        "not http at all, connection: close\r\n\r\n",
    ] {
        let (port, _seen) = plain(&[answer]);
        let failure = run(direct(&endpoint(), PATIENT).send(&message(port), true)).unwrap_err();
        assert!(matches!(failure, Failure::Transient(_)), "{answer:?}: {failure:?}");
    }
}

// Sabotage: a body that is taken for whole where the connection ends.
#[test]
fn a_receipt_that_breaks_off_at_any_byte_is_no_answer() {
    const ANSWER: &str =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 14\r\n\r\n{\"stored\":100}";
    for bytes in 0..ANSWER.len() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let answering = move || {
            let mut stream = listener.accept().unwrap().0;
            request(&mut stream).unwrap();
            stream.write_all(&ANSWER.as_bytes()[..bytes]).unwrap();
        };
        let answering = thread::Builder::new().spawn(answering).unwrap();
        let failure = run(direct(&endpoint(), PATIENT).send(&message(port), true)).unwrap_err();
        assert!(matches!(failure, Failure::Transient(_)), "{bytes}: {failure:?}");
        answering.join().unwrap();
    }
}

#[test]
fn a_refusal_counts_even_if_its_page_breaks_off() {
    let (port, _seen) = plain(&["HTTP/1.1 413 Big\r\ncontent-length: 999\r\nconnection: close\r\n\r\n<html>"]);
    let answer = run(direct(&endpoint(), PATIENT).send(&message(port), true)).unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (413, b"<html>".as_slice()));
}

#[test]
fn a_server_that_quotes_the_key_does_not_get_it_into_our_messages() {
    let (port, _seen) = plain(&["HTTP/1.1 403 No\r\ncontent-length: 29\r\n\r\nBearer key-1234 is not known."]);
    let endpoint = Endpoint { api_key: Some(Secret("key-1234".to_owned())), ..endpoint() };
    let answer = run(direct(&endpoint, PATIENT).send(&message(port), true)).unwrap();
    assert_eq!(answer.body, b"Bearer *** is not known.");
}

#[test]
fn an_answer_without_end_is_cut_at_one_mebibyte() {
    let longest = "x".repeat(MAX_ANSWER_BYTES);
    let of = |body: &str| format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let (port, _seen) = plain(&[&of(&longest), &of(&format!("{longest}x"))]);
    let http = direct(&endpoint(), PATIENT);
    run(async {
        assert_eq!(http.send(&message(port), true).await.unwrap().body.len(), MAX_ANSWER_BYTES);
        let failure = http.send(&message(port), true).await.unwrap_err();
        assert_eq!(failure, Failure::Transient("answer too long".to_owned()));
    });
}

#[test]
fn a_server_that_is_silent_is_given_up_after_the_time_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let http = direct(&endpoint(), Limits { total: Duration::from_millis(30), ..PATIENT });
    let failure = run(http.send(&message(port), true)).unwrap_err();
    assert!(matches!(&failure, Failure::Transient(said) if said.contains("timed out")), "{failure:?}");
}

#[test]
fn a_refused_connection_is_worth_another_try_and_the_address_is_not_told() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let failure = run(direct(&endpoint(), PATIENT).send(&message(port), true)).unwrap_err();
    let Failure::Transient(said) = failure else { panic!("{failure:?}") };
    assert!(said.to_lowercase().contains("refused") && !said.contains("/v1"), "{said}");
}

#[test]
fn an_address_that_is_none_is_refused_for_good() {
    let nonsense = Message { url: "no address".to_owned(), ..message(0) };
    let failure = run(direct(&endpoint(), PATIENT).send(&nonsense, true)).unwrap_err();
    assert!(matches!(failure, Failure::Refused(_)), "{failure:?}");
}

#[test]
fn a_proxy_is_asked_in_the_place_of_the_server() {
    let (port, seen) = plain(&["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]);
    let proxy = reqwest::Proxy::all(format!("http://user:word@127.0.0.1:{port}")).unwrap();
    let http = Http::with(&endpoint(), PATIENT, |client| client.proxy(proxy)).unwrap();
    let message = Message { url: "http://backend.invalid/v1".to_owned(), ..message(0) };
    assert_eq!(run(http.send(&message, true)).unwrap().status, 200);
    let seen = seen.recv().unwrap();
    assert!(seen.head.starts_with("POST http://backend.invalid/v1 HTTP/1.1\r\n"), "{}", seen.head);
    assert_eq!(seen.header("proxy-authorization"), Some("Basic dXNlcjp3b3Jk"));
}

#[test]
fn a_proxy_that_refuses_the_tunnel_is_worth_another_try_and_its_password_is_not_told() {
    let (port, seen) = plain(&["HTTP/1.1 407 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"]);
    let proxy = reqwest::Proxy::all(format!("http://user:word@127.0.0.1:{port}")).unwrap();
    let http = Http::with(&endpoint(), PATIENT, |client| client.proxy(proxy)).unwrap();
    let message = Message { url: "https://backend.invalid/v1".to_owned(), ..message(0) };
    let failure = run(http.send(&message, true)).unwrap_err();
    assert!(matches!(&failure, Failure::Transient(said) if !said.contains("word")), "{failure:?}");
    assert!(seen.recv().unwrap().head.starts_with("CONNECT backend.invalid:443 "));
}

/// An authority of our own, and what a server needs that it vouches for under the given name, to the end of a year.
pub(crate) fn authority(folder: &Path, name: &str, last_year: i32) -> (PathBuf, Arc<ServerConfig>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer_key = KeyPair::generate().unwrap();
    let ca_file = folder.join(format!("{name}-{last_year}.pem"));
    fs::write(&ca_file, params.self_signed(&issuer_key).unwrap().pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new([name.to_owned()]).unwrap();
    leaf.not_after = rcgen::date_time_ymd(last_year, 12, 31);
    let leaf = leaf.signed_by(&key, &Issuer::new(params, issuer_key)).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    (ca_file, Arc::new(config))
}

fn encrypted(config: Arc<ServerConfig>) -> (u16, Receiver<Seen>) {
    serve(&["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"], encryption(config))
}

pub(crate) fn encryption(config: Arc<ServerConfig>) -> impl Fn(TcpStream) -> StreamOwned<ServerConnection, TcpStream> {
    move |stream| StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream)
}

#[test]
fn an_authority_of_ones_own_is_trusted_by_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let (ca_file, config) = authority(folder.path(), "localhost", 4000);
    let (port, _seen) = encrypted(config);
    let http = direct(&Endpoint { ca_file: Some(ca_file), ..endpoint() }, PATIENT);
    let message = Message { url: format!("https://localhost:{port}/v1"), ..message(0) };
    assert_eq!(run(http.send(&message, true)).unwrap().status, 200);
}

#[test]
fn no_byte_of_a_request_goes_to_a_server_whose_certificate_does_not_hold() {
    let folder = tempfile::tempdir().unwrap();
    let trusting = |ca_file| Endpoint { ca_file: Some(ca_file), ..endpoint() };
    let (_, of_nobody) = authority(folder.path(), "localhost", 4000);
    let (elsewhere, of_elsewhere) = authority(folder.path(), "elsewhere.example", 4000);
    let (expired, of_expired) = authority(folder.path(), "localhost", 2001);
    for (endpoint, config, reason) in [
        (endpoint(), of_nobody, "UnknownIssuer"),
        (trusting(elsewhere), of_elsewhere, "not valid for name"),
        (trusting(expired), of_expired, "expired"),
    ] {
        let (port, seen) = encrypted(config);
        let message = Message { url: format!("https://localhost:{port}/v1"), ..message(0) };
        let failure = run(direct(&endpoint, PATIENT).send(&message, true)).unwrap_err();
        assert!(matches!(&failure, Failure::Refused(said) if said.contains(reason)), "{failure:?}");
        assert!(seen.try_recv().is_err());
    }
}

#[test]
fn a_server_without_encryption_where_some_is_expected_gets_nothing_but_a_greeting() {
    let (port, seen) = serve(&[], |mut stream: TcpStream| {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").unwrap();
        stream
    });
    let message = Message { url: format!("https://localhost:{port}/v1"), ..message(0) };
    let failure = run(direct(&endpoint(), PATIENT).send(&message, true)).unwrap_err();
    assert!(matches!(failure, Failure::Transient(_)), "{failure:?}");
    assert!(seen.try_recv().is_err());
}

#[test]
fn what_cannot_be_used_is_named_without_its_secret() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    let header =
        |name: &str, value: &str| Endpoint { headers: vec![(name.to_owned(), Secret(value.to_owned()))], ..endpoint() };
    for (endpoint, named) in [
        (Endpoint { ca_file: Some(folder.path().join("none.pem")), ..endpoint() }, "none.pem"),
        (Endpoint { ca_file: Some(empty), ..endpoint() }, "empty.pem"),
        (header("x y", "canary"), "x y"),
        (header("x-key", "can\nary"), "x-key"),
        (Endpoint { api_key: Some(Secret("can\nary".to_owned())), ..endpoint() }, "authorization"),
    ] {
        let error = Http::new(&endpoint).map(|_| ()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidConfig);
        assert!(error.to_string().contains(named) && !error.to_string().contains("ary"), "{error}");
    }
}
