//! A client of the library, and the events that it recorded.

use std::sync::Arc;
use std::time::Duration;

use llmlab::clock::SystemClock;
use llmlab::{Config, Llmlab, Options};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) struct Record {
    pub(crate) lab: Llmlab,
    home: TempDir,
}

impl Record {
    pub(crate) fn new() -> Self {
        Self::with(json!({}))
    }

    pub(crate) fn with(options: Value) -> Self {
        Self::in_environment(options, None)
    }

    pub(crate) fn disabled() -> Self {
        Self::in_environment(json!({}), Some("LLMLAB_DISABLED"))
    }

    fn in_environment(mut options: Value, set: Option<&str>) -> Self {
        let home = tempfile::tempdir().unwrap();
        options["sinks"] = json!([format!("jsonl:{}", home.path().join("events.jsonl").display())]);
        let variable = |name: &str| match name {
            "LLMLAB_HOME" => Some(home.path().display().to_string()),
            name => (Some(name) == set).then(|| "1".to_owned()),
        };
        let config = Config::resolve(Options::from_json(&options.to_string()).unwrap(), &variable).unwrap();
        Self { lab: Llmlab::new(config, Arc::new(SystemClock)).unwrap(), home }
    }

    /// The events so far, in the order in which they were recorded.
    pub(crate) fn events(&self) -> Vec<Value> {
        assert_eq!(self.lab.flush(Duration::from_secs(20)).pending, 0);
        let text = std::fs::read_to_string(self.home.path().join("events.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The only event.
    pub(crate) fn event(&self) -> Value {
        let mut events = self.events();
        assert_eq!(events.len(), 1, "{events:#?}");
        events.remove(0)
    }
}
