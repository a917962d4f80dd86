//! The vectors of `conformance/config.jsonl`: options, variables and a file, and the configuration they make.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use llmlab::clock::SystemClock;
use llmlab::outbox::ExitFlush;
use llmlab::{Config, Error, Llmlab, Options};
use serde_json::{Value, json};

fn vectors() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/config.jsonl");
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn configured(vector: &Value, home: &Path) -> Result<Llmlab, Error> {
    if let Some(file) = vector["file"].as_str() {
        std::fs::write(home.join("config.json"), file).unwrap();
    }
    let options = if vector["options"].is_null() { json!({}) } else { vector["options"].clone() };
    let variable = |name: &str| match name {
        "LLMLAB_HOME" => Some(home.to_string_lossy().into_owned()),
        _ => vector["variables"][name].as_str().map(str::to_owned),
    };
    let config = Config::resolve(Options::from_json(&options.to_string())?, &variable)?;
    Llmlab::new(config, Arc::new(SystemClock))
}

/// What was configured, but for what nobody said anything about; null where there would be no event.
fn seen(lab: &Llmlab) -> Value {
    let (config, base) = (lab.config(), lab.base());
    let fields = [
        ("project", Some(config.project.clone())),
        ("environment", config.environment.clone()),
        ("service", config.service.clone()),
        ("run_id", config.run_id.clone()),
        ("feature", base.feature.clone()),
        ("user", base.user.clone()),
        ("session", base.session.clone()),
    ];
    let mut seen: BTreeMap<_, Value> =
        fields.into_iter().filter_map(|(name, value)| Some((name, value?.into()))).collect();
    if !base.tags.is_empty() {
        seen.insert("tags", base.tags.iter().cloned().collect::<BTreeMap<_, _>>().into_iter().collect());
    }
    let defaults = Config::resolve(Options::default(), &|name| (name == "LLMLAB_HOME").then(|| "/nowhere".to_owned()));
    for ((name, value), (_, default)) in settings(config).into_iter().zip(settings(&defaults.unwrap())) {
        if value != default {
            seen.insert(name, value);
        }
    }
    if config.disabled { Value::Null } else { json!(seen) }
}

fn settings(config: &Config) -> [(&'static str, Value); 8] {
    let exit_flush = match config.exit_flush {
        ExitFlush::Ms(ms) => json!(ms),
        word => json!(word.to_string()),
    };
    [
        ("sinks", config.outbox.sinks.iter().map(ToString::to_string).collect()),
        ("stream_usage", json!(config.stream_usage.as_str())),
        ("models", json!(config.models)),
        ("hosts", json!(config.hosts)),
        ("durability", json!(config.outbox.durability.as_str())),
        ("spool_max_bytes", json!(config.outbox.spool_max_bytes)),
        ("spool_max_days", json!(config.outbox.spool_max_days)),
        ("exit_flush", exit_flush),
    ]
}

#[test]
fn every_configuration_is_what_its_vector_says() {
    for vector in vectors() {
        let name = vector["name"].as_str().unwrap();
        let home = tempfile::tempdir().unwrap();
        match configured(&vector, home.path()) {
            Ok(lab) => {
                assert_eq!(seen(&lab), vector["expect"], "{name}");
                let notices = lab.take_notices().join("\n");
                let words = vector["warns"].as_array().cloned().unwrap_or_default();
                assert_eq!(notices.is_empty(), words.is_empty(), "{name}: {notices}");
                assert!(words.iter().all(|word| notices.contains(word.as_str().unwrap())), "{name}: {notices}");
            }
            Err(error) => {
                let expected = &vector["error"];
                assert_eq!(expected["code"].as_str(), Some(error.code().as_str()), "{name}: {error}");
                for word in expected["says"].as_array().unwrap() {
                    assert!(error.to_string().contains(word.as_str().unwrap()), "{name}: {error}");
                }
                for secret in expected["hides"].as_array().into_iter().flatten() {
                    assert!(!error.to_string().contains(secret.as_str().unwrap()), "{name}: {error}");
                }
            }
        }
    }
}
