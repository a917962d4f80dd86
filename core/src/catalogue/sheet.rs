//! The prices of one model, to be shown.

use std::sync::Arc;

use serde::Serialize;
use serde::ser::Serializer;
use serde_json::Value;

use super::terms::{UnitPrice, stated, word};
use super::{Catalogue, canonical};
use crate::event::MatchedBy;
use crate::moment::format_rfc3339;
use crate::provider;

/// Everything that the catalogue knows of one model.
#[derive(Clone, Debug, Serialize)]
pub struct Sheet {
    /// The provider's id.
    pub provider: String,
    /// The model's id.
    pub model: String,
    /// Its other names; of the user's own prices none.
    pub aliases: Vec<String>,
    /// How the name that was asked for led here.
    #[serde(serialize_with = "matched_by")]
    pub matched_by: MatchedBy,
    /// In the order of time.
    pub periods: Vec<SheetPeriod>,
}

/// Prices from one moment to the next.
#[derive(Clone, Debug, Serialize)]
pub struct SheetPeriod {
    /// RFC 3339; `None` is from ever.
    pub from: Option<String>,
    /// They hold at the moment that was asked for.
    pub in_force: bool,
    /// What they are. What follows from another one is left out: a dimension without a price has its parent's, a tier or a
    /// window without one the standard one, and above a number of input tokens holds what holds below.
    pub prices: Vec<SheetPrice>,
    /// Who says so: `sources`, and where sources disagreed `lost` and `why`. Of the user's own prices nothing.
    pub provenance: serde_json::Map<String, Value>,
}

/// One price.
#[derive(Clone, Debug, Serialize)]
pub struct SheetPrice {
    /// When it is taken: `standard`, `batch, from 272001 input`, `mon-fri 01:00-04:00 UTC`, `geo us`…
    pub terms: String,
    /// What is counted.
    pub dimension: &'static str,
    /// The price.
    #[serde(flatten)]
    pub price: UnitPrice,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a field over by reference")]
fn matched_by<S: Serializer>(value: &MatchedBy, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(value.as_str())
}

impl Catalogue {
    /// What is known of a model, by any of its names; `None` for an unknown one. An empty provider is told by the name.
    pub fn sheet(&self, provider: &str, model: &str, at_unix_ns: i64) -> Option<Sheet> {
        let hit = self.with_model(provider, model, |hit| Some(hit?.clone()))?;
        let lower = hit.model.id.to_ascii_lowercase();
        let named = Some(canonical(provider)).filter(|name| !name.is_empty());
        let provider = match named {
            Some(name) => name.into_owned(),
            None => self.overridden_by(&lower).or_else(|| Some(provider::owner_of(model)?.id.to_owned()))?,
        };
        // The user's own prices may have the id of a listed model, and have nothing else of it.
        let listed = self.shelf(&provider);
        let listed = listed.filter(|shelf| shelf.find(&lower).is_some_and(|model| Arc::ptr_eq(&model, &hit.model)));
        let line = listed.and_then(|listed| listed.line(&lower));
        let line: Value = line.and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
        let texts = |value: &Value| {
            let texts = value.as_array().into_iter().flatten();
            texts.filter_map(|text| text.as_str().map(str::to_owned)).collect()
        };
        let in_force = hit.model.period_at(at_unix_ns).map(|period| period.from_ns);
        let periods = hit.model.periods.iter().map(|period| {
            let from = (period.from_ns != i64::MIN).then(|| format_rfc3339(period.from_ns));
            let prices = stated(period).into_iter().map(|(terms, dimension, price)| SheetPrice {
                terms: terms.to_string(),
                dimension: word(&terms, dimension),
                price,
            });
            SheetPeriod {
                in_force: in_force == Some(period.from_ns),
                prices: prices.collect(),
                provenance: provenance(&line["periods"], from.as_deref()),
                from,
            }
        });
        Some(Sheet {
            provider,
            model: hit.model.id.to_string(),
            aliases: texts(&line["aliases"]),
            matched_by: hit.matched_by,
            periods: periods.collect(),
        })
    }
}

/// What the line says of where the prices of a period come from.
fn provenance(periods: &Value, from: Option<&str>) -> serde_json::Map<String, Value> {
    let begins = |period: &&Value| {
        let begin = period["from"].as_str().and_then(|text| crate::moment::parse_rfc3339(text).ok());
        begin.map(format_rfc3339).as_deref() == from
    };
    let period = periods.as_array().into_iter().flatten().find(begins).and_then(Value::as_object);
    let told = |name: &str| Some((name.to_owned(), period?.get(name)?.clone()));
    ["sources", "why", "lost"].into_iter().filter_map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::parse_rfc3339;

    fn lines(sheet: &Sheet, period: usize) -> Vec<String> {
        let prices = sheet.periods[period].prices.iter();
        prices.map(|price| format!("{} | {} | {}", price.terms, price.dimension, price.price)).collect()
    }

    #[test]
    fn a_sheet_states_each_price_once_with_its_terms() {
        let line = r#"{"provider":"p","id":"m","periods":[{"rates":{
            "standard":{"input":"2.5","output":"15","cache_read":"0.25","web_searches":"10/1000","tiers":[{"over":272000,"input":"5"}]},
            "batch":{"input":"1.25"}},"windows":[{"days":"mon-fri","utc":"01:00-04:00","rates":{"output":"20"}}],"geo":{"us":"1.1"}},
            {"from":"2027-01-01T00:00:00Z","rates":{"standard":{"audio_seconds":"0.111/3600"}}}]}"#
            .replace('\n', "");
        let catalogue = Catalogue::with_overrides(&line).unwrap();
        let sheet = catalogue.sheet("", "M", parse_rfc3339("2026-06-01T00:00:00Z").unwrap()).unwrap();
        assert_eq!((sheet.provider.as_str(), sheet.matched_by), ("p", MatchedBy::Override));
        assert_eq!(sheet.periods.iter().map(|period| period.in_force).collect::<Vec<_>>(), [true, false]);
        assert_eq!(
            lines(&sheet, 0),
            [
                "standard | input | $2.5 per 1M",
                "standard | output | $15 per 1M",
                "standard | cache_read | $0.25 per 1M",
                "standard | web_searches | $0.01 each",
                "standard, from 272001 input | input | $5 per 1M",
                "batch | input | $1.25 per 1M",
                "mon-fri 01:00-04:00 UTC | output | $20 per 1M",
                "geo us | tokens | ×1.1",
            ]
        );
        assert_eq!(lines(&sheet, 1), ["standard | audio_seconds | $0.111 per 3600"]);
    }

    #[test]
    fn a_built_in_model_tells_its_names_and_its_sources() {
        let sheet = Catalogue::embedded().sheet("openai", "GPT-4o-mini", 0).unwrap();
        assert!(sheet.aliases.iter().any(|name| name == "gpt-4o-mini-2024-07-18"), "{:?}", sheet.aliases);
        assert!(sheet.periods[0].provenance.contains_key("sources"));
        assert!(Catalogue::embedded().sheet("openai", "gpt-nil", 0).is_none());
    }
}
