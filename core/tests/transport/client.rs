//! HTTP clients, bare and tapped, that find every host at one address; and what an application receives from them.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use http::{HeaderMap, Method, Request, Response, Version};
use http_body::Body;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use llmlab::Llmlab;
use llmlab::transport;
use reqwest::dns::{Addrs, Resolve, Resolving};
use reqwest_middleware::ClientWithMiddleware;
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt, service_fn};

pub(crate) type Boxed = Box<dyn Error + Send + Sync>;
type Service = BoxCloneSyncService<Request<Full<Bytes>>, Response<UnsyncBoxBody<Bytes, Boxed>>, Boxed>;

/// One of the clients that can be tapped.
#[derive(Clone)]
pub(crate) enum Client {
    Reqwest(ClientWithMiddleware),
    Hyper(Service),
}

/// What an application can see of an answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) exact_bytes: Option<u64>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) error: Option<String>,
}

/// Both clients; tapped, if there is a lab.
pub(crate) fn clients(address: SocketAddr, lab: Option<&Llmlab>) -> [Client; 2] {
    let reqwest = reqwest_at(address).no_gzip().build().unwrap();
    [Client::Reqwest(tapped(reqwest, lab)), Client::Hyper(hyper_at(address, lab))]
}

/// Every host is there, whatever its name.
pub(crate) fn reqwest_at(address: SocketAddr) -> reqwest::ClientBuilder {
    struct There(SocketAddr);
    impl Resolve for There {
        fn resolve(&self, _: reqwest::dns::Name) -> Resolving {
            let addresses: Addrs = Box::new([self.0].into_iter());
            Box::pin(async { Ok(addresses) })
        }
    }
    // An application has reqwest with its default features, and with them a provider of cryptography.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().dns_resolver(Arc::new(There(address)));
    // No certificate of the world is needed here, and reading them takes longer than a test.
    client.tls_certs_only([]).redirect(reqwest::redirect::Policy::none())
}

pub(crate) fn tapped(client: reqwest::Client, lab: Option<&Llmlab>) -> ClientWithMiddleware {
    let builder = reqwest_middleware::ClientBuilder::new(client);
    match lab {
        Some(lab) => builder.with(transport::reqwest::Tap::new(lab)).build(),
        None => builder.build(),
    }
}

fn hyper_at(address: SocketAddr, lab: Option<&Llmlab>) -> Service {
    let there = service_fn(move |_: Name| async move { Ok::<_, std::io::Error>([address].into_iter()) });
    let client = legacy::Client::builder(TokioExecutor::new()).build(HttpConnector::new_with_resolver(there));
    match lab {
        Some(lab) => boxed(ServiceBuilder::new().layer(transport::tower::TapLayer::new(lab)).service(client)),
        None => boxed(client),
    }
}

/// Any service of this kind, with one type for its body and one for its errors.
pub(crate) fn boxed<S, B>(service: S) -> Service
where
    S: tower::Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Error: Into<Boxed>,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Boxed>,
{
    let same = |response: Response<B>| response.map(|body| body.map_err(Into::into).boxed_unsync());
    BoxCloneSyncService::new(service.map_response(same).map_err(Into::into))
}

pub(crate) fn post(url: &str, answer: &str, body: &str) -> Request<Full<Bytes>> {
    let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
    let request = Request::builder().method(Method::POST).uri(url).header("x-answer", answer);
    request.header("content-type", "application/json").body(body).unwrap()
}

impl Client {
    /// The head of the answer, and a body that is still to be read.
    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<UnsyncBoxBody<Bytes, Boxed>>, Boxed> {
        match self {
            Self::Hyper(service) => service.clone().oneshot(request).await,
            Self::Reqwest(client) => {
                let (parts, body) = request.into_parts();
                let body = body.collect().await?.to_bytes();
                let request = client.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body);
                let response = Response::<reqwest::Body>::from(request.send().await?);
                Ok(response.map(|body| body.map_err(Into::into).boxed_unsync()))
            }
        }
    }

    /// All of it.
    pub(crate) async fn receive(&self, request: Request<Full<Bytes>>) -> Received {
        read(self.send(request).await.unwrap()).await
    }
}

pub(crate) async fn read(response: Response<UnsyncBoxBody<Bytes, Boxed>>) -> Received {
    let (parts, mut body) = response.into_parts();
    let mut headers = parts.headers;
    headers.remove("date");
    let mut received = Received {
        status: parts.status.as_u16(),
        version: parts.version,
        headers,
        exact_bytes: body.size_hint().exact(),
        body: Vec::new(),
        trailers: None,
        error: None,
    };
    while let Some(frame) = body.frame().await {
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(data)) => received.body.extend_from_slice(&data),
            Ok(Err(frame)) => received.trailers = frame.into_trailers().ok(),
            Err(error) => received.error = Some(error.to_string()),
        }
    }
    received
}
