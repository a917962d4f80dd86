//! One request to a server, and what came of it. The client keeps one connection alive; nothing here is ever retried.

#[cfg(not(feature = "https"))]
mod no_tls;
#[cfg(feature = "https")]
mod tls;

use std::error::Error as _;
use std::net::IpAddr;
use std::time::Duration;

use flate2::{Compress, CompressError, Compression, FlushCompress, Status};
use memchr::memmem;
use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Response, Url, redirect};

use crate::error::{Error, ErrorCode, Result};
#[cfg(not(feature = "https"))]
use crate::http::no_tls as tls;
use crate::lock::Lock;
use crate::sink::{Answer, Endpoint, Failure, Message};

/// More than any receipt takes; what is longer is no answer of ours.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// Shorter than what servers commonly allow, so that an idle connection is rarely found closed by the other side.
const IDLE: Duration = Duration::from_secs(15);

/// The value of a header that is shorter (a version, a flag) is no secret.
const MIN_SECRET_BYTES: usize = 8;

/// How long a server may take.
#[derive(Clone, Copy)]
struct Limits {
    connect: Duration,
    /// For everything, from the connection to the last byte of the answer.
    total: Duration,
}

/// A price list takes longer than an answer.
const DOWNLOAD_LIMITS: Limits = Limits { connect: Duration::from_secs(10), total: Duration::from_secs(60) };
const LIMITS: Limits = Limits { connect: Duration::from_secs(3), total: Duration::from_secs(15) };

/// A client of one endpoint. Needs a tokio runtime with its I/O and time drivers around [`Http::send`]. Without the feature
/// `https` it speaks `http` only, and the configuration takes no other address.
///
/// Proxies are those of the system (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`); a server on this machine is
/// reached without one. No variable turns the verification of certificates off.
pub struct Http {
    client: Client,
    compress: Lock<Compress>,
    secrets: Vec<String>,
}

impl Http {
    /// # Errors
    /// [`ErrorCode::InvalidConfig`] where the file of certificate authorities or a header cannot be used.
    pub fn new(endpoint: &Endpoint) -> Result<Self> {
        Self::with(endpoint, LIMITS, |client| client)
    }

    /// For [`Http::get`], with more time.
    ///
    /// # Errors
    /// As [`Http::new`].
    pub(crate) fn for_downloads(endpoint: &Endpoint) -> Result<Self> {
        Self::with(endpoint, DOWNLOAD_LIMITS, |client| client)
    }

    /// To servers on this machine, whatever proxies surround the test.
    #[cfg(test)]
    pub(crate) fn direct(endpoint: &Endpoint) -> Self {
        Self::with(endpoint, LIMITS, ClientBuilder::no_proxy).unwrap()
    }

    /// The same, with so much time for everything.
    #[cfg(test)]
    pub(crate) fn hasty(endpoint: &Endpoint, total: Duration) -> Self {
        Self::with(endpoint, Limits { connect: total, total }, ClientBuilder::no_proxy).unwrap()
    }

