//! The vectors of `core/conformance/price`: what calls cost, worked out by hand (`tools/prices/vectors.py`).

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails loudly")]

use std::fs;
use std::path::Path;

use llmlab::catalogue::Catalogue;
use llmlab::event::{Call, CostSource, CostState, MatchedBy, Operation, Pass, Status};
use llmlab::moment::parse_rfc3339;
use llmlab::price::{Cost, Query};
use llmlab::{Dimension, ErrorCode, Money, Usage};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    provider: String,
    model: String,
    usage: Usage,
    at: String,
    service_tier: Option<String>,
    inference_geo: Option<String>,
    speed: Option<String>,
    search_context_size: Option<String>,
    #[serde(default)]
    cost_usd: Option<Money>,
    state: Option<String>,
    matched_by: Option<String>,
    model_id: Option<String>,
    error: Option<String>,
}

fn vectors() -> Vec<(String, Vector)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/price");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: &Path| {
        let file = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(path).unwrap();
        let parse =
            |line: &str| (file.clone(), serde_json::from_str(line).unwrap_or_else(|e| panic!("{file}: {e}: {line}")));
        text.lines().map(parse).collect::<Vec<_>>()
    };
    paths.iter().flat_map(|path| read(path)).collect()
}

fn query(vector: &Vector) -> Query<'_> {
    Query {
        service_tier: vector.service_tier.as_deref(),
        inference_geo: vector.inference_geo.as_deref(),
        speed: vector.speed.as_deref(),
        search_context_size: vector.search_context_size.as_deref(),
        ..Query::new(&vector.provider, &vector.model, &vector.usage, parse_rfc3339(&vector.at).unwrap())
    }
}

