//! What every language offers, this one too; and what of this crate a user can name, so that a change of it is seen.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a test may be told to write the listing anew")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

#[path = "surface/api.rs"]
mod api;
#[path = "surface/words.rs"]
mod words;

use api::Api;

/// Where a function of the surface is in Rust: types whose methods and fields are its parameters, or a function.
const FUNCTIONS: &[(&str, &[&str])] = &[
    ("LLMLab", &["llmlab::Builder"]),
    ("init", &["llmlab::Builder"]),
    ("cost", &["llmlab::Llmlab::cost_of", "llmlab::price::Query"]),
    ("flush", &["llmlab::Llmlab::flush"]),
    ("models", &["llmlab::Llmlab::models"]),
    ("read_usage", &["llmlab::exchange::read_response"]),
    ("record_response", &["llmlab::Llmlab::track_response", "llmlab::track::TrackResponse"]),
    ("register_provider", &["llmlab::provider::register", "llmlab::provider::Definition"]),
    ("set_model", &["llmlab::Llmlab::set_model"]),
    ("set_price", &["llmlab::Llmlab::set_price", "llmlab::catalogue::Tariff"]),
    ("shutdown", &["llmlab::Llmlab::shutdown"]),
    ("stats", &["llmlab::Llmlab::stats"]),
    ("summary", &["llmlab::Llmlab::summary", "llmlab::report::SummaryQuery", "llmlab::ledger::Filter"]),
    ("trace", &["llmlab::Llmlab::trace", "llmlab::track::Trace"]),
    ("track", &["llmlab::Llmlab::track", "llmlab::track::Track"]),
    ("track_call", &["llmlab::Llmlab::track_call", "llmlab::track::TrackCall"]),
    // The arguments of the attribute are the methods of `Track`; tests/macros.rs uses them.
    ("track_cost", &["llmlab::track::Track"]),
];

/// Parameters and fields that have another name here.
const RENAMED: &[(&str, &str)] = &[
    ("cost.at", "unix_ns"),
    ("record_response.response", "body"),
    ("set_price.starts", "starting"),
    ("set_price.input", "rates"),
    ("set_price.output", "rates"),
    ("set_price.cache_read", "rates"),
    ("summary.since", "since_ns"),
    ("summary.until", "until_ns"),
    ("track_call.latency_ms", "latency"),
    ("track_call.tags", "tag"),
    ("Scope.begun", "exchanges_begun"),
    ("Summary.detail_since", "detail_since_ns"),
    ("Totals.cost_usd", "known_cost"),
    ("Totals.cost_state", "state"),
];

/// What there is not, and why.
const ABSENT: &[(&str, &str)] = &[
    ("instrument", "nothing is patched in Rust: an HTTP client is given a layer"),
    ("uninstrument", "as instrument"),
    ("cost.input_tokens", "a usage is a value here: Usage::new().with(Dimension::Input, 1_000)"),
    ("cost.output_tokens", "as input_tokens"),
    ("track.record", "no returned value is read in Rust, so none needs to be passed over"),
    ("track_cost.function", "an attribute is given what it stands on"),
    ("track_cost.provider", "no returned value is read in Rust"),
    ("track_cost.model", "as provider"),
    ("stats.faults", "a panic of ours is a notice: Llmlab::take_notices"),
    ("stats.drop_reasons", "they are the fields of Dropped"),
    ("sink_stats.drop_reasons", "they are the fields of Dropped"),
    ("errors.ConfigError", "Error has a code instead of classes"),
];

/// The types of what is returned.
const VALUES: &[(&str, &str)] = &[
    ("Cost", "llmlab::price::Cost"),
    ("FlushReport", "llmlab::outbox::FlushReport"),
    ("Group", "llmlab::report::Group"),
    ("Line", "llmlab::price::Line"),
    ("Scope", "llmlab::Scope"),
    ("Summary", "llmlab::report::Summary"),
    ("Totals", "llmlab::ledger::Totals"),
];

