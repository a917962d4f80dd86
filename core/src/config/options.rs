//! The options as they were given in one place, before the places are laid over each other.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::config::backend::{self, Backend};
use crate::config::fields::Fields;
use crate::config::policy::{self, StreamUsage};
use crate::config::sinks::{self, SinkChoice};
use crate::config::{Protocol, invalid};
use crate::error::Result;
use crate::outbox::{Durability, ExitFlush};
use crate::pricelist::PublicKey;
use crate::sink::{Endpoint, Secret};

/// The options of `init`, which are also the fields of `config.json`. All optional.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// The key of the backend.
    pub api_key: Option<Secret>,
    /// The project that pays; `default` if not given.
    pub project: Option<String>,
    /// The server that events go to.
    pub backend: Option<Backend>,
    /// Where events go; the ledger if not given, and the backend if there is one.
    pub sinks: Option<Vec<SinkChoice>>,
    /// Such as `production`.
    pub environment: Option<String>,
    /// The name of the application.
    pub service: Option<String>,
    /// Tags of every event.
    pub tags: Option<BTreeMap<String, String>>,
    /// A file of prices that go before the built-in ones.
    pub prices: Option<PathBuf>,
    /// A file of providers, prices, names and hosts that the library does not know, in TOML.
    pub providers: Option<PathBuf>,
    /// Names such as deployments, `PROVIDER/NAME`, and the models that they are.
    pub models: Option<BTreeMap<String, String>>,
    /// Hosts, and the providers that are reached there.
    pub hosts: Option<BTreeMap<String, String>>,
    /// Whether streams that tell no usage unasked are asked for it.
    pub stream_usage: Option<StreamUsage>,
    /// Where `llmlab prices update` finds a price list.
    pub prices_url: Option<Endpoint>,
    /// Whose price lists are taken.
    pub prices_key: Option<PublicKey>,
    /// What a recorded event survives.
    pub durability: Option<Durability>,
    /// Bytes that wait for one sink before the oldest are folded into totals.
    pub spool_max_bytes: Option<u64>,
    /// Days that events wait for one sink before they are folded into totals.
    pub spool_max_days: Option<u32>,
    /// How long the exit of the process waits for deliveries.
    pub exit_flush: Option<ExitFlush>,
}

const NAMES: [&str; 18] = [
    "api_key",
    "project",
    "environment",
    "service",
    "tags",
    "prices",
    "providers",
    "models",
    "hosts",
    "prices_url",
    "prices_key",
    "backend",
    "sinks",
    "stream_usage",
    "durability",
    "spool_max_bytes",
    "spool_max_days",
    "exit_flush",
];

impl Options {
    /// Reads options from JSON.
    ///
    /// # Errors
    /// [`crate::ErrorCode::InvalidConfig`], naming the option, its value and what would do.
    pub fn from_json(json: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(json)
            .map_err(|cause| invalid("the configuration is not JSON".to_owned()).caused_by(cause))?;
        let Value::Object(members) = value else {
            return Err(invalid(format!("the configuration must be a JSON object, got {value}")));
        };
        Self::from_members(&members)
    }

    fn from_members(members: &Map<String, Value>) -> Result<Self> {
        let fields = Fields::new("", members, &NAMES)?;
        Ok(Self {
            api_key: fields.secret("api_key")?,
            project: fields.text("project")?,
            backend: fields.read("backend", |_, value| Backend::from_json(value))?,
            sinks: fields.read("sinks", |_, value| sinks::from_json(value))?,
            environment: fields.text("environment")?,
            service: fields.text("service")?,
            tags: fields.texts("tags", false)?,
            prices: fields.text("prices")?.map(PathBuf::from),
            providers: fields.text("providers")?.map(PathBuf::from),
            models: fields.texts("models", false)?,
            hosts: fields.texts("hosts", false)?,
            stream_usage: fields.read("stream_usage", policy::stream_usage)?,
            prices_url: fields.read("prices_url", backend::list_endpoint)?,
            prices_key: fields.text("prices_key")?.map(|key| PublicKey::parse("prices_key", &key)).transpose()?,
            durability: fields.read("durability", policy::durability)?,
            spool_max_bytes: fields.read("spool_max_bytes", policy::spool_max_bytes)?,
            spool_max_days: fields.read("spool_max_days", policy::spool_max_days)?,
            exit_flush: fields.read("exit_flush", policy::exit_flush)?,
        })
    }

