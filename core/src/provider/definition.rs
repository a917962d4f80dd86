//! What a user says of a provider: host, path, and where its answers tell what they used.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::error::{Error, ErrorCode, Result};
use crate::event::Operation;
use crate::provider::custom::{self, Path, Paths};
use crate::provider::{Provider, by_name};
use crate::usage::Dimension;

/// A provider that the library does not know, or further hosts of one that it knows.
///
/// ```
/// use llmlab::provider::{Definition, by_name, register};
///
/// use llmlab::Dimension;
/// use llmlab::event::Operation;
///
/// register(
///     Definition::new("acme")
///         .host("llm.acme.example")
///         .path("/v1/generate", Operation::Chat)
///         .count_at(Dimension::Input, "usage.prompt")
///         .count_at(Dimension::Output, "usage.completion")
///         .model_at("engine"),
/// )?;
/// assert!(by_name("acme").is_some());
///
/// // What speaks a wire that the library knows needs no more than its host.
/// register(Definition::new("openai").host("llm.internal"))?;
/// register(Definition::new("initech").host("llm.initech.example").wire("anthropic"))?;
///
/// // The same in JSON, as in the configuration of the other languages.
/// register(Definition::from_json(r#"{
///     "id": "acme", "hosts": ["llm.acme.example"], "paths": "/v1/generate",
///     "usage": {"input": "usage.prompt", "output": "usage.completion", "model": "engine"}
/// }"#)?)?;
/// # Ok::<(), llmlab::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Definition {
    /// Its name in events and price files, in lower case; that of a known provider adds to what is known of it.
    pub id: String,
    /// Other spellings of the name.
    pub aliases: Vec<String>,
    /// Where it is reached: `llm.example`, `.example` for every host below, `llm.example:8443` for one port.
    pub hosts: Vec<String>,
    /// The provider whose wire it speaks.
    pub wire: Option<String>,
    /// Ends of paths, and what they do; those of the wire if there are none.
    pub paths: BTreeMap<String, Operation>,
    /// Where an answer that is of no known wire has its counts, by the names of dimensions, and `model`, `id`,
    /// `service_tier` and `cost` (US dollars): keys, and places of arrays, with dots between.
    pub usage: BTreeMap<String, String>,
    /// Counts that `input` and `output` do not contain.
    pub outside: Vec<Dimension>,
    /// The model stands in the path, between the last slash and the end that `paths` names.
    pub model_in_path: bool,
}

const MEMBERS: [&str; 8] = ["id", "aliases", "hosts", "wire", "paths", "usage", "outside", "model_in_path"];
const NAMES: &str = "model, id, service_tier, cost";

impl Definition {
    /// A definition that says nothing yet.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }

    /// Another spelling of the name.
    #[must_use]
    pub fn alias(mut self, name: impl Into<String>) -> Self {
        self.aliases.push(name.into());
        self
    }

    /// Where it is reached: `llm.example`, `.example` for every host below, `llm.example:8443` for one port.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// The provider whose wire it speaks.
    #[must_use]
    pub fn wire(mut self, provider: impl Into<String>) -> Self {
        self.wire = Some(provider.into());
        self
    }

    /// An end of paths, and what it does.
    #[must_use]
    pub fn path(mut self, end: impl Into<String>, operation: Operation) -> Self {
        self.paths.insert(end.into(), operation);
        self
    }

    /// Where an answer that is of no known wire has a count: keys, and places of arrays, with dots between.
    #[must_use]
    pub fn count_at(self, dimension: Dimension, place: impl Into<String>) -> Self {
        self.place(dimension.name(), place)
    }

    /// Where such an answer names its model.
    #[must_use]
    pub fn model_at(self, place: impl Into<String>) -> Self {
        self.place("model", place)
    }

    /// Where such an answer has its id, by which it is recorded once.
    #[must_use]
    pub fn id_at(self, place: impl Into<String>) -> Self {
        self.place("id", place)
    }

    /// Where such an answer names its service tier.
    #[must_use]
    pub fn service_tier_at(self, place: impl Into<String>) -> Self {
        self.place("service_tier", place)
    }

    /// Where such an answer says what it costs, in US dollars.
    #[must_use]
    pub fn cost_at(self, place: impl Into<String>) -> Self {
        self.place("cost", place)
    }