#[test]
fn every_vector_costs_what_it_says() {
    let catalogue = Catalogue::embedded();
    let vectors = vectors();
    assert!(vectors.len() > 100, "the folder of vectors is not what it should be");
    let mut wrong = Vec::new();
    for (file, vector) in &vectors {
        let mut check = |what: &str, expected: Option<&str>, got: Option<&str>| {
            if expected != got {
                wrong.push(format!("{file}: {}: {what} should be {expected:?}, is {got:?}", vector.name));
            }
        };
        match catalogue.cost(&query(vector)) {
            Err(error) => check("error", vector.error.as_deref(), Some(error.code().as_str())),
            Ok(cost) => {
                check("error", vector.error.as_deref(), None);
                let [expected, got] = [vector.cost_usd, cost.total].map(|total| total.map(|total| total.to_string()));
                check("cost_usd", expected.as_deref(), got.as_deref());
                check("state", vector.state.as_deref(), Some(cost.state.as_str()));
                if vector.matched_by.is_some() {
                    check("matched_by", vector.matched_by.as_deref(), cost.matched_by.map(MatchedBy::as_str));
                }
                if vector.model_id.is_some() {
                    check("model_id", vector.model_id.as_deref(), cost.model.as_deref());
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} vectors:\n{}", wrong.len(), vectors.len(), wrong.join("\n"));
}

#[test]
fn the_hot_path_charges_what_the_query_costs() {
    let catalogue = Catalogue::embedded();
    for (file, vector) in vectors() {
        let mut call = Call::new(Operation::Chat);
        call.provider = (!vector.provider.is_empty()).then(|| vector.provider.clone().into());
        call.model = Some(vector.model.clone());
        call.usage = vector.usage;
        call.service_tier.clone_from(&vector.service_tier);
        call.inference_geo.clone_from(&vector.inference_geo);
        call.speed.clone_from(&vector.speed);
        call.search_context_size.clone_from(&vector.search_context_size);
        let charge = catalogue.charge(&call, Status::Ok, parse_rfc3339(&vector.at).unwrap());
        let state = vector.state.as_deref().unwrap_or("unpriced");
        assert_eq!((charge.total, charge.state.as_str()), (vector.cost_usd, state), "{file}: {}", vector.name);
        assert_eq!(charge.total.is_none(), charge.state == CostState::Unpriced, "{file}: {}", vector.name);
    }
}

fn mini(usage: Usage) -> Call {
    let mut call = Call::new(Operation::Chat);
    call.provider = Some("openai".into());
    call.model = Some("gpt-4o-mini".into());
    call.usage = usage;
    call
}

fn charged(call: &Call, status: Status) -> (Option<String>, CostState, CostSource) {
    let charge = Catalogue::embedded().charge(call, status, parse_rfc3339("2026-11-18T12:00:00Z").unwrap());
    (charge.total.map(|total| total.to_string()), charge.state, charge.source)
}

#[test]
fn what_is_known_of_a_call_depends_on_how_it_ended() {
    use CostSource::{Catalogue, NotBilled};
    use CostState::{Estimated, Priced, Unpriced};
    let some = Usage::new().with(Dimension::Input, 1000);
    let cost = || Some("0.00015".to_owned());
    for (status, without_usage, with_usage) in [
        (Status::Ok, (None, Unpriced, Catalogue), (cost(), Priced, Catalogue)),
        (Status::Error, (Some("0".to_owned()), Priced, NotBilled), (cost(), Priced, Catalogue)),
        (Status::Lost, (None, Unpriced, Catalogue), (cost(), Estimated, Catalogue)),
        (Status::Cancelled, (None, Unpriced, Catalogue), (cost(), Estimated, Catalogue)),
        (Status::Aborted, (None, Unpriced, Catalogue), (cost(), Estimated, Catalogue)),
    ] {
        assert_eq!(charged(&mini(Usage::new()), status), without_usage, "{status}");
        assert_eq!(charged(&mini(some), status), with_usage, "{status}");
    }
}

/// The provider had begun to work, and what it tells of that may not be all.
#[test]
fn an_error_in_a_stream_is_no_refusal() {
    let mut call = mini(Usage::new());
    call.stream = true;
    assert_eq!(charged(&call, Status::Error), (None, CostState::Unpriced, CostSource::Catalogue));
    call.usage = Usage::new().with(Dimension::Input, 1000);
    let known = Some("0.00015".to_owned());
    assert_eq!(charged(&call, Status::Error), (known, CostState::Estimated, CostSource::Catalogue));
}

#[test]
fn the_cost_that_the_provider_states_is_the_cost() {
    let mut call = mini(Usage::new().with(Dimension::Input, 1000));
    call.provider_cost = Some("0.5".parse().unwrap());
    assert_eq!(charged(&call, Status::Ok), (Some("0.5".into()), CostState::Priced, CostSource::Provider));
}

#[test]
fn extra_passes_are_added_each_by_its_own_model() {
    let usage = Usage::new().with(Dimension::Input, 1000);
    let pass = |model: Option<&str>| Pass { model: model.map(Into::into), usage };
    let mut call = mini(usage);
    call.extra_passes = vec![pass(None), pass(Some("gpt-5.1"))];
    let total = Some("0.00155".to_owned());
    assert_eq!(charged(&call, Status::Ok), (total.clone(), CostState::Priced, CostSource::Catalogue));
    call.extra_passes.push(pass(Some("gpt-nil")));
    assert_eq!(charged(&call, Status::Ok), (total, CostState::Estimated, CostSource::Catalogue));
}

#[test]
fn contradictory_usage_is_unpriced_on_the_hot_path() {
    let usage = Usage::new().with(Dimension::Output, 1).with(Dimension::Reasoning, 2);
    assert_eq!(charged(&mini(usage), Status::Ok), (None, CostState::Unpriced, CostSource::Catalogue));
    let query = Query::new("openai", "gpt-4o-mini", &usage, 0);
    assert_eq!(Catalogue::embedded().cost(&query).unwrap_err().code(), ErrorCode::InvalidUsage);
}

#[test]
fn a_name_that_the_user_mapped_decides_when_the_answer_names_an_unknown_one() {
    let prices = r#"{"provider":"azure","id":"gpt-4o-mini","aliases":["prod-chat"]}"#;
    let catalogue = Catalogue::with_overrides(prices).unwrap();
    let mut call = mini(Usage::new().with(Dimension::Input, 1000));
    call.provider = Some("azure".into());
    call.model = Some("internal-7".into());
    call.model_requested = Some("prod-chat".into());
    let at = parse_rfc3339("2026-11-18T12:00:00Z").unwrap();
    let charge = catalogue.charge(&call, Status::Ok, at);
    assert_eq!((charge.state, charge.matched_by), (CostState::Priced, Some(MatchedBy::Override)));
    assert_eq!(Catalogue::embedded().charge(&call, Status::Ok, at).state, CostState::Unpriced);
}

/// Consistent usages: every part is drawn inside its whole.
fn usage() -> impl Strategy<Value = Usage> {
    use Dimension as D;
    prop::collection::vec(0..3_000_000_000_u64, 9).prop_map(|n| {
        Usage::new()
            .with(D::Input, n[0] + n[1] + n[2] + n[3])
            .with(D::CacheRead, n[1])
            .with(D::CacheWrite5m, n[2])
            .with(D::AudioIn, n[3])
            .with(D::Output, n[4] + n[5])
            .with(D::Reasoning, n[5])
            .with(D::WebSearches, n[6])
            .with(D::AudioSeconds, n[7])
            .with(D::Requests, n[8])
    })
}

fn cost(usage: &Usage, model: (&str, &str)) -> Cost {
    Catalogue::embedded().cost(&Query::new(model.0, model.1, usage, 1_795_000_000_000_000_000)).unwrap()
}

const MODELS: [(&str, &str); 5] = [
    ("openai", "gpt-5.6-terra"),
    ("anthropic", "claude-haiku-5-5"),
    ("google", "gemini-2.5-flash"),
    ("groq", "whisper-large-v3"),
    ("perplexity", "sonar"),
];

proptest! {
    #[test]
    fn a_cost_is_the_sum_of_its_lines_and_its_lines_the_whole_usage(usage in usage(), model in 0..MODELS.len()) {
        let cost = cost(&usage, MODELS[model]);
        prop_assert_eq!(cost.total.unwrap_or_default(), cost.lines.iter().map(|line| line.total).sum());
        let leaves = usage.leaves().unwrap();
        for line in &cost.lines {
            prop_assert_eq!(line.count, leaves.count(line.dimension));
        }
    }

    #[test]
    fn no_name_makes_it_panic(
        provider in "(openai|bedrock|vertex|google||[a-z]{0,4}/?)",
        model in r"(ft:|arn:aws:bedrock:|models/|projects/)?\PC{0,12}[-@:/]?(20[0-9]{6}|20[0-9]{2}-[0-9]{2}-[0-9]{2})?\PC{0,3}",
    ) {
        let usage = Usage::new().with(Dimension::Input, 1);
        let catalogue = Catalogue::embedded();
        prop_assert!(catalogue.cost(&Query::new(&provider, &model, &usage, 0)).is_ok());
        prop_assert!(catalogue.nearest(Some(&provider), &model).len() <= 5);
    }

    #[test]
    fn totals_are_the_same_in_any_order(usages in prop::collection::vec(usage(), 1..20), model in 0..MODELS.len()) {
        let total = |usages: &mut dyn Iterator<Item = &Usage>| -> Money {
            usages.filter_map(|usage| cost(usage, MODELS[model]).total).sum()
        };
        prop_assert_eq!(total(&mut usages.iter()), total(&mut usages.iter().rev()));
    }
}
