//! The option `sinks`: names, or objects with a type.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

use serde_json::Value;

use crate::config::backend::{Backend, endpoint};
use crate::config::fields::Fields;
use crate::config::{address, invalid};
use crate::error::{Error, Result};
use crate::sink::otlp::Preset;
use crate::sink::{Batch, CustomSink, Endpoint, Secret, Sink, SinkSettings};

const NAMES: &str = "ledger, llmlab, console, jsonl:PATH, otlp:URL";
/// A file that is rotated: what an editor still opens.
const JSONL_MAX_BYTES: u64 = 64 * 1024 * 1024;
const JSONL_KEEP: u32 = 5;

/// One member of the option `sinks`: a name as in configuration, or a value.
///
/// ```
/// use llmlab::SinkChoice;
///
/// assert!(SinkChoice::try_from("jsonl:calls.jsonl").is_ok());
/// assert!(SinkChoice::try_from("nowhere").unwrap_err().to_string().contains("known are ledger"));
/// let _print = SinkChoice::function("print", |batch| {
///     println!("{} events", batch.events.len());
///     Ok::<_, std::io::Error>(())
/// });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SinkChoice {
    /// `llmlab`: whatever the option `backend` names.
    Backend,
    /// A sink that needs no other option.
    Sink(SinkSettings),
}

impl SinkChoice {
    /// A sink of your own: a value that implements [`Sink`]. It is called by the one I/O thread of the library, so while
    /// it works other sinks wait. What it does not take stays in the spool, and comes again; also from a process that died,
    /// so its name should say where it leads. In a forked child it is left alone, and the parent delivers.
    pub fn custom(sink: impl Sink + 'static) -> Self {
        Self::Sink(SinkSettings::Custom(CustomSink::new(sink)))
    }

    /// A function that is called with every batch, and takes all of it or, with an error, none. For the rest it is as
    /// [`SinkChoice::custom`].
    pub fn function<E: fmt::Display>(
        name: &'static str,
        deliver: impl FnMut(&Batch) -> std::result::Result<(), E> + Send + 'static,
    ) -> Self {
        Self::Sink(SinkSettings::Custom(CustomSink::function(name, deliver)))
    }
}

/// A sink by its name, as in the option `sinks`: `ledger`, `llmlab`, `console`, `jsonl:PATH`, `otlp:URL`.
impl TryFrom<&str> for SinkChoice {
    type Error = Error;

    fn try_from(name: &str) -> Result<Self> {
        by_name("sinks", name)
    }
}

/// A sink by its name.
impl TryFrom<String> for SinkChoice {
    type Error = Error;

    fn try_from(name: String) -> Result<Self> {
        by_name("sinks", &name)
    }
}

/// Reads the JSON form, a list of names and objects.
pub(super) fn from_json(value: &Value) -> Result<Vec<SinkChoice>> {
    let Value::Array(items) = value else {
        return Err(invalid(format!("sinks must be a list of {NAMES}, got {value}")));
    };
    let choice = |item: &Value| match item {
        Value::String(name) => by_name("sinks", name),
        Value::Object(members) => match members.get("type") {
            Some(Value::String(kind)) => {
                let mut members = members.clone();
                members.remove("type");
                of_type(kind, &Value::Object(members))
            }
            _ => Err(invalid(format!("one of sinks has no type; known are {NAMES}"))),
        },
        other => Err(invalid(format!("sinks must be names such as {NAMES}, got {other}"))),
    };
    items.iter().map(choice).collect()
}

/// Reads the form of a variable, names with commas between.
pub(super) fn from_text(option: &str, text: &str) -> Result<Vec<SinkChoice>> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(|name| by_name(option, name)).collect()
}

fn by_name(option: &str, name: &str) -> Result<SinkChoice> {
    let sink = match name.split_once(':') {
        None if name == "llmlab" => return Ok(SinkChoice::Backend),
        None if name == "ledger" => SinkSettings::Ledger,
        None if name == "console" => SinkSettings::Console,
        Some(("jsonl", path)) => jsonl(path, JSONL_MAX_BYTES, JSONL_KEEP)?,
        Some(("otlp", url)) => {
            let url = address::checked(&format!("the url of otlp in {option}"), url, false)?;
            SinkSettings::Otlp(Preset::default().endpoint(&url, None))
        }
        _ => return Err(invalid(format!("{option} has an unknown sink {name:?}; known are {NAMES}"))),
    };
    Ok(SinkChoice::Sink(sink))
}

fn of_type(kind: &str, options: &Value) -> Result<SinkChoice> {
    let Value::Object(members) = options else { return by_name("sinks", kind) };
    let fields = |known: &[&str]| Fields::new(kind, members, known);
    let sink = match kind {
        "jsonl" => {
            let fields = fields(&["path", "max_bytes", "keep"])?;
            let path = fields.text("path")?.unwrap_or_default();
            let max_bytes = fields.number("max_bytes", 1, u64::MAX)?.unwrap_or(JSONL_MAX_BYTES);
            let keep = fields.number("keep", 0, u64::from(u32::MAX))?.and_then(|keep| u32::try_from(keep).ok());
            jsonl(&path, max_bytes, keep.unwrap_or(JSONL_KEEP))?
        }
        "otlp" => otlp(fields(&["url", "preset", "api_key", "headers", "ca_file", "allow_insecure"])?)
            .map(SinkSettings::Otlp)?,
        "callback" => {
            let name = fields(&["name"])?.text("name")?.filter(|name| !name.is_empty());
            SinkSettings::Callback(name.ok_or_else(|| invalid("name of callback is missing".to_owned()))?)
        }
        _ => {
            let choice = by_name("sinks", kind)?;
            fields(&[])?;
            return Ok(choice);
        }
    };
    Ok(SinkChoice::Sink(sink))
}

