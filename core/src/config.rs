//! What the user asked for, from four places: the argument, the environment, `config.json` in the home, the default, in
//! this order. The only reader of the environment.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::error::{Error, ErrorCode, Result};
use crate::event::Attribution;
use crate::outbox::{ExitFlush, Settings};
use crate::pricelist::PublicKey;
use crate::sink::{Endpoint, SinkSettings};

mod address;
mod backend;
mod fields;
mod options;
pub(crate) mod policy;
mod provider_file;
mod sinks;

pub use backend::{Backend, Protocol, price_list};
pub use options::Options;
pub use policy::StreamUsage;
pub(crate) use provider_file::ProviderFile;
pub use sinks::SinkChoice;

const DEFAULT_PROJECT: &str = "default";
const MAX_NAME_BYTES: usize = 200;

/// The resolved configuration of one client.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where the ledger, the spool and `config.json` live: `LLMLAB_HOME`, else `~/.llmlab`.
    pub home: PathBuf,
    /// `LLMLAB_DISABLED` is set: everything is a no-op.
    pub disabled: bool,
    /// The project that pays.
    pub project: String,
    /// Such as `production`.
    pub environment: Option<String>,
    /// The name of the application.
    pub service: Option<String>,
    /// The run of `llmlab run` that this process belongs to (`LLMLAB_RUN_ID`).
    pub run_id: Option<String>,
    /// What every event is attributed to unless its scope says otherwise: the tags, and what `llmlab run` was given
    /// (`LLMLAB_FEATURE`, `LLMLAB_USER`, `LLMLAB_SESSION`).
    pub attribution: Attribution,
    /// A file of prices that go before the built-in ones.
    pub prices: Option<PathBuf>,
    /// A file of providers, prices, names and hosts that the library does not know, in TOML.
    pub providers: Option<PathBuf>,
    /// Names such as deployments, `PROVIDER/NAME`, and the models that they are.
    pub models: BTreeMap<String, String>,
    /// Hosts, and the providers that are reached there.
    pub hosts: BTreeMap<String, String>,
    /// Whether streams that tell no usage unasked are asked for it.
    pub stream_usage: StreamUsage,
    /// Where `llmlab prices update` finds a price list. Nothing else asks there.
    pub prices_url: Option<Endpoint>,
    /// Whose price lists are taken.
    pub prices_key: Option<PublicKey>,
    /// Where events go, no two to the same destination, and how long they may wait.
    pub outbox: Settings,
    /// How long the exit of the process waits for deliveries.
    pub exit_flush: ExitFlush,
    /// The environment says that the disk is lost with the process: a function or a container.
    pub is_ephemeral: bool,
    /// What the user should know of it, a sentence each.
    pub warnings: Vec<String>,
}

impl Config {
    /// The configuration of `options`, the environment and the home's `config.json`.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidConfig`], naming the option, its value and what would do.
    pub fn load(options: Options) -> Result<Self> {
        Self::resolve(options, &environment_variable)
    }

    /// The same with another environment, for tests.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn resolve(options: Options, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let home = home(variable)?;
        let from_file = Options::from_file(&home.join("config.json"))?;
        let options = options.or(Options::from_environment(variable)?).or(from_file);
        let label = |name: &str| variable(name).filter(|text| !text.is_empty());
        let attribution = Attribution {
            feature: label("LLMLAB_FEATURE"),
            user: label("LLMLAB_USER"),
            session: label("LLMLAB_SESSION"),
            tags: options.tags.unwrap_or_default().into_iter().collect(),
            ..Attribution::default()
        };
        let has_key = options.api_key.is_some();
        let has_backend = options.backend.is_some();
        let mut outbox = Settings::default();
        outbox.sinks = sinks::resolve(options.sinks, options.backend, options.api_key)?;
        outbox.durability = options.durability.unwrap_or_default();
        outbox.spool_max_bytes = options.spool_max_bytes.unwrap_or(outbox.spool_max_bytes);
        outbox.spool_max_days = options.spool_max_days.unwrap_or(outbox.spool_max_days);
        Ok(Self {
            home,
            disabled: is_disabled(variable),
            project: checked_name("project", options.project.unwrap_or_else(|| DEFAULT_PROJECT.to_owned()))?,
            environment: options.environment.map(|name| checked_name("environment", name)).transpose()?,
            service: options.service.map(|name| checked_name("service", name)).transpose()?,
            run_id: label("LLMLAB_RUN_ID"),
            attribution,
            prices: options.prices,
            providers: options.providers,
            models: options.models.unwrap_or_default(),
            hosts: options.hosts.unwrap_or_default(),
            stream_usage: options.stream_usage.unwrap_or_default(),
            prices_url: options.prices_url,
            prices_key: options.prices_key,
            is_ephemeral: is_ephemeral(variable),
            warnings: warnings(has_key, has_backend, &outbox.sinks),
            outbox,
            exit_flush: options.exit_flush.unwrap_or_default(),
        })
    }

    /// What is left where the configuration cannot be used and an error is not allowed: the home and the run, so that
    /// calls are recorded all the same. Without a home everything is disabled.
    pub fn fallback(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let home = home(variable);
        Self {
            disabled: is_disabled(variable) || home.is_err(),
            home: home.unwrap_or_default(),
            project: DEFAULT_PROJECT.to_owned(),
            environment: None,
            service: None,
            run_id: variable("LLMLAB_RUN_ID").filter(|text| !text.is_empty()),
            attribution: Attribution::default(),
            prices: None,
            providers: None,
            models: BTreeMap::new(),
            hosts: BTreeMap::new(),
            stream_usage: StreamUsage::default(),
            prices_url: None,
            prices_key: None,
            outbox: Settings::default(),
            exit_flush: ExitFlush::default(),
            is_ephemeral: is_ephemeral(variable),
            warnings: Vec::new(),
        }
    }
}

