//! The file of the option `providers`: providers, prices and names that the library does not know, in TOML.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use crate::catalogue::Tariff;
use crate::config::fields::Fields;
use crate::config::invalid;
use crate::error::{Error, Result};
use crate::provider::Definition;

/// What such a file says. The names of prices and models are `PROVIDER/MODEL`.
#[derive(Debug, Default)]
pub(crate) struct ProviderFile {
    pub(crate) providers: Vec<Definition>,
    pub(crate) prices: BTreeMap<String, Tariff>,
    pub(crate) models: BTreeMap<String, String>,
    pub(crate) hosts: BTreeMap<String, String>,
}

impl ProviderFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`crate::ErrorCode::InvalidConfig`] and [`crate::ErrorCode::InvalidPrices`], naming the file, the value and what
    /// would do.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|cause| {
            let message = format!("the file {} cannot be read; correct `providers`", path.display());
            invalid(message).caused_by(cause)
        })?;
        Self::parse(&text).map_err(|cause| {
            let message = format!("{} cannot be used; correct it", path.display());
            Error::new(cause.code(), message).caused_by(cause)
        })
    }

    fn parse(text: &str) -> Result<Self> {
        let table = text.parse::<toml::Table>().map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            invalid(format!("line {} is no TOML: {}", before.matches('\n').count() + 1, error.message()))
        })?;
        let Value::Object(members) = json(toml::Value::Table(table)) else { return Ok(Self::default()) };
        let fields = Fields::new("", &members, &["providers", "prices", "models", "hosts"])?;
        let tables = |name: &str| fields.read(name, tables).map(Option::unwrap_or_default);
        let mut file = Self {
            models: fields.texts("models", false)?.unwrap_or_default(),
            hosts: fields.texts("hosts", false)?.unwrap_or_default(),
            ..Self::default()
        };
        for (id, mut members) in tables("providers")? {
            members.insert("id".to_owned(), Value::from(&*id));
            file.providers.push(Definition::from_members(&members).map_err(|cause| of("provider", &id, cause))?);
        }
        for (name, members) in tables("prices")? {
            let price = Tariff::from_members(members).map_err(|cause| of("price", &name, cause))?;
            file.prices.insert(name, price);
        }
        Ok(file)
    }
}

/// Where in the file something is wrong.
fn of(what: &str, name: &str, cause: Error) -> Error {
    Error::new(cause.code(), format!("the {what} {name:?}")).caused_by(cause)
}

/// A table of tables.
fn tables(option: &str, value: &Value) -> Result<Vec<(String, Map<String, Value>)>> {
    let wrong = |got: &Value| invalid(format!("{option} must be tables such as [{option}.\"name\"], got {got}"));
    let Value::Object(members) = value else { return Err(wrong(value)) };
    let table = |(name, value): (&String, &Value)| match value {
        Value::Object(table) => Ok((name.clone(), table.clone())),
        other => Err(wrong(other)),
    };
    members.iter().map(table).collect()
}

/// The same in JSON, in which everything else is written. Moments are text.
fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
        toml::Value::Datetime(moment) => moment.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json).collect(),
        toml::Value::Table(members) => {
            members.into_iter().map(|(name, value)| (name, json(value))).collect::<Map<_, _>>().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_say_all_four_things() {
        let file = ProviderFile::parse(
            r#"
            [providers.acme]
            hosts = ["llm.acme.example"]
            paths = "/v1/generate"
            usage = { input = "usage.prompt", output = "usage.completion" }

            [prices."acme/large"]
            input = "0.5"
            output = 1.5
            starts = 2026-12-01

            [models]
            "azure/prod" = "gpt-5"

            [hosts]
            "llm.internal" = "openai"
            "#,
        );
        let file = file.unwrap();
        assert_eq!(file.providers[0].id, "acme");
        assert_eq!(file.prices.keys().collect::<Vec<_>>(), ["acme/large"]);
        assert_eq!((&*file.models["azure/prod"], &*file.hosts["llm.internal"]), ("gpt-5", "openai"));
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_value() {
        for (text, words) in [
            ("[providers.x]\nhosts = \n", &["line 2", "TOML"][..]),
            ("[provider.x]", &["\"provider\"", "providers, prices"]),
            ("providers = 5", &["providers", "5"]),
            ("[providers]\nx = 5", &["providers", "5"]),
            ("[providers.x]\nhots = []", &["\"hots\"", "hosts", "\"x\""]),
            ("[prices.\"a/b\"]\ninput = \"-1\"", &["-1", "\"a/b\""]),
            ("[models]\n\"a/b\" = 5", &["models", "5"]),
        ] {
            let error = ProviderFile::parse(text).unwrap_err().to_string();
            assert!(words.iter().all(|word| error.contains(word)), "{text}: {error}");
        }
    }
}
