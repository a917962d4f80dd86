//! What is in force, but for secrets.

use serde_json::{Value, json};

use llmlab::Config;
use llmlab::outbox::ExitFlush;

pub(crate) fn to_json(config: &Config) -> String {
    let outbox = &config.outbox;
    json!({
        "project": config.project,
        "sinks": outbox.sinks.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "stream_usage": config.stream_usage.as_str(),
        "models": config.models,
        "hosts": config.hosts,
        "durability": outbox.durability.as_str(),
        "spool_max_bytes": outbox.spool_max_bytes,
        "spool_max_days": outbox.spool_max_days,
        "exit_flush": match config.exit_flush {
            ExitFlush::Ms(ms) => Value::from(ms),
            word => Value::from(word.to_string()),
        },
    })
    .to_string()
}