    /// A count that `input` or `output` does not contain.
    #[must_use]
    pub fn outside(mut self, dimension: Dimension) -> Self {
        self.outside.push(dimension);
        self
    }

    /// The model stands in the path, between the last slash and the end that [`path`](Definition::path) names.
    #[must_use]
    pub const fn model_in_path(mut self) -> Self {
        self.model_in_path = true;
        self
    }

    fn place(mut self, name: &str, place: impl Into<String>) -> Self {
        self.usage.insert(name.to_owned(), place.into());
        self
    }

    /// A further host of a provider, which is told by its id whoever defined it.
    pub(crate) fn of_host(provider: &Provider, host: &str) -> Self {
        Self { hosts: vec![host.to_owned()], ..Self::new(provider.id) }
    }

    /// Reads an object with the fields as members. `hosts`, `aliases` and `outside` are texts or lists of texts; `paths` is
    /// one, too, or an object of operations (`chat`, `embeddings`…) by paths.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidConfig`], naming the member, its value and what would do.
    pub fn from_json(json: &str) -> Result<Self> {
        let members = serde_json::from_str(json)
            .map_err(|cause| refused("a provider must be a JSON object".to_owned()).caused_by(cause))?;
        Self::from_members(&members)
    }

    pub(crate) fn from_members(members: &Map<String, Value>) -> Result<Self> {
        if let Some(name) = members.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
            return Err(refused(format!("unknown member {name:?} of a provider; known are {}", MEMBERS.join(", "))));
        }
        let get = |name: &str| members.get(name).filter(|value| !value.is_null());
        let outside = texts("outside", get("outside"))?;
        let outside = outside.iter().map(|name| dimension("outside", name)).collect::<Result<_>>()?;
        let one = |name: &str| get(name).map(|value| text(name, value)).transpose();
        Ok(Self {
            id: one("id")?.unwrap_or_default(),
            aliases: texts("aliases", get("aliases"))?,
            hosts: texts("hosts", get("hosts"))?,
            wire: one("wire")?,
            paths: paths(get("paths"))?,
            usage: usage(get("usage"))?,
            outside,
            model_in_path: match get("model_in_path") {
                None => false,
                Some(Value::Bool(flag)) => *flag,
                Some(other) => return Err(refused(format!("model_in_path must be true or false, got {other}"))),
            },
        })
    }

    /// Where the answers have what, checked; `None` where they are of a known wire.
    pub(super) fn places(&self) -> Result<Option<Paths>> {
        if self.usage.is_empty() {
            return Ok(None);
        }
        let mut places = Paths { outside: self.outside.clone(), ..Paths::default() };
        for (name, text) in &self.usage {
            let path = Path::read(text).ok_or_else(|| {
                refused(format!(
                    "usage must say where such as \"usage.prompt\" or \"0.tokens\", got {text:?} for {name}"
                ))
            })?;
            match name.as_str() {
                "model" => places.model = Some(path),
                "id" => places.id = Some(path),
                "service_tier" => places.service_tier = Some(path),
                "cost" => places.cost = Some(path),
                name => places.counts.push((dimension("usage", name)?, path)),
            }
        }
        if places.counts.is_empty() && places.cost.is_none() {
            return Err(refused(format!("usage of {:?} must say where input and output, or cost, are", self.id)));
        }
        Ok(Some(places))
    }

    /// The names, hosts and paths, checked.
    pub(super) fn check(&self) -> Result<()> {
        for (what, name) in [("id", &self.id)].into_iter().chain(self.aliases.iter().map(|name| ("aliases", name))) {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
            if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
                return Err(refused(format!(
                    "{what} must be a name of lower-case letters, digits and . _ - such as \"acme\", got {name:?}"
                )));
            }
        }
        if self.hosts.is_empty() {
            return Err(refused(format!("hosts of {:?} must name at least one, such as \"llm.example\"", self.id)));
        }
        if let Some(host) = self.hosts.iter().find(|host| !is_host(host)) {
            return Err(refused(format!(
                "hosts must be names such as \"llm.example\", \".example\" or \"llm.example:8443\", without scheme and path, \
                 got {host:?}"
            )));
        }
        let is_path = |path: &str| path.len() > 1 && path.starts_with(['/', ':']) && !path.contains(['?', '#', ' ']);
        if let Some(path) = self.paths.keys().find(|path| !is_path(path)) {
            return Err(refused(format!("paths must be ends of paths such as \"/v1/generate\", got {path:?}")));
        }
        if let Some(part) = self.outside.iter().find(|part| custom::whole(**part).is_none()) {
            let parts: Vec<_> = Dimension::ALL.into_iter().filter(|part| custom::whole(*part).is_some()).collect();
            let parts: Vec<_> = parts.into_iter().map(Dimension::name).collect();
            return Err(refused(format!("outside must be some of {}, got {:?}", parts.join(", "), part.name())));
        }
        Ok(())
    }

    /// The provider whose wire it speaks.
    pub(super) fn spoken(&self) -> Result<Option<&'static Provider>> {
        let Some(wire) = &self.wire else { return Ok(None) };
        let speaks = |provider: &&Provider| !provider.endpoints.is_empty();
        by_name(wire).filter(|provider| speaks(provider)).map(Some).ok_or_else(|| {
            let known: Vec<_> = super::PROVIDERS.iter().filter(speaks).map(|provider| provider.id).collect();
            refused(format!("wire must be one of {}, got {wire:?}", known.join(", ")))
        })
    }
}

