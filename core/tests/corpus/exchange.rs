//! Byte for byte through the exchange, in chunks of several sizes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use llmlab::catalogue::Catalogue;
use llmlab::event::Facts;
use llmlab::exchange::{End, Exchange, Request, read_response};
use llmlab::moment::Moment;
use llmlab::price::Query;
use llmlab::{Dimension, Money};
use serde_json::Value;

use crate::expectation::{Figure, Figures, call, faults};
use crate::recording::{asked, body, cases, headers, lines, shared, status, text};

/// What a body says, in pieces of that many bytes.
fn replay(case: &Value, chunk_bytes: usize) -> Option<Facts> {
    let asked = asked(case);
    let request =
        Request { method: text(case, "request_method"), url: text(case, "request_url"), body: asked.as_bytes() };
    let mut exchange = Exchange::begin(&request, Moment::default())?;
    exchange.head(status(case), headers(case).map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    for chunk in body(case).chunks(chunk_bytes) {
        exchange.push(chunk, Moment::default);
    }
    exchange.finish(End::Complete, None, Moment::default()).next()
}

#[test]
fn every_recorded_exchange_gives_the_usage_that_the_recording_says() {
    let Some(cases) = cases() else { return };
    let mut figures = Figures::default();
    for case in &cases {
        let sizes = [1, 7, 64, 1 << 20];
        figures.add(case, sizes.iter().flat_map(|&bytes| faults(case, replay(case, bytes).as_ref())).collect());
    }
    compare_with_the_page(&figures.by_provider);
    figures.judge();
}

/// The figures are those that docs/providers.md shows.
fn compare_with_the_page(figures: &BTreeMap<&str, Figure>) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("conformance/recorded.jsonl");
    let mut fresh = String::new();
    for (provider, Figure { good, of, exceptions }) in figures {
        let line = serde_json::json!({"provider": provider, "good": good, "of": of, "exceptions": exceptions});
        fresh += &line.to_string();
        fresh.push('\n');
    }
    if std::env::var_os("LLMLAB_REGENERATE").is_some() {
        std::fs::write(path, fresh).unwrap();
    } else {
        let shown = std::fs::read_to_string(&path).unwrap();
        assert_eq!(shown, fresh, "conformance/recorded.jsonl is out of date: run `make docs` and commit it");
    }
}

#[test]
fn every_raw_usage_block_gives_the_usage_that_was_billed() {
    let path = shared("LLMLAB_SHARED", "").join("prices/usage_native_cases.jsonl");
    let Some(cases) = lines(&path) else { return };
    let count = cases.len();
    for case in cases {
        let body = case["body"].to_string();
        let call = read_response(case["provider"].as_str(), case["api"].as_str(), body.as_bytes()).unwrap();
        for dimension in Dimension::ALL {
            let expected = case["expected_usage"][dimension.name()].as_u64().unwrap_or(0);
            assert_eq!(call.usage.count(dimension), expected, "{} of {case}", dimension.name());
        }
        assert_eq!(call.model.as_deref(), case["model"].as_str());
        assert_eq!(call.provider.as_deref(), case["provider"].as_str());
    }
    eprintln!("raw usage blocks: {count} of {count}");
    assert_eq!(count, 16);
}

/// Whoever states its own cost tells whether we count and price as it does. xAI's statements are exact; Perplexity rounds each
/// part to five decimals. Two models have no price, and the price of xAI's web searches is not in the catalogue.
#[test]
fn what_providers_state_is_what_usage_and_catalogue_say() {
    let Some(cases) = cases() else { return };
    let (mut same, mut stated) = (0, 0);
    for case in &cases {
        let Some(facts) = replay(case, 1 << 20) else { continue };
        let call = call(&facts);
        let (Some(cost), Some(provider)) = (call.provider_cost, call.provider.as_deref()) else { continue };
        if !["xai", "perplexity"].contains(&provider) {
            continue;
        }
        stated += 1;
        let ours = Catalogue::embedded().cost(&Query {
            search_context_size: call.search_context_size.as_deref(),
            ..Query::new(provider, call.model.as_deref().unwrap(), &call.usage, 1_795_000_000_000_000_000)
        });
        // Floats are fine here: they compare what was rounded.
        let amount = |money: Money| money.to_string().parse::<f64>().unwrap();
        let total = ours.unwrap().total;
        let rounding = if provider == "perplexity" { 0.000_01 } else { 1e-15 };
        let agrees = total.is_some_and(|total| (amount(total) - amount(cost)).abs() < rounding);
        eprintln!("{:24} states {cost}, ours {total:?}", case["id"].as_str().unwrap());
        same += u32::from(agrees);
    }
    eprintln!("own statements that we agree with: {same} of {stated}");
    assert_eq!((stated, same >= 6), (10, true));
}