/// Variables that exist inside of functions and containers only.
fn is_ephemeral(variable: &dyn Fn(&str) -> Option<String>) -> bool {
    ["AWS_LAMBDA_FUNCTION_NAME", "K_SERVICE", "KUBERNETES_SERVICE_HOST"].iter().any(|name| variable(name).is_some())
}

fn warnings(has_key: bool, has_backend: bool, sinks: &[SinkSettings]) -> Vec<String> {
    let is_sent = sinks.iter().any(SinkSettings::is_backend);
    let mut warnings = Vec::new();
    if has_backend && !is_sent {
        warnings
            .push("backend is set but sinks leaves it out: nothing is sent there until llmlab is in sinks".to_owned());
    } else if has_key && !is_sent {
        warnings.push("api_key is set but no backend is: events stay in the local ledger".to_owned());
    }
    warnings
}

/// The environment of this process.
#[expect(clippy::disallowed_methods, reason = "this module is the one reader of the environment")]
pub fn environment_variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|text| text.to_string_lossy().into_owned())
}

/// The home of this process: `LLMLAB_HOME`, else `~/.llmlab`.
///
/// # Errors
/// [`ErrorCode::InvalidConfig`] where the user has no home directory and names none.
pub fn home(variable: &dyn Fn(&str) -> Option<String>) -> Result<PathBuf> {
    let given = |name: &str| variable(name).filter(|text| !text.is_empty()).map(PathBuf::from);
    if let Some(home) = given("LLMLAB_HOME") {
        return Ok(home);
    }
    let user_home = given("HOME").or_else(|| given("USERPROFILE"));
    user_home
        .map(|home| home.join(".llmlab"))
        .ok_or_else(|| invalid("there is no home directory; set LLMLAB_HOME to a directory of your own".to_owned()))
}

/// `LLMLAB_DISABLED` says anything but a no.
pub fn is_disabled(variable: &dyn Fn(&str) -> Option<String>) -> bool {
    let given = variable("LLMLAB_DISABLED").unwrap_or_default();
    !matches!(given.trim().to_ascii_lowercase().as_str(), "" | "0" | "false" | "no" | "off")
}

/// The name of a project, an environment or a service, if it is one.
///
/// # Errors
/// [`ErrorCode::InvalidConfig`], naming the option and the value.
pub fn checked_name(option: &str, name: String) -> Result<String> {
    if name.trim().is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
        return Err(invalid(format!(
            "{option} must be 1 to {MAX_NAME_BYTES} bytes without control characters, got {name:?}"
        )));
    }
    // A step in a path, which addresses and folders are.
    if name == "." || name == ".." {
        return Err(invalid(format!("{option} must be a name, got {name:?}")));
    }
    Ok(name)
}

fn invalid(message: String) -> Error {
    Error::new(ErrorCode::InvalidConfig, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unusable_configuration_leaves_the_home_and_the_run() {
        let config = Config::fallback(&|name| match name {
            "LLMLAB_HOME" => Some("/somewhere".to_owned()),
            "LLMLAB_RUN_ID" => Some("r1".to_owned()),
            "LLMLAB_TAGS" => Some("no pairs".to_owned()),
            _ => None,
        });
        assert_eq!((config.disabled, config.home, config.run_id), (false, "/somewhere".into(), Some("r1".into())));
        assert!(Config::fallback(&|_| None).disabled);
    }

    #[test]
    fn the_environment_goes_before_the_file_for_price_lists_too() {
        let home = tempfile::tempdir().unwrap();
        let file = r#"{"prices_url":{"url":"https://file.example.com/l","ca_file":"/ca.pem"},"prices_key":"MEwuGA8rOcTpkj1cGvvESEzeMutICZTKR7i/fBsIacM="}"#;
        std::fs::write(home.path().join("config.json"), file).unwrap();
        let load = |url: Option<&str>| {
            let variable = |name: &str| match name {
                "LLMLAB_HOME" => Some(home.path().to_str().unwrap().to_owned()),
                "LLMLAB_PRICES_URL" => url.map(str::to_owned),
                _ => None,
            };
            let config = Config::resolve(Options::default(), &variable).unwrap();
            let endpoint = config.prices_url.unwrap();
            (endpoint.url, endpoint.ca_file.is_some(), config.prices_key.unwrap().to_string())
        };
        let key = "MEwuGA8rOcTpkj1cGvvESEzeMutICZTKR7i/fBsIacM=".to_owned();
        assert_eq!(load(None), ("https://file.example.com/l".to_owned(), true, key.clone()));
        let url = "https://variable.example.com/l";
        assert_eq!(load(Some(url)), (url.to_owned(), false, key));
    }

    #[test]
    fn the_process_is_disabled_by_any_word_but_a_no() {
        for (word, disabled) in [("1", true), ("true", true), ("0", false), ("", false), ("off", false)] {
            assert_eq!(is_disabled(&|_| Some(word.to_owned())), disabled, "{word:?}");
        }
    }
}
