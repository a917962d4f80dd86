//! What the user asked for, from four places: the argument, the environment, `config.json` in the home, the default, in
//! this order. The only reader of the environment.

use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::error::{Error, ErrorCode, Result};
use crate::event::Attribution;

const DEFAULT_PROJECT: &str = "default";
const MAX_NAME_BYTES: usize = 200;

/// The options of `init`, which are also the fields of `config.json`. All optional.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// The key of a backend.
    pub api_key: Option<ApiKey>,
    /// The project that pays; `default` if not given.
    pub project: Option<String>,
    /// Such as `production`.
    pub environment: Option<String>,
    /// The name of the application.
    pub service: Option<String>,
    /// Tags of every event.
    pub tags: Option<BTreeMap<String, String>>,
    /// A file of prices that go before the built-in ones.
    pub prices: Option<PathBuf>,
}

const OPTION_NAMES: [&str; 6] = ["api_key", "project", "environment", "service", "tags", "prices"];

impl Options {
    /// Reads options from JSON.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidConfig`], naming the option, its value and what would do.
    pub fn from_json(json: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(json)
            .map_err(|cause| invalid("the configuration is not JSON".to_owned()).caused_by(cause))?;
        let Value::Object(fields) = value else {
            return Err(invalid(format!("the configuration must be a JSON object, got {value}")));
        };
        Self::from_fields(&fields)
    }

    fn from_fields(fields: &Map<String, Value>) -> Result<Self> {
        if let Some(name) = fields.keys().find(|name| !OPTION_NAMES.contains(&name.as_str())) {
            return Err(invalid(format!("unknown option {name:?}; known are {}", OPTION_NAMES.join(", "))));
        }
        let text = |name: &str| match fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(invalid(format!("{name} must be a string, got {other}"))),
        };
        Ok(Self {
            api_key: text("api_key")?.map(ApiKey),
            project: text("project")?,
            environment: text("environment")?,
            service: text("service")?,
            tags: fields.get("tags").map(tags_of_json).transpose()?.flatten(),
            prices: text("prices")?.map(PathBuf::from),
        })
    }

    fn from_environment(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let text = |name: &str| variable(name).filter(|text| !text.is_empty());
        Ok(Self {
            api_key: text("LLMLAB_API_KEY").map(ApiKey),
            project: text("LLMLAB_PROJECT"),
            environment: text("LLMLAB_ENVIRONMENT"),
            service: text("LLMLAB_SERVICE"),
            tags: text("LLMLAB_TAGS").map(|text| tags_of_text(&text)).transpose()?,
            prices: text("LLMLAB_PRICES").map(PathBuf::from),
        })
    }

    fn from_file(path: &Path) -> Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(json) => Self::from_json(&json).map_err(|cause| {
                invalid(format!("{} cannot be used; correct or remove it", path.display())).caused_by(cause)
            }),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Self::default()),
            Err(error) => Err(invalid(format!("{} cannot be read", path.display())).caused_by(error)),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            api_key: self.api_key.or(other.api_key),
            project: self.project.or(other.project),
            environment: self.environment.or(other.environment),
            service: self.service.or(other.service),
            tags: self.tags.or(other.tags),
            prices: self.prices.or(other.prices),
        }
    }
}

/// A secret: never shown, never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The resolved configuration of one client.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where the ledger, the spool and `config.json` live: `LLMLAB_HOME`, else `~/.llmlab`.
    pub home: PathBuf,
    /// `LLMLAB_DISABLED` is set: everything is a no-op.
    pub disabled: bool,
    /// The key of a backend.
    pub api_key: Option<ApiKey>,
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
        Ok(Self {
            home,
            disabled: is_disabled(variable),
            api_key: options.api_key,
            project: checked_name("project", options.project.unwrap_or_else(|| DEFAULT_PROJECT.to_owned()))?,
            environment: options.environment.map(|name| checked_name("environment", name)).transpose()?,
            service: options.service.map(|name| checked_name("service", name)).transpose()?,
            run_id: label("LLMLAB_RUN_ID"),
            attribution,
            prices: options.prices,
        })
    }

    /// What is left where the configuration cannot be used and an error is not allowed: the home and the run, so that
    /// calls are recorded all the same. Without a home everything is disabled.
    pub fn fallback(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let home = home(variable);
        Self {
            disabled: is_disabled(variable) || home.is_err(),
            home: home.unwrap_or_default(),
            api_key: None,
            project: DEFAULT_PROJECT.to_owned(),
            environment: None,
            service: None,
            run_id: variable("LLMLAB_RUN_ID").filter(|text| !text.is_empty()),
            attribution: Attribution::default(),
            prices: None,
        }
    }

    /// What the user should know about this configuration, a sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.api_key.is_some() {
            warnings.push("api_key is set but no backend is: events stay in the local ledger".to_owned());
        }
        warnings
    }
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

fn tags_of_json(value: &Value) -> Result<Option<BTreeMap<String, String>>> {
    let wrong = |got: &Value| invalid(format!("tags must be an object of strings, got {got}"));
    match value {
        Value::Null => Ok(None),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| Ok((key.clone(), value.as_str().ok_or_else(|| wrong(value))?.to_owned())))
            .collect::<Result<_>>()
            .map(Some),
        other => Err(wrong(other)),
    }
}

/// Reads `key=value,key=value`, the form of `OTEL_RESOURCE_ATTRIBUTES`.
fn tags_of_text(text: &str) -> Result<BTreeMap<String, String>> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| match pair.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
            _ => Err(invalid(format!("LLMLAB_TAGS must be key=value,key=value, got {pair:?}"))),
        })
        .collect()
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
    Ok(name)
}

fn invalid(message: String) -> Error {
    Error::new(ErrorCode::InvalidConfig, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_shown() {
        let options = Options::from_json(r#"{"api_key":"llk_secret"}"#).unwrap();
        assert!(!format!("{options:?}").contains("llk_secret"));
    }

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
    fn the_process_is_disabled_by_any_word_but_a_no() {
        for (word, disabled) in [("1", true), ("true", true), ("0", false), ("", false), ("off", false)] {
            assert_eq!(is_disabled(&|_| Some(word.to_owned())), disabled, "{word:?}");
        }
    }
}