/// What the preset says of a backend, and behind it what the user does: of two headers of a name the last one counts.
fn otlp(fields: Fields<'_>) -> Result<Endpoint> {
    let preset = match fields.text("preset")? {
        None => Preset::default(),
        Some(word) => Preset::from_name(&word).ok_or_else(|| {
            let known: Vec<_> = Preset::ALL.iter().map(|preset| preset.name()).collect();
            invalid(format!("preset of otlp must be one of {}, got {word:?}", known.join(", ")))
        })?,
    };
    let given = endpoint(fields)?;
    let mut endpoint = preset.endpoint(&given.url, fields.secret("api_key")?);
    endpoint.headers.extend(given.headers);
    endpoint.ca_file = given.ca_file;
    Ok(endpoint)
}

/// Absolute, so that the file is the same one for every process of the program, wherever it runs.
fn jsonl(path: &str, max_bytes: u64, keep: u32) -> Result<SinkSettings> {
    let wrong = || invalid(format!("path of jsonl must be that of a file, such as jsonl:calls.jsonl, got {path:?}"));
    let path = std::path::absolute(PathBuf::from(path)).map_err(|cause| wrong().caused_by(cause))?;
    path.file_name().ok_or_else(wrong)?;
    Ok(SinkSettings::Jsonl { path, max_bytes, keep })
}

/// A function cannot be named by text alone: nobody would call it.
pub(super) fn without_callbacks(choices: &[SinkChoice]) -> Result<()> {
    let callback = |choice: &SinkChoice| matches!(choice, SinkChoice::Sink(SinkSettings::Callback(_)));
    if choices.iter().any(callback) {
        return Err(invalid("a callback is a function, so it is given to init and not by name".to_owned()));
    }
    Ok(())
}

/// The sinks of a client: the listed ones, by default the ledger, and the backend if there is one.
pub(super) fn resolve(
    choices: Option<Vec<SinkChoice>>,
    backend: Option<Backend>,
    api_key: Option<Secret>,
) -> Result<Vec<SinkSettings>> {
    let mut backend = backend.map(|backend| backend.into_sink(api_key));
    let choices = choices.unwrap_or_else(|| {
        let backend = backend.is_some().then_some(SinkChoice::Backend);
        [SinkChoice::Sink(SinkSettings::Ledger)].into_iter().chain(backend).collect()
    });
    let sink = |choice| match choice {
        SinkChoice::Sink(sink) => Ok(sink),
        SinkChoice::Backend => backend.take().ok_or_else(|| {
            let message = "sinks has llmlab, which is the backend, but none is left; set `backend`, and list it once";
            invalid(message.to_owned())
        }),
    };
    let sinks = choices.into_iter().map(sink).collect::<Result<Vec<_>>>()?;
    if sinks.is_empty() {
        return Err(invalid("sinks must have at least one; LLMLAB_DISABLED=1 turns everything off".to_owned()));
    }
    let mut destinations = HashSet::new();
    if let Some(twice) = sinks.iter().find(|sink| !destinations.insert(sink.destination())) {
        return Err(invalid(format!("sinks has {twice} twice")));
    }
    if sinks.iter().any(|sink| matches!(sink, SinkSettings::Traces(_))) && !sinks.contains(&SinkSettings::Ledger) {
        let message = "the protocol traces is put together from the ledger, which sinks leaves out; add \"ledger\"";
        return Err(invalid(message.to_owned()));
    }
    Ok(sinks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;

    #[test]
    fn the_key_and_the_headers_go_to_the_backend_and_nowhere_else() {
        let options = r#"{"api_key":"k","backend":{"url":"https://a.example","headers":{"X-Tenant":"t"}},
                          "sinks":["llmlab",{"type":"otlp","url":"https://b.example","headers":{"X-Other":"o"}}]}"#;
        let options = Options::from_json(options).unwrap();
        let sinks = resolve(options.sinks, options.backend, options.api_key).unwrap();
        let [SinkSettings::Llmlab(backend), SinkSettings::Otlp(collector)] = sinks.as_slice() else {
            panic!("{sinks:?}");
        };
        assert_eq!(backend.api_key, Some(Secret("k".to_owned())));
        assert_eq!(backend.headers, [("x-tenant".to_owned(), Secret("t".to_owned()))]);
        assert_eq!((collector.url.as_str(), &collector.api_key), ("https://b.example/v1/traces", &None));
        assert_eq!(collector.headers, [("x-other".to_owned(), Secret("o".to_owned()))]);
    }
}
