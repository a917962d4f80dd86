//! Prices and names that a program sets while it runs. A catalogue never changes: each of these makes a new one, so that
//! readers need no lock.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::line::{self, RawPeriod};
use super::model::{Model, Period, ServiceTier};
use super::{Catalogue, Memo, Override, canonical};
use crate::error::{Error, ErrorCode, Result};
use crate::moment::parse_rfc3339;
use crate::usage::Dimension;

/// What a model costs: the words and the amounts of a price file, in dollars for a million tokens or characters, or for
/// one of anything else.
///
/// ```
/// use llmlab::Dimension;
/// use llmlab::catalogue::Tariff;
///
/// let price = Tariff::of([(Dimension::Input, "1.1"), (Dimension::Output, "8.8")])?;
/// let price = Tariff::from_json(r#"{"input": "1.1", "output": "8.8", "batch": {"input": "0.55", "output": "4.4"}}"#)?;
/// assert!(Tariff::from_json(r#"{"inputs": "1.1"}"#).unwrap_err().to_string().contains("inputs"));
/// # let _ = price;
/// # Ok::<(), llmlab::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Tariff {
    period: Period,
}

impl Tariff {
    /// The standard rates of these dimensions. What is not there takes the price of what contains it.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidPrices`] for what is no amount, and where there is none.
    pub fn of<A: Into<String>>(rates: impl IntoIterator<Item = (Dimension, A)>) -> Result<Self> {
        let rates =
            rates.into_iter().map(|(dimension, amount)| (dimension.name().to_owned(), Value::from(amount.into())));
        Self::from_members(rates.collect())
    }

    /// Reads rates by the names of dimensions: `input`, `output`, `cache_read`…; under the name of a service tier
    /// (`batch`, `flex`, `priority`, `fast`) those of that tier; `tiers` by total input; `starts`, when they begin to hold
    /// (RFC 3339, or a day, which begins at 00:00 UTC). What is not there takes the price of what contains it, `cache_read`
    /// that of `input`, and nothing of a price that was known before.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidPrices`], naming the value and what would do.
    pub fn from_json(json: &str) -> Result<Self> {
        let members = serde_json::from_str::<Map<String, Value>>(json)
            .map_err(|cause| refused("a price must be an object of rates".to_owned()).caused_by(cause))?;
        Self::from_members(members)
    }

    /// The same of an object that is read already.
    pub(crate) fn from_members(members: Map<String, Value>) -> Result<Self> {
        let (mut standard, mut rates, mut from) = (Map::new(), BTreeMap::new(), None);
        for (name, value) in members.into_iter().filter(|(_, value)| !value.is_null()) {
            if name == "starts" {
                from = Some(instant(&value)?);
            } else if ServiceTier::from_name(&name).is_some() && value.is_object() {
                rates.insert(name, value);
            } else {
                standard.insert(name, value);
            }
        }
        if standard.is_empty() && rates.is_empty() {
            return Err(refused("a price needs at least one rate, such as input=\"2.5\"".to_owned()));
        }
        if !standard.is_empty() {
            rates.insert("standard".to_owned(), Value::Object(standard));
        }
        let raw = serde_json::json!({ "from": from, "rates": rates });
        let raw = serde_json::from_value::<RawPeriod>(raw).map_err(|why| refused(why.to_string()))?;
        Ok(Self { period: line::period(&raw).map_err(refused)? })
    }

    /// The same price from an instant on (nanoseconds since 1970). Before it, what held before holds.
    #[must_use]
    pub fn starting(mut self, unix_ns: i64) -> Self {
        self.period.from_ns = unix_ns;
        self
    }
}

impl Catalogue {
    /// This catalogue with a price of the user's.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidPrices`] where the provider or the model has no name.
    pub(crate) fn with_price(&self, provider: &str, model: &str, price: &Tariff) -> Result<Self> {
        let (provider, model) = (checked("provider", provider)?, checked("model", model)?);
        let known = self.search(&canonical(provider), model);
        let before = known.iter().flat_map(|hit| hit.model.periods.iter());
        let before = before.filter(|period| period.from_ns < price.period.from_ns);
        let periods = before.chain([&price.period]).cloned().collect();
        let mut changed = self.to_change();
        changed.lay_over(provider, model, Override::Priced(Arc::new(Model { id: model.into(), periods })));
        Ok(changed)
    }

