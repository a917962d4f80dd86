//! The backend: a server, and the protocol that it speaks.

use std::path::PathBuf;

use reqwest::header::{HeaderName, HeaderValue};
use serde_json::Value;

use crate::config::fields::Fields;
use crate::config::{address, invalid};
use crate::error::{Error, Result};
use crate::sink::{Endpoint, Secret, SinkSettings};

/// How a backend is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// docs/protocol.md: batches, with a receipt for every event.
    #[default]
    Llmlab,
    /// `POST /api/track`, one event a request.
    Track,
    /// `POST /api/events/track`, one event a request.
    EventsTrack,
    /// Whole traces, put together from the ledger.
    Traces,
}

impl Protocol {
    const ALL: [Self; 4] = [Self::Llmlab, Self::Track, Self::EventsTrack, Self::Traces];

    /// The word in configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Llmlab => "llmlab",
            Self::Track => "track",
            Self::EventsTrack => "events_track",
            Self::Traces => "traces",
        }
    }
}

/// A server that takes events, as the option `backend` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    endpoint: Endpoint,
    protocol: Protocol,
}

impl Backend {
    /// The backend at an address.
    ///
    /// # Errors
    /// [`crate::ErrorCode::InvalidConfig`] for what is no address, for `http` to another machine, and for `https` without the
    /// feature of this name.
    pub fn new(url: &str, protocol: Protocol) -> Result<Self> {
        Self::at("backend", url, protocol)
    }

    /// A further header of every request, such as that of a proxy. The key of the backend is not among them.
    ///
    /// # Errors
    /// [`crate::ErrorCode::InvalidConfig`] for what no header may be. The value is not shown: it may be a key.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Result<Self> {
        self.endpoint.headers.push(header("headers of backend", name, value.into())?);
        Ok(self)
    }

    /// A PEM file of certificate authorities that are trusted instead of the bundled ones.
    #[must_use]
    pub fn ca_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.endpoint.ca_file = Some(file.into());
        self
    }

    pub(super) fn at(option: &str, url: &str, protocol: Protocol) -> Result<Self> {
        let url = address::checked(option, url, false)?;
        Ok(Self { endpoint: Endpoint { url, headers: Vec::new(), api_key: None, ca_file: None }, protocol })
    }

    pub(super) fn from_json(value: &Value) -> Result<Self> {
        match value {
            Value::String(url) => Self::new(url, Protocol::default()),
            Value::Object(members) => {
                let known = ["url", "protocol", "headers", "ca_file", "allow_insecure"];
                let fields = Fields::new("backend", members, &known)?;
                let protocol = fields.text("protocol")?.map(|word| protocol_of(&word)).transpose()?;
                Ok(Self { endpoint: endpoint(fields)?, protocol: protocol.unwrap_or_default() })
            }
            other => Err(invalid(format!("backend must be an address or an object with one, got {other}"))),
        }
    }

    /// The sink that it is, once the key is known.
    pub(super) fn into_sink(self, api_key: Option<Secret>) -> SinkSettings {
        let endpoint = Endpoint { api_key, ..self.endpoint };
        match self.protocol {
            Protocol::Llmlab => SinkSettings::Llmlab(endpoint),
            Protocol::Track => SinkSettings::Track(endpoint, "/api/track"),
            Protocol::EventsTrack => SinkSettings::Track(endpoint, "/api/events/track"),
            Protocol::Traces => SinkSettings::Traces(endpoint),
        }
    }
}

/// The backend at an address that speaks the default protocol.
impl TryFrom<&str> for Backend {
    type Error = Error;

    fn try_from(url: &str) -> Result<Self> {
        Self::new(url, Protocol::default())
    }
}

/// The backend at an address that speaks the default protocol.
impl TryFrom<String> for Backend {
    type Error = Error;

    fn try_from(url: String) -> Result<Self> {
        Self::new(&url, Protocol::default())
    }
}

/// Where a price list is: an address, or an object with `url`, `headers` and `ca_file`. Always `https`, but for this
/// machine: whoever reads along could tell who uses which prices.
pub(super) fn list_endpoint(option: &str, value: &Value) -> Result<Endpoint> {
    match value {
        Value::String(url) => price_list(option, url, None),
        Value::Object(members) => {
            endpoint_at(Fields::new(option, members, &["url", "headers", "ca_file"])?, address::encrypted)
        }
        other => Err(invalid(format!("{option} must be an address or an object with one, got {other}"))),
    }
}

/// Where a price list is, for whom the authorities of a file vouch.
///
/// # Errors
/// [`crate::ErrorCode::InvalidConfig`], naming the option and the address.
pub fn price_list(option: &str, url: &str, ca_file: Option<PathBuf>) -> Result<Endpoint> {
    Ok(Endpoint { url: address::encrypted(option, url)?, headers: Vec::new(), api_key: None, ca_file })
}

/// The server of an object with `url`, `headers`, `ca_file` and `allow_insecure`.
pub(super) fn endpoint(fields: Fields<'_>) -> Result<Endpoint> {
    let allow_insecure = fields.flag("allow_insecure")?;
    endpoint_at(fields, |option, url| address::checked(option, url, allow_insecure))
}

fn endpoint_at(fields: Fields<'_>, address: impl Fn(&str, &str) -> Result<String>) -> Result<Endpoint> {
    let option = fields.name("url");
    let url = fields.text("url")?.ok_or_else(|| invalid(format!("{option} is missing")))?;
    let headers = fields.texts("headers", true)?.unwrap_or_default();
    let headers = headers.into_iter().map(|(name, value)| header(&fields.name("headers"), &name, value));
    Ok(Endpoint {
        url: address(&option, &url)?,
        headers: headers.collect::<Result<_>>()?,
        api_key: None,
        ca_file: fields.text("ca_file")?.map(PathBuf::from),
    })
}

fn header(option: &str, name: &str, value: String) -> Result<(String, Secret)> {
    let checked = HeaderName::from_bytes(name.as_bytes())
        .map_err(|cause| invalid(format!("{option} has {name:?}, which is no name of a header")).caused_by(cause))?;
    // The value may be a key, so it is not shown.
    HeaderValue::from_str(&value)
        .map_err(|cause| invalid(format!("{option} has a value of {name} that no header may have")).caused_by(cause))?;
    Ok((checked.as_str().to_owned(), Secret(value)))
}

fn protocol_of(word: &str) -> Result<Protocol> {
    Protocol::ALL.into_iter().find(|protocol| protocol.as_str() == word).ok_or_else(|| {
        let known = Protocol::ALL.map(Protocol::as_str).join(", ");
        invalid(format!("protocol of backend must be one of {known}, got {word:?}"))
    })
}
