//! The tap on [`reqwest`](https://docs.rs/reqwest), as a [`reqwest_middleware::Middleware`].

use async_trait::async_trait;
use http::{Extensions, Response as HttpResponse};
use reqwest::{Body, Request, Response, ResponseBuilderExt};
use reqwest_middleware::{Error, Middleware, Next, Result};

use crate::engine::Llmlab;
use crate::exchange;
use crate::transport::asking::fit_length;
use crate::transport::body::ObservedBody;
use crate::transport::fault::Fault;
use crate::transport::observed::{Observed, Tapped};

/// A middleware that records what passes a client.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// # let _ = rustls::crypto::ring::default_provider().install_default();
/// # let home = tempfile::tempdir().unwrap();
/// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let url = format!("http://{}/v1/chat/completions", listener.local_addr()?);
/// # let answer = r#"{"model":"gpt-4o-mini","choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":500}}"#;
/// # let router = axum::Router::new().fallback(move || async move { answer });
/// # tokio::spawn(async move { axum::serve(listener, router).await });
/// use llmlab::Llmlab;
/// use llmlab::transport::reqwest::Tap;
/// use reqwest_middleware::ClientBuilder;
///
/// let lab = Llmlab::builder()
/// #   .home(home.path())
///     .build()?;
/// let client = ClientBuilder::new(reqwest::Client::new()).with(Tap::new(&lab)).build();
///
/// let body = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi"}]}"#;
/// let greeting = lab.track().feature("greeting").open();
/// let answer = greeting.instrument(client.post(url).body(body).send()).await?;
/// assert!(answer.text().await?.starts_with(r#"{"model":"gpt-4o-mini""#));
/// assert_eq!(greeting.cost().unwrap().to_string(), "0.00045");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// It is given to the builder last, behind what retries: each try is an exchange of its own then. The scope is the one in
/// which the request is *sent*; the body may be read anywhere, later, and a call is recorded when it is over.
///
/// A response keeps all that it had, its URL, its peer and its extensions among them. An error of its body has two more
/// sources on its way to the same cause, because reqwest wraps the errors of every body that it is given.
#[derive(Clone, Debug)]
pub struct Tap {
    lab: Llmlab,
}

impl Tap {
    /// A tap that records with this client, or with that of the scope in which a request is made.
    pub fn new(lab: &Llmlab) -> Self {
        Self { lab: lab.clone() }
    }
}

#[async_trait]
impl Middleware for Tap {
    async fn handle(&self, mut request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
        if extensions.get::<Tapped>().is_some() {
            return next.run(request, extensions).await;
        }
        let body = request.body().and_then(Body::as_bytes).unwrap_or_default();
        let seen = exchange::Request { method: request.method().as_str(), url: request.url().as_str(), body };
        let Some(mut open) = Observed::begin(&self.lab, &seen, request.headers()) else {
            return next.run(request, extensions).await;
        };
        if let Some(body) = open.body_to_send(body, request.headers()) {
            fit_length(request.headers_mut(), body.len());
            *request.body_mut() = Some(body.into());
        }
        let marked = Marked::new(extensions);
        let answer = next.run(request, marked.0).await;
        drop(marked);
        match answer {
            Ok(response) => Ok(observed(open, response)),
            Err(error) => {
                open.failed(match &error {
                    Error::Reqwest(error) => Fault::of_error(error),
                    Error::Middleware(error) => Fault::of_error(error.as_ref()),
                });
                Err(error)
            }
        }
    }
}

/// The mark of a request in the extensions, while it is under way: who tries again, also after a try that was dropped, does so
/// with the same extensions.
struct Marked<'a>(&'a mut Extensions);

impl<'a> Marked<'a> {
    fn new(extensions: &'a mut Extensions) -> Self {
        extensions.insert(Tapped);
        Self(extensions)
    }
}

impl Drop for Marked<'_> {
    fn drop(&mut self) {
        self.0.remove::<Tapped>();
    }
}

/// The same response, whose body is observed while the application reads it. Where reqwest decodes the body, it has taken
/// the coding out of the headers, and what is seen is decoded as well.
fn observed(open: Box<Observed>, mut response: Response) -> Response {
    let Some(open) = open.answered(response.status(), response.headers_mut()) else { return response };
    // The way to a body and back leaves the URL behind.
    let mut url = HttpResponse::builder().url(response.url().clone());
    let mut response = HttpResponse::<Body>::from(response);
    if let Some(url) = url.extensions_mut() {
        response.extensions_mut().extend(std::mem::take(url));
    }
    response.map(|body| Body::wrap(ObservedBody::new(body, Some(open)))).into()
}