pub(super) fn refused(why: String) -> Error {
    Error::new(ErrorCode::InvalidConfig, why)
}

/// A host, every host below a name, or a host and a port.
fn is_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !host.ends_with(']') => (name, port),
        _ => (host, "1"),
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || b".-_:[]".contains(&byte);
    let is_bracketed = name.starts_with('[') && name.ends_with(']');
    !name.trim_matches('.').is_empty()
        && name.bytes().all(plain)
        && (is_bracketed || !name.contains(':'))
        && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn text(name: &str, value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| refused(format!("{name} must be a string, got {value}")))
}

fn texts(name: &str, value: Option<&Value>) -> Result<Vec<String>> {
    let wrong = |value: &Value| refused(format!("{name} must be a string or a list of strings, got {value}"));
    match value {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(all)) => {
            all.iter().map(|one| one.as_str().map(str::to_owned).ok_or_else(|| wrong(one))).collect()
        }
        Some(other) => Err(wrong(other)),
    }
}

fn paths(value: Option<&Value>) -> Result<BTreeMap<String, Operation>> {
    let Some(Value::Object(members)) = value else {
        return Ok(texts("paths", value)?.into_iter().map(|path| (path, Operation::Chat)).collect());
    };
    let operation = |(path, word): (&String, &Value)| {
        let known = Operation::ALL.iter().find(|operation| word.as_str() == Some(operation.as_str()));
        let known = known.ok_or_else(|| {
            let words: Vec<_> = Operation::ALL.iter().map(|operation| operation.as_str()).collect();
            refused(format!("the operation of {path:?} in paths must be one of {}, got {word}", words.join(", ")))
        });
        known.map(|operation| (path.clone(), *operation))
    };
    members.iter().map(operation).collect()
}

fn usage(value: Option<&Value>) -> Result<BTreeMap<String, String>> {
    match value {
        None => Ok(BTreeMap::new()),
        Some(Value::Object(members)) => {
            members.iter().map(|(name, path)| Ok((name.clone(), text(&format!("{name} of usage"), path)?))).collect()
        }
        Some(other) => {
            Err(refused(format!("usage must be an object such as {{\"input\": \"usage.prompt\"}}, got {other}")))
        }
    }
}

fn dimension(what: &str, name: &str) -> Result<Dimension> {
    Dimension::from_name(name).ok_or_else(|| {
        let others = if what == "usage" { format!(", {NAMES}") } else { String::new() };
        refused(format!("unknown name {name:?} in {what}; known are {}{others}", Dimension::known_names()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_with_or_without_a_port() {
        for (host, is) in [
            ("llm.internal", true),
            (".internal", true),
            ("localhost:4000", true),
            ("[::1]:4000", true),
            ("[::1]", true),
            ("https://llm.internal", false),
            ("llm.internal/v1", false),
            ("llm.internal:", false),
            ("llm.internal:99999", false),
            ("::1", false),
            (".", false),
            ("", false),
            ("a b", false),
        ] {
            assert_eq!(is_host(host), is, "{host:?}");
        }
    }
}