    fn with(endpoint: &Endpoint, limits: Limits, adjust: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<Self> {
        let client = tls::equipped(Client::builder(), endpoint.ca_file.as_deref())?
            .default_headers(headers(endpoint)?)
            .user_agent(concat!("llmlab/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .http1_only()
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(IDLE)
            .connect_timeout(limits.connect)
            .timeout(limits.total);
        let is_near = Url::parse(&endpoint.url).is_ok_and(|url| url.host_str().is_some_and(is_this_machine));
        let client = if is_near { client.no_proxy() } else { client };
        let client = adjust(client).build();
        let client = client.map_err(|cause| unusable("the HTTP client cannot be made").caused_by(cause))?;
        let given = endpoint.api_key.iter().chain(endpoint.headers.iter().map(|(_, value)| value));
        let secrets = given.map(|secret| secret.0.clone()).filter(|secret| secret.len() >= MIN_SECRET_BYTES);
        // The fastest level: bodies are many times smaller already, and every event pays for it.
        let compress = Lock::new(Compress::new(Compression::fast(), false));
        Ok(Self { client, compress, secrets: secrets.collect() })
    }

    /// Posts a message once. Dropping the future gives the request up.
    ///
    /// # Errors
    /// A [`Failure`] where no whole answer came, whatever its status would have been.
    pub async fn send(&self, message: &Message, compressed: bool) -> std::result::Result<Answer, Failure> {
        let mut request = self.client.post(&message.url);
        for (name, value) in &message.headers {
            request = request.header(*name, value);
        }
        request = if compressed {
            let body = gzip(&mut self.compress.lock(), &message.body)
                .map_err(|error| Failure::Transient(error.to_string()))?;
            request.header(CONTENT_ENCODING, "gzip").body(body)
        } else {
            request.body(message.body.clone())
        };
        let mut answer = answer(request.send().await.map_err(failure)?, MAX_ANSWER_BYTES).await?;
        if !(200..300).contains(&answer.status) {
            self.redact(&mut answer.body);
        }
        Ok(answer)
    }

    /// Asks for what is at an address, once. What is longer than `max_bytes` is a [`Failure`].
    ///
    /// # Errors
    /// As [`Http::send`].
    pub(crate) async fn get(&self, url: &str, max_bytes: usize) -> std::result::Result<Answer, Failure> {
        answer(self.client.get(url).send().await.map_err(failure)?, max_bytes).await
    }

    /// What a server refuses is quoted in files and warnings, and some quote the request.
    fn redact(&self, body: &mut Vec<u8>) {
        for secret in &self.secrets {
            let mut from = 0;
            while let Some(at) = memmem::find(&body[from..], secret.as_bytes()) {
                body.splice(from + at..from + at + secret.len(), *b"***");
                from += at + 3;
            }
        }
    }
}

/// A proxy elsewhere would look for this machine at its own.
pub(crate) fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

async fn answer(mut response: Response, max_bytes: usize) -> std::result::Result<Answer, Failure> {
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= max_bytes => body.extend_from_slice(&chunk),
            Ok(None) => break,
            // What a server refuses, its status says; the body is for people.
            _ if !status.is_success() => break,
            Ok(Some(_)) => return Err(Failure::Transient("answer too long".to_owned())),
            Err(error) => return Err(failure(error)),
        }
    }
    Ok(Answer { status: status.as_u16(), retry_after, body })
}

/// One file of RFC 1952. The tables are those of the last body: making them anew takes longer than an ordinary body.
fn gzip(compress: &mut Compress, body: &[u8]) -> std::result::Result<Vec<u8>, CompressError> {
    /// Deflated; no name, no time, no system.
    const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    compress.reset();
    let mut file = Vec::with_capacity(body.len() / 4 + 64);
    file.extend_from_slice(&HEAD);
    loop {
        let rest = usize::try_from(compress.total_in()).ok().and_then(|read| body.get(read..)).unwrap_or_default();
        if compress.compress_vec(rest, &mut file, FlushCompress::Finish)? == Status::StreamEnd {
            break;
        }
        file.reserve(file.capacity());
    }
    file.extend_from_slice(&crc32fast::hash(body).to_le_bytes());
    // By the format, its length modulo 2³².
    file.extend_from_slice(&body.len().to_le_bytes()[..4]);
    Ok(file)
}

/// The key and the headers of the configuration; a message's own headers come before them.
fn headers(endpoint: &Endpoint) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    let bearer = endpoint.api_key.as_ref().map(|key| ("authorization", format!("Bearer {}", key.0)));
    let given = endpoint.headers.iter().map(|(name, value)| (name.as_str(), value.0.clone()));
    for (name, value) in bearer.into_iter().chain(given) {
        let known = HeaderName::from_bytes(name.as_bytes());
        let known = known.map_err(|cause| unusable(format!("{name:?} is no name of a header")).caused_by(cause))?;
        // The text of the value is left out of the message: it may be a key.
        let mut value = HeaderValue::from_str(&value)
            .map_err(|_| unusable(format!("the value of the header {name} holds what no header may hold")))?;
        value.set_sensitive(true);
        headers.insert(known, value);
    }
    Ok(headers)
}

fn unusable(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidConfig, message)
}

/// Without the address, which the user may have given a key.
fn failure(error: reqwest::Error) -> Failure {
    let is_final = error.is_builder() || tls::is_refused_certificate(&error);
    let error = error.without_url();
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        cause = next.source();
    }
    if is_final { Failure::Refused(said) } else { Failure::Transient(said) }
}

#[cfg(test)]
pub(crate) mod tests;
