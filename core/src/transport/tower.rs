//! The tap on any client that is a [`tower`](https://docs.rs/tower) service of HTTP requests.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::HOST;
use http::{Request, Response, Uri};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::engine::Llmlab;
use crate::exchange;
use crate::transport::asking::fit_length;
use crate::transport::body::ObservedBody;
use crate::transport::fault::Fault;
use crate::transport::in_memory;
use crate::transport::observed::{Observed, Tapped};

/// A layer that records what passes a service of HTTP requests.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// # let home = tempfile::tempdir().unwrap();
/// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let url = format!("http://{}/v1/chat/completions", listener.local_addr()?);
/// # let answer = r#"{"model":"gpt-4o-mini","choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":500}}"#;
/// # let router = axum::Router::new().fallback(move || async move { answer });
/// # tokio::spawn(async move { axum::serve(listener, router).await });
/// use http_body_util::{BodyExt, Full};
/// use hyper_util::client::legacy::Client;
/// use hyper_util::rt::TokioExecutor;
/// use llmlab::Llmlab;
/// use llmlab::transport::tower::TapLayer;
/// use tower::{ServiceBuilder, ServiceExt};
///
/// let lab = Llmlab::builder()
/// #   .home(home.path())
///     .build()?;
/// let hyper = Client::builder(TokioExecutor::new()).build_http();
/// let client = ServiceBuilder::new().layer(TapLayer::new(&lab)).service(hyper);
///
/// let body = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi"}]}"#;
/// let request = http::Request::post(url).body(Full::<bytes::Bytes>::from(body))?;
/// let greeting = lab.track().feature("greeting").open();
/// let response = greeting.instrument(client.oneshot(request)).await?;
/// response.into_body().collect().await?;
/// assert_eq!(greeting.cost().unwrap().to_string(), "0.00045");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// It is the innermost layer but for those that only decode or add a host: below what retries, each try is an exchange of
/// its own. The scope is the one in which the service is *called*; the body may be read anywhere, later, and a call is
/// recorded when it is over.
///
/// A request's body is looked at only where it is in memory as a whole: [`Full<Bytes>`](http_body_util::Full), a `String`,
/// or reqwest's. Of any other body nothing is known: the answer tells the model, and no stream is asked for its usage.
#[derive(Clone, Debug)]
pub struct TapLayer {
    lab: Llmlab,
}

impl TapLayer {
    /// A layer whose taps record with this client, or with that of the scope in which a request is made.
    pub fn new(lab: &Llmlab) -> Self {
        Self { lab: lab.clone() }
    }
}

impl<S> Layer<S> for TapLayer {
    type Service = Tap<S>;

    fn layer(&self, inner: S) -> Tap<S> {
        Tap { inner, lab: self.lab.clone() }
    }
}

/// A service that records what passes the one inside: what [`TapLayer`] makes.
#[derive(Clone, Debug)]
pub struct Tap<S> {
    inner: S,
    lab: Llmlab,
}

impl<S, B, R> Service<Request<B>> for Tap<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: 'static,
    B: 'static,
    R: Body,
{
    type Response = Response<ObservedBody<R>>;
    type Error = S::Error;
    type Future = ObservedAnswer<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let open = begin(&self.lab, &mut request);
        ObservedAnswer { inner: self.inner.call(request), open }
    }
}

fn begin<B: 'static>(lab: &Llmlab, request: &mut Request<B>) -> Option<Box<Observed>> {
    if request.extensions().get::<Tapped>().is_some() {
        return None;
    }
    let url = absolute(request)?;
    if !exchange::concerns(request.method().as_str(), &url) {
        return None;
    }
    let body = in_memory::bytes(request.body()).unwrap_or_default();
    let seen = exchange::Request { method: request.method().as_str(), url: &url, body: &body };
    let mut open = Observed::begin(lab, &seen, request.headers())?;
    if let Some(body) = open.body_to_send(&body, request.headers()) {
        fit_length(request.headers_mut(), body.len());
        in_memory::replace(request.body_mut(), body.into());
    }
    request.extensions_mut().insert(Tapped);
    Some(open)
}

/// Some services add scheme and host below: the header tells the host.
fn absolute<B>(request: &Request<B>) -> Option<String> {
    let uri: &Uri = request.uri();
    if uri.authority().is_some() {
        return Some(uri.to_string());
    }
    let host = request.headers().get(HOST)?.to_str().ok()?;
    Some(format!("https://{host}{uri}"))
}

pin_project! {
    /// An answer that is awaited. Who drops it cancels the call.
    pub struct ObservedAnswer<F> {
        #[pin]
        inner: F,
        open: Option<Box<Observed>>,
    }
}

impl<F, R, E> Future for ObservedAnswer<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
    E: 'static,
{
    type Output = Result<Response<ObservedBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.inner.poll(context));
        let open = this.open.take();
        Poll::Ready(match answer {
            Ok(mut response) => {
                let open = open.and_then(|open| open.answered(response.status(), response.headers_mut()));
                Ok(response.map(|body| ObservedBody::new(body, open)))
            }
            Err(error) => {
                if let Some(open) = open {
                    open.failed(Fault::of(&error as &dyn Any));
                }
                Err(error)
            }
        })
    }
}