    /// This catalogue with a further name of a model: of the same provider, or `PROVIDER/MODEL`.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidPrices`] where the model has no price, naming those most like it.
    pub(crate) fn with_name(&self, provider: &str, name: &str, model: &str) -> Result<Self> {
        let (provider, name) = (checked("provider", provider)?, checked("name", name)?);
        let named = self.named(provider, checked("model", model)?).map_err(|why| {
            let mut near = self.nearest(Some(provider), model);
            if let Some((other, model)) = model.split_once('/') {
                near.extend(self.nearest(Some(other), model).into_iter().map(|near| format!("{other}/{near}")));
            }
            let fix = if near.is_empty() {
                "give it a price with set_price, or name a model as provider/model".to_owned()
            } else {
                format!("nearest known: {}", near.join(", "))
            };
            refused(format!("{name:?} cannot be a name of {model:?}: {why}; {fix}"))
        })?;
        let mut changed = self.to_change();
        changed.lay_over(provider, name, named);
        Ok(changed)
    }

    /// What a further name of this model is.
    pub(super) fn named(&self, provider: &str, model: &str) -> std::result::Result<Override, String> {
        let provider = canonical(provider);
        let lead = |provider: &str, model: &str| {
            // A name of a name is one of the model itself, so that no search goes in circles.
            let further = self.overrides.get(provider).and_then(|names| names.get(&model.to_ascii_lowercase()));
            if let Some(further @ Override::Named { .. }) = further {
                return Some(further.clone());
            }
            self.priced(provider, model)?;
            Some(Override::Named { provider: provider.to_owned(), model: model.to_owned() })
        };
        // Its own models first: many have a slash in their names.
        lead(&provider, model)
            .or_else(|| model.split_once('/').and_then(|(other, model)| lead(&canonical(other), model)))
            .ok_or_else(|| format!("{provider} has no model {model:?}"))
    }

    fn to_change(&self) -> Self {
        Self { list: self.list.clone(), overrides: self.overrides.clone(), memo: Memo::default() }
    }
}

fn checked<'a>(what: &str, name: &'a str) -> Result<&'a str> {
    let name = name.trim();
    if name.is_empty() { Err(refused(format!("the {what} must have a name, got {name:?}"))) } else { Ok(name) }
}

fn instant(value: &Value) -> Result<String> {
    let text = value.as_str().unwrap_or_default();
    let text = if text.len() == "2026-12-01".len() { format!("{text}T00:00:00Z") } else { text.to_owned() };
    match parse_rfc3339(&text) {
        Ok(_) => Ok(text),
        Err(_) => {
            Err(refused(format!("starts must be a day or RFC 3339 text such as \"2026-12-01T00:00:00Z\", got {value}")))
        }
    }
}