    pub(super) fn from_environment(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let text = |name: &str| variable(name).filter(|text| !text.is_empty());
        let pairs = |name: &str| text(name).map(|text| pairs_of_text(name, &text)).transpose();
        Ok(Self {
            api_key: text("LLMLAB_API_KEY").map(Secret),
            project: text("LLMLAB_PROJECT"),
            backend: text("LLMLAB_BACKEND")
                .map(|url| Backend::at("LLMLAB_BACKEND", &url, Protocol::default()))
                .transpose()?,
            sinks: text("LLMLAB_SINKS").map(|text| sinks::from_text("LLMLAB_SINKS", &text)).transpose()?,
            environment: text("LLMLAB_ENVIRONMENT"),
            service: text("LLMLAB_SERVICE"),
            tags: pairs("LLMLAB_TAGS")?,
            prices: text("LLMLAB_PRICES").map(PathBuf::from),
            providers: text("LLMLAB_PROVIDERS").map(PathBuf::from),
            models: pairs("LLMLAB_MODELS")?,
            hosts: pairs("LLMLAB_HOSTS")?,
            stream_usage: given(&text, "LLMLAB_STREAM_USAGE", policy::stream_usage)?,
            prices_url: given(&text, "LLMLAB_PRICES_URL", backend::list_endpoint)?,
            prices_key: text("LLMLAB_PRICES_KEY").map(|key| PublicKey::parse("LLMLAB_PRICES_KEY", &key)).transpose()?,
            durability: given(&text, "LLMLAB_DURABILITY", policy::durability)?,
            spool_max_bytes: given(&text, "LLMLAB_SPOOL_MAX_BYTES", policy::spool_max_bytes)?,
            spool_max_days: given(&text, "LLMLAB_SPOOL_MAX_DAYS", policy::spool_max_days)?,
            exit_flush: given(&text, "LLMLAB_EXIT_FLUSH", policy::exit_flush)?,
        })
    }

    pub(super) fn from_file(path: &Path) -> Result<Self> {
        let read = |json: &str| {
            let options = Self::from_json(json)?;
            sinks::without_callbacks(options.sinks.as_deref().unwrap_or_default())?;
            Ok(options)
        };
        match std::fs::read_to_string(path) {
            Ok(json) => read(&json).map_err(|cause: crate::Error| {
                invalid(format!("{} cannot be used; correct or remove it", path.display())).caused_by(cause)
            }),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Self::default()),
            Err(error) => Err(invalid(format!("{} cannot be read", path.display())).caused_by(error)),
        }
    }

    /// These, and of the others what these leave open.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            api_key: self.api_key.or(other.api_key),
            project: self.project.or(other.project),
            backend: self.backend.or(other.backend),
            sinks: self.sinks.or(other.sinks),
            environment: self.environment.or(other.environment),
            service: self.service.or(other.service),
            tags: self.tags.or(other.tags),
            prices: self.prices.or(other.prices),
            providers: self.providers.or(other.providers),
            models: self.models.or(other.models),
            hosts: self.hosts.or(other.hosts),
            stream_usage: self.stream_usage.or(other.stream_usage),
            prices_url: self.prices_url.or(other.prices_url),
            prices_key: self.prices_key.or(other.prices_key),
            durability: self.durability.or(other.durability),
            spool_max_bytes: self.spool_max_bytes.or(other.spool_max_bytes),
            spool_max_days: self.spool_max_days.or(other.spool_max_days),
            exit_flush: self.exit_flush.or(other.exit_flush),
        }
    }
}

/// An option of a variable, which is a number where it looks like one.
fn given<T>(
    text: &dyn Fn(&str) -> Option<String>,
    name: &str,
    read: impl Fn(&str, &Value) -> Result<T>,
) -> Result<Option<T>> {
    let value = |text: String| text.trim().parse::<u64>().map_or(Value::String(text), Value::from);
    text(name).map(|text| read(name, &value(text))).transpose()
}

/// Reads `key=value,key=value`, the form of `OTEL_RESOURCE_ATTRIBUTES`.
fn pairs_of_text(variable: &str, text: &str) -> Result<BTreeMap<String, String>> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| match pair.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
            _ => Err(invalid(format!("{variable} must be key=value,key=value, got {pair:?}"))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_shown() {
        let options = Options::from_json(r#"{"api_key":"llk_secret"}"#).unwrap();
        assert!(!format!("{options:?}").contains("llk_secret"));
        let error = Options::from_json(r#"{"api_key":4711}"#).unwrap_err();
        assert!(!error.to_string().contains("4711"), "{error}");
    }
}