fn api() -> Api {
    Api::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

fn surface() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/surface.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Parameters, methods and fields of a type or a function.
fn members(api: &Api, place: &str) -> BTreeSet<String> {
    api.members(place)
        .or_else(|| {
            let (of, method) = place.rsplit_once("::")?;
            api.parameters(of, method)
        })
        .unwrap_or_else(|| panic!("{place} is not public"))
}

/// Compares names with what is there, and keeps account of the exceptions.
struct Comparison {
    missing: Vec<String>,
    used: BTreeSet<String>,
}

impl Comparison {
    fn expect_all(&mut self, whole: &str, names: &Value, there: &BTreeSet<String>) {
        for name in texts(names) {
            self.expect(whole, name, there);
        }
    }

    fn expect(&mut self, whole: &str, name: &str, there: &BTreeSet<String>) {
        let path = format!("{whole}.{name}");
        if ABSENT.iter().any(|(absent, _)| *absent == path) {
            if there.contains(name) {
                self.missing.push(format!("{path} is there by now"));
            }
            self.used.insert(path);
            return;
        }
        let renamed = RENAMED.iter().find(|(from, _)| *from == path).map(|(_, to)| *to);
        if renamed.is_some() {
            self.used.insert(path.clone());
        }
        if !there.contains(renamed.unwrap_or(name)) {
            self.missing.push(path);
        }
    }
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

// Sabotage: a parameter in surface.json that Rust has not.
#[test]
fn what_every_language_offers_is_in_rust_or_says_why_not() {
    let (api, surface) = (api(), surface());
    let mut found = Comparison { missing: Vec::new(), used: BTreeSet::new() };
    for (function, parameters) in surface["functions"].as_object().unwrap() {
        if ABSENT.iter().any(|(absent, _)| absent == function) {
            found.used.insert(function.clone());
            continue;
        }
        let Some((_, places)) = FUNCTIONS.iter().find(|(name, _)| name == function) else {
            found.missing.push(function.clone());
            continue;
        };
        let there: BTreeSet<String> = places.iter().flat_map(|place| members(&api, place)).collect();
        for parameter in texts(parameters) {
            let name = parameter.split('=').next().unwrap().trim_start_matches("**");
            if !name.is_empty() && !["*", "/"].contains(&name) {
                found.expect(function, name, &there);
            }
        }
    }
    for (value, fields) in surface["values"].as_object().unwrap() {
        let place = VALUES.iter().find(|(name, _)| name == value).map(|(_, place)| *place);
        let Some(place) = place else {
            found.missing.push(value.clone());
            continue;
        };
        let there = members(&api, place);
        found.expect_all(value, fields, &there);
    }
    let of = |places: &[&str]| places.iter().flat_map(|place| members(&api, place)).collect::<BTreeSet<_>>();
    let (stats, sinks) =
        (of(&["llmlab::stats::Stats", "llmlab::outbox::Counters"]), of(&["llmlab::outbox::SinkCounters"]));
    found.expect_all("stats", &surface["stats"], &stats);
    found.expect_all("sink_stats", &surface["sink_stats"], &sinks);
    let errors = BTreeSet::from(["LlmlabError".to_owned()]);
    found.expect_all("errors", &surface["errors"], &errors);
    assert_eq!(found.missing, Vec::<String>::new(), "the surface lacks these");
    let exceptions = ABSENT.iter().chain(RENAMED).map(|(name, _)| (*name).to_owned());
    let unused: Vec<_> = exceptions.filter(|name| !found.used.contains(name)).collect();
    assert_eq!(unused, Vec::<String>::new(), "exceptions that nothing needs");
}

/// A change here is a change for users: it wants a line in CHANGELOG.md. `LLMLAB_REGENERATE=1` writes the file.
#[test]
fn the_public_api_is_what_is_written_down() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("public-api.txt");
    let listing = api().listing();
    if std::env::var_os("LLMLAB_REGENERATE").is_some() {
        fs::write(&path, &listing).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let (written, now): (BTreeSet<_>, BTreeSet<_>) = (written.lines().collect(), listing.lines().collect());
    let gone: Vec<_> = written.difference(&now).collect();
    let new: Vec<_> = now.difference(&written).collect();
    assert!(
        gone.is_empty() && new.is_empty(),
        "gone: {gone:#?}\nnew: {new:#?}\nif meant, run with LLMLAB_REGENERATE=1"
    );
}