fn refused(why: String) -> Error {
    Error::new(ErrorCode::InvalidPrices, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::parse_rfc3339;
    use crate::price::Query;
    use crate::usage::Dimension;
    use crate::usage::Usage;

    fn price(json: &str) -> Tariff {
        Tariff::from_json(json).unwrap()
    }

    /// What a million tokens of input cost, and how the name was found.
    fn of_input(catalogue: &Catalogue, provider: &str, model: &str, at: &str) -> Option<(String, &'static str)> {
        let usage = Usage::new().with(Dimension::Input, 1_000_000);
        let cost = catalogue.cost(&Query::new(provider, model, &usage, parse_rfc3339(at).unwrap())).unwrap();
        Some((cost.total?.to_string(), cost.matched_by?.as_str()))
    }

    const NOW: &str = "2026-11-21T00:00:00Z";

    #[test]
    fn a_name_has_the_price_of_its_model_whoever_sells_that() {
        let arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123";
        let sonnet = "anthropic.claude-sonnet-4-5-20250929-v1:0";
        let catalogue = Catalogue::default();
        for (provider, name, model, seller, its_name) in [
            ("azure", "My-Deployment", "gpt-4o-mini", "azure", "gpt-4o-mini"),
            ("azure_openai", "x", "openai/gpt-4o-mini", "openai", "gpt-4o-mini"),
            ("bedrock", arn, sonnet, "bedrock", sonnet),
            ("our-gateway", "cheap", "anthropic/claude-haiku-4-5", "anthropic", "claude-haiku-4-5"),
        ] {
            assert_eq!(of_input(&catalogue, provider, name, NOW), None, "{name} is unknown before");
            let mapped = catalogue.with_name(provider, name, model).unwrap();
            let (cost, _) = of_input(&catalogue, seller, its_name, NOW).unwrap();
            assert_eq!(of_input(&mapped, provider, &name.to_uppercase(), NOW), Some((cost, "override")), "{name}");
        }
    }

    #[test]
    fn a_name_follows_its_model_when_that_has_another_price_later() {
        let catalogue = Catalogue::default().with_name("azure", "prod", "gpt-4o-mini").unwrap();
        let catalogue = catalogue.with_name("azure", "prod-of-prod", "prod").unwrap();
        let catalogue = catalogue.with_price("azure", "gpt-4o-mini", &price(r#"{"input":"7"}"#)).unwrap();
        for name in ["prod", "prod-of-prod", "gpt-4o-mini"] {
            assert_eq!(of_input(&catalogue, "azure", name, NOW), Some(("7".into(), "override")), "{name}");
        }
    }

    #[test]
    fn names_that_change_places_keep_the_search_out_of_circles() {
        let catalogue = Catalogue::default().with_name("openai", "gpt-4o", "gpt-4o-mini").unwrap();
        let catalogue = catalogue.with_name("openai", "gpt-4o-mini", "gpt-4o").unwrap();
        assert!(of_input(&catalogue, "openai", "gpt-4o", NOW).is_some());
    }

    #[test]
    fn a_price_holds_from_its_start_and_what_held_before_holds_before() {
        let catalogue = Catalogue::default();
        let (listed, _) = of_input(&catalogue, "openai", "gpt-4o-mini", NOW).unwrap();
        let catalogue = catalogue.with_price("openai", "gpt-4o-mini", &price(r#"{"input":1,"starts":"2026-12-01"}"#));
        let catalogue = catalogue.unwrap();
        let catalogue = catalogue.with_price("openai", "gpt-4o-mini", &price(r#"{"input":0.5}"#).starting(i64::MAX));
        let catalogue = catalogue.unwrap();
        for (at, cost) in [(NOW, &*listed), ("2026-12-01T00:00:00Z", "1"), ("2027-12-01T00:00:00Z", "1")] {
            assert_eq!(of_input(&catalogue, "openai", "gpt-4o-mini", at), Some((cost.into(), "override")), "{at}");
        }
    }

    #[test]
    fn a_price_has_the_words_of_the_price_file() {
        let own = price(r#"{"input":"2","cache_read":null,"batch":{"input":"1"},"tiers":[{"over":10,"input":"4"}]}"#);
        let catalogue = Catalogue::default().with_price("acme", "Large", &own).unwrap();
        let cost = |input, tier| {
            let usage = Usage::new().with(Dimension::Input, input).with(Dimension::CacheRead, input);
            let query = Query::new("acme", "large", &usage, 0);
            catalogue.cost(&Query { service_tier: tier, ..query }).unwrap().total.unwrap().to_string()
        };
        assert_eq!([cost(10, None), cost(10, Some("batch")), cost(100, None)], ["0.00002", "0.00001", "0.0004"]);
        assert_eq!(catalogue.models("acme").unwrap(), ["Large"]);
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_value_and_fix() {
        for (json, words) in [
            ("{}", &["at least one rate"][..]),
            ("[]", &["object of rates"]),
            (r#"{"input":"-1"}"#, &["input", "-1"]),
            (r#"{"inputs":"1"}"#, &["inputs", "cache_read"]),
            (r#"{"input":true}"#, &["input", "true"]),
            (r#"{"input":"1","starts":"soon"}"#, &["starts", "soon", "a day"]),
            (r#"{"input":"1","starts":5}"#, &["starts", "5"]),
            (r#"{"batch":{"output":"x"}}"#, &["output", "\"x\""]),
        ] {
            let error = Tariff::from_json(json).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidPrices);
            assert!(words.iter().all(|word| error.to_string().contains(word)), "{json}: {error}");
        }
        let catalogue = Catalogue::default();
        let error = catalogue.with_name("azure", "prod", "gpt-4o-minion").unwrap_err().to_string();
        assert!(error.contains("\"prod\"") && error.contains("\"gpt-4o-minion\"") && error.contains("gpt-4o-mini"));
        assert!(catalogue.with_name("azure", " ", "gpt-4o").unwrap_err().to_string().contains("name"));
        assert!(catalogue.with_price("", "m", &price(r#"{"input":1}"#)).unwrap_err().to_string().contains("provider"));
    }
}
