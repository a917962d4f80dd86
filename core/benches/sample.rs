//! An ordinary call, as an SDK makes it.
#![expect(clippy::unwrap_used, reason = "numbers of samples are small")]

use std::sync::Arc;

use llmlab::event::{
    Attribution, Call, Charge, CostSource, CostState, Event, EventId, Facts, MatchedBy, Operation, Origin, Status,
    Subject,
};
use llmlab::{Dimension, Usage};

/// The event of a number. Numbers spread over a month and over ten kinds of call.
pub(crate) fn call(number: u64) -> Event {
    const MODELS: [(&str, &str); 5] = [
        ("openai", "gpt-5-2025-08-07"),
        ("openai", "gpt-5-mini-2025-08-07"),
        ("anthropic", "claude-sonnet-4-6"),
        ("anthropic", "claude-haiku-4-5-20251001"),
        ("google", "gemini-2.5-flash"),
    ];
    const FEATURES: [&str; 2] = ["search", "summaries"];
    let index = usize::try_from(number).unwrap();
    let signed = i64::try_from(number).unwrap();
    let (provider, model) = MODELS[index % MODELS.len()];
    let usage = Usage::new()
        .with(Dimension::Input, 1_000 + number % 7_000)
        .with(Dimension::CacheRead, number % 900)
        .with(Dimension::Output, 100 + number % 900)
        .with(Dimension::Reasoning, number % 90);
    let mut call = Call::new(Operation::Chat);
    call.provider = Some(provider.into());
    call.model = Some(model.to_owned());
    call.model_requested = Some(model.to_owned());
    call.usage = usage;
    call.response_id = Some(format!("chatcmpl-Ck3fG7sQ9aLxR2mN{number:08x}"));
    let feature = Some(FEATURES[index / 5 % FEATURES.len()].to_owned());
    let cost = llmlab::Money::from_nano_atto(1_000_000 + signed * 7_919 % 90_000_000, 250_000_000);
    Event {
        id: EventId { writer: *b"the-same-writer!", counter: number },
        origin: Arc::new(Origin { project: "shop".into(), run_id: Some("run".into()), ..Origin::default() }),
        attribution: Arc::new(Attribution { feature, ..Attribution::default() }),
        facts: Facts {
            unix_ns: 1_790_000_000_000_000_000 + signed * 2_592_000_123,
            latency_ns: Some(812_345_678 + number * 1_001),
            status: Status::Ok,
            error_type: None,
            subject: Subject::Call(Box::new(call)),
        },
        charge: Some(Charge {
            total: Some(cost),
            state: CostState::Priced,
            source: CostSource::Catalogue,
            catalogue_version: 20_261_119,
            matched_by: Some(MatchedBy::Exact),
        }),
    }
}
