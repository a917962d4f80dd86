//! Which sinks there are, as configured: plain data.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::sink::CustomSink;

/// A value that is never shown and never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub(crate) String);

impl Secret {
    /// Wraps a key.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Absolute, without a slash at its end; `https`, or `http` to this machine unless the user allowed more.
    pub url: String,
    /// Further headers of every request, names in lower case.
    pub headers: Vec<(String, Secret)>,
    /// Sent as `authorization: Bearer …`.
    pub api_key: Option<Secret>,
    /// A PEM file of certificate authorities that are trusted instead of the bundled ones.
    pub ca_file: Option<PathBuf>,
}

/// One sink.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SinkSettings {
    /// The embedded ledger.
    Ledger,
    /// A server that speaks docs/protocol.md.
    Llmlab(Endpoint),
    /// A server that takes one event a request, at this path below its address.
    Track(Endpoint, &'static str),
    /// A server that takes whole traces.
    Traces(Endpoint),
    /// A server that speaks OTLP over HTTP; the address is the whole one, with `/v1/traces` where it is needed.
    Otlp(Endpoint),
    /// Files of a line an event.
    Jsonl {
        /// The file that is written to; older ones get `.1`, `.2`… behind their names.
        path: PathBuf,
        /// It is rotated when it would become longer.
        max_bytes: u64,
        /// How many older files are kept.
        keep: u32,
    },
    /// A line an event on standard error.
    Console,
    /// A function of the host, by the name under which it was given.
    Callback(String),
    /// A sink of the application's.
    Custom(CustomSink),
}

impl SinkSettings {
    /// The kind, in configuration and statistics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Llmlab(_) => "llmlab",
            Self::Track(..) => "track",
            Self::Traces(_) => "traces",
            Self::Otlp(_) => "otlp",
            Self::Jsonl { .. } => "jsonl",
            Self::Console => "console",
            Self::Callback(_) => "callback",
            Self::Custom(_) => "custom",
        }
    }

    /// It is what the option `backend` names.
    pub const fn is_backend(&self) -> bool {
        matches!(self, Self::Llmlab(_) | Self::Track(..) | Self::Traces(_))
    }

    /// The file of certificate authorities that it names.
    pub fn ca_file(&self) -> Option<&Path> {
        match self {
            Self::Llmlab(endpoint) | Self::Traces(endpoint) | Self::Otlp(endpoint) | Self::Track(endpoint, _) => {
                endpoint.ca_file.as_deref()
            }
            Self::Ledger | Self::Jsonl { .. } | Self::Console | Self::Callback(_) | Self::Custom(_) => None,
        }
    }

    /// Where it leads: an address, a file, a name; nothing where there is but one.
    pub fn place(&self) -> Option<String> {
        match self {
            Self::Ledger | Self::Console => None,
            Self::Llmlab(endpoint) | Self::Traces(endpoint) | Self::Otlp(endpoint) => Some(endpoint.url.clone()),
            Self::Track(endpoint, path) => Some(format!("{}{path}", endpoint.url)),
            Self::Jsonl { path, .. } => Some(path.to_string_lossy().into_owned()),
            Self::Callback(name) => Some(name.clone()),
            Self::Custom(sink) => Some(sink.name().to_owned()),
        }
    }

    /// The folder of the spool in which its segments wait: the kind, and a checksum of where it leads, so that a process
    /// with the same destination finds what another one left. Keys are no part of it: whoever replaces a key wants what
    /// waits to go out with the new one.
    pub fn destination(&self) -> String {
        let kind = self.kind();
        self.place()
            .map_or_else(|| kind.to_owned(), |place| format!("{kind}-{:08x}", crc32fast::hash(place.as_bytes())))
    }
}

impl fmt::Display for SinkSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        self.place().map_or(Ok(()), |place| write!(f, " {place}"))
    }
}
