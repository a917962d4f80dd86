//! Through reqwest with the tap, over HTTP, under the names of the hosts that the recordings came from. TLS is missing, and
//! the port is the server's.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use futures_util::stream;
use llmlab::event::Facts;
use llmlab::transport::reqwest::Tap;
use llmlab::{Llmlab, SinkChoice};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use serde_json::Value;

use crate::expectation::{Figures, faults};
use crate::recording::{asked, body, cases, headers, status, text};

/// How the body comes over the connection, and who decodes it.
#[derive(Clone, Copy, PartialEq)]
enum Coding {
    Plain,
    /// By reqwest, before the tap sees it.
    DecodedByTheClient,
    /// By the application, and by the tap on its own.
    DecodedByNobody,
}

#[tokio::test]
async fn every_recorded_exchange_is_recorded_by_the_tap_and_received_unchanged() {
    let Some(cases) = cases() else { return };
    let cases: Arc<[Value]> = cases.into();
    let mut wrong = vec![Vec::new(); cases.len()];
    for coding in [Coding::Plain, Coding::DecodedByTheClient, Coding::DecodedByNobody] {
        let recorded = replay(&cases, coding).await;
        for (case, wrong) in cases.iter().zip(&mut wrong) {
            let calls = recorded.get(text(case, "id")).map_or(&[][..], Vec::as_slice);
            if calls.len() > 1 {
                wrong.push(format!("{} calls", calls.len()));
            }
            wrong.extend(faults(case, calls.first()));
        }
    }
    let mut figures = Figures::default();
    for (case, wrong) in cases.iter().zip(wrong) {
        figures.add(case, wrong);
    }
    figures.judge();
}

/// What the cases left, by their ids.
async fn replay(cases: &Arc<[Value]>, coding: Coding) -> HashMap<String, Vec<Facts>> {
    let address = serve(Arc::clone(cases), coding).await;
    let home = tempfile::tempdir().unwrap();
    let (sender, batches) = std::sync::mpsc::channel();
    let sink = SinkChoice::function("test", move |batch| sender.send(batch.clone()));
    let lab = Llmlab::builder().home(home.path()).sink(sink).build().unwrap();
    let client = tapped(address, &lab, coding);
    for (at, case) in cases.iter().enumerate() {
        let ask = ask(&client, address, case, at);
        let received = lab.track().tag("case", text(case, "id")).instrument(ask).await;
        let received = if coding == Coding::DecodedByNobody { decoded(&received) } else { received };
        assert!(received == body(case), "{}", text(case, "id"));
    }
    assert_eq!(lab.shutdown(Duration::from_secs(30)).pending, 0);
    let mut recorded = HashMap::<_, Vec<_>>::new();
    for event in batches.try_iter().flat_map(|batch| batch.events) {
        recorded.entry(event.attribution.tags[0].1.clone()).or_default().push(event.facts);
    }
    recorded
}

async fn ask(client: &ClientWithMiddleware, address: SocketAddr, case: &Value, at: usize) -> Vec<u8> {
    let url = text(case, "request_url").replace("<aws_region>", "us-east-1");
    let mut url = reqwest::Url::parse(&url).unwrap();
    url.set_port(Some(address.port())).unwrap();
    // A scheme is changed only for another of its kind, which these are.
    url.set_scheme("http").unwrap();
    let method = text(case, "request_method").parse().unwrap();
    let request = client.request(method, url.clone()).header("x-case", at).body(asked(case));
    let response = request.send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.url()), (status(case), &url));
    response.bytes().await.unwrap().to_vec()
}

fn tapped(address: SocketAddr, lab: &Llmlab, coding: Coding) -> ClientWithMiddleware {
    struct There(SocketAddr);
    impl Resolve for There {
        fn resolve(&self, _: Name) -> Resolving {
            let addresses: Addrs = Box::new([self.0].into_iter());
            Box::pin(async { Ok(addresses) })
        }
    }
    // An application has reqwest with its default features, and with them a provider of cryptography.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).dns_resolver(Arc::new(There(address)));
    let client = client.gzip(coding == Coding::DecodedByTheClient).build().unwrap();
    ClientBuilder::new(client).with(Tap::new(lab)).build()
}

/// A server that answers with the case that the header `x-case` numbers.
async fn serve(cases: Arc<[Value]>, coding: Coding) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(answer).with_state((cases, coding));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

async fn answer(State((cases, coding)): State<(Arc<[Value]>, Coding)>, request: Request) -> Response {
    // A server that answers before it has read would reset the connection.
    let (request, asked) = request.into_parts();
    axum::body::to_bytes(asked, usize::MAX).await.unwrap();
    let at: usize = request.headers["x-case"].to_str().unwrap().parse().unwrap();
    let case = &cases[at];
    let mut response = Response::builder().status(status(case));
    for (name, value) in headers(case) {
        response = response.header(name, value);
    }
    let mut body = body(case);
    if coding != Coding::Plain {
        response = response.header("content-encoding", "gzip");
        body = coded(&body);
    }
    response.body(if case["streaming"] == true { in_pieces(&body) } else { body.into() }).unwrap()
}

fn coded(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// Where a stream was asked for its usage, what is left of it is coded again.
fn decoded(coded: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    MultiGzDecoder::new(coded).read_to_end(&mut body).unwrap();
    body
}

fn in_pieces(body: &[u8]) -> Body {
    let pieces: Vec<_> = body.chunks(97).map(|piece| Ok::<_, Infallible>(Bytes::copy_from_slice(piece))).collect();
    Body::from_stream(stream::iter(pieces))
}
