//! What pricing one recorded call costs; the budget is 100 ns.

#![expect(clippy::unwrap_used, reason = "a benchmark fails loudly")]

use divan::{Bencher, black_box};
use llmlab::catalogue::Catalogue;
use llmlab::event::{Call, CostState, Operation, Status};
use llmlab::moment::parse_rfc3339;
use llmlab::{Dimension, Usage};

fn main() {
    divan::main();
}

fn call(provider: &'static str, model: &str, usage: Usage) -> Call {
    let mut call = Call::new(Operation::Chat);
    call.provider = Some(provider.into());
    call.model = Some(model.into());
    call.usage = usage;
    call
}

fn plain() -> Usage {
    Usage::new().with(Dimension::Input, 1482).with(Dimension::Output, 645)
}

fn bench(bencher: Bencher<'_, '_>, call: &Call, state: CostState) {
    let catalogue = Catalogue::embedded();
    let at = parse_rfc3339("2026-11-18T08:00:00Z").unwrap();
    assert_eq!(catalogue.charge(call, Status::Ok, at).state, state);
    bencher.bench(|| catalogue.charge(black_box(call), Status::Ok, black_box(at)));
}

#[divan::bench]
fn plain_chat(bencher: Bencher<'_, '_>) {
    bench(bencher, &call("openai", "gpt-4o-mini", plain()), CostState::Priced);
}

#[divan::bench]
fn cached_and_reasoning_in_batch(bencher: Bencher<'_, '_>) {
    let usage = plain().with(Dimension::CacheRead, 1024).with(Dimension::Reasoning, 300);
    let mut call = call("openai", "gpt-5.1", usage);
    call.service_tier = Some("batch".into());
    bench(bencher, &call, CostState::Priced);
}

#[divan::bench]
fn dated_with_peak_hours(bencher: Bencher<'_, '_>) {
    bench(bencher, &call("deepseek", "deepseek-v4-pro", plain()), CostState::Priced);
}

#[divan::bench]
fn regional(bencher: Bencher<'_, '_>) {
    let mut call = call("anthropic", "claude-opus-5", plain());
    call.inference_geo = Some("us".into());
    bench(bencher, &call, CostState::Priced);
}

#[divan::bench]
fn unknown_model(bencher: Bencher<'_, '_>) {
    bench(bencher, &call("openai", "gpt-4o-minion", plain()), CostState::Unpriced);
}
