//! Prices queries: one JSON object a line in, one amount of dollars (or `null`) a line out.
//!
//! ```text
//! $ echo '{"provider":"openai","model":"gpt-4o-mini","usage":{"input":1000,"output":500},"timestamp":"2026-11-19T18:22:46Z"}' |
//!       cargo run -q -p llmlab --example price
//! 0.00045
//! ```

#![expect(clippy::print_stdout, reason = "a program's output")]

use std::error::Error;
use std::io::{BufRead, stdin};

use llmlab::Usage;
use llmlab::catalogue::Catalogue;
use llmlab::moment::parse_rfc3339;
use llmlab::price::Query;
use serde::Deserialize;

#[derive(Deserialize)]
struct Asked {
    provider: String,
    model: String,
    usage: Usage,
    timestamp: String,
    service_tier: Option<String>,
    inference_geo: Option<String>,
    speed: Option<String>,
    search_context_size: Option<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let catalogue = Catalogue::embedded();
    for line in stdin().lock().lines() {
        let asked: Asked = serde_json::from_str(&line?)?;
        let at = parse_rfc3339(&asked.timestamp)?;
        let query = Query {
            service_tier: asked.service_tier.as_deref(),
            inference_geo: asked.inference_geo.as_deref(),
            speed: asked.speed.as_deref(),
            search_context_size: asked.search_context_size.as_deref(),
            ..Query::new(&asked.provider, &asked.model, &asked.usage, at)
        };
        match catalogue.cost(&query)?.total {
            Some(total) => println!("{total}"),
            None => println!("null"),
        }
    }
    Ok(())
}
