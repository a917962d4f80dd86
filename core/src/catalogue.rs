//! The dated prices, and how a model's name leads to them.
//!
//! The data are generated into `core/catalogue/` (one model a line, with provenance) and compiled in; the user's own
//! prices lie over them. The rules of names and rates are in `core/catalogue/README.md`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use once_cell::race::OnceBox;

use crate::error::{Error, ErrorCode, Result};
use crate::event::MatchedBy;
use crate::provider;

mod change;
mod difference;
mod line;
mod list;
mod memo;
pub(crate) mod model;
mod name;
pub(crate) mod rate;
mod sheet;
mod shelf;
mod spelling;
mod terms;

pub use change::Tariff;
pub use difference::{Changed, Difference, Renamed};
use line::Line;
pub use list::List;
pub(crate) use memo::Hit;
use memo::Memo;
use model::Model;
pub use sheet::{Sheet, SheetPeriod, SheetPrice};
use shelf::Shelf;
pub use terms::UnitPrice;

const VERSION: u64 = number(include_str!("../catalogue/version"));

/// Prices by provider, model and time. Cheap to make, shared by reference, safe to use from any thread and after a fork.
///
/// ```
/// use llmlab::catalogue::Catalogue;
/// let catalogue = Catalogue::embedded();
/// assert!(catalogue.models("openai").unwrap().iter().any(|model| model == "gpt-4o-mini"));
/// assert!(catalogue.nearest(Some("openai"), "gpt-4o-minion").contains(&"gpt-4o-mini".to_owned()));
/// ```
#[derive(Debug, Default)]
pub struct Catalogue {
    /// What is in the place of the compiled-in prices.
    list: Option<Arc<List>>,
    /// By provider, then by lower-case name.
    overrides: HashMap<String, Arc<Overrides>>,
    memo: Memo,
}

type Overrides = HashMap<String, Override>;

/// What the user says of a name.
#[derive(Clone, Debug)]
enum Override {
    Priced(Arc<Model>),
    /// It is another name of this model, whose price may change after it was named: so it is looked up each time.
    Named {
        provider: String,
        model: String,
    },
}

impl Catalogue {
    /// The compiled-in prices, one instance for the process. Nothing is parsed before the first lookup.
    pub fn embedded() -> Arc<Self> {
        static EMBEDDED: OnceBox<Arc<Catalogue>> = OnceBox::new();
        EMBEDDED.get_or_init(|| Box::new(Arc::new(Self::default()))).clone()
    }

    /// The compiled-in prices under the user's own: JSON lines as in `core/catalogue/`, each with its `provider`.
    ///
    /// A line replaces the model of its names. A line without `periods` adds its `aliases` to a known model, which is
    /// how a deployment gets the price of what it deploys. A provider unknown to the library is allowed. Later lines win.
    ///
    /// ```
    /// use llmlab::catalogue::Catalogue;
    /// let prices = Catalogue::with_overrides(
    ///     r#"{"provider":"azure","id":"gpt-4o-mini","aliases":["our-deployment"]}
    ///        {"provider":"our-gateway","id":"llama","periods":[{"rates":{"standard":{"input":"0.1","output":"0.4"}}}]}"#,
    /// )?;
    /// assert_eq!(prices.models("our-gateway").unwrap(), ["llama"]);
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorCode::InvalidPrices`], naming the line and the value.
    pub fn with_overrides(jsonl: &str) -> Result<Self> {
        Self::of(None, jsonl)
    }

    /// A list in the place of the compiled-in prices, under the user's own. A model that the list lacks is unknown: an
    /// event says with one number which prices it was given.
    ///
    /// # Errors
    /// As [`Catalogue::with_overrides`].
    pub fn of(list: Option<List>, jsonl: &str) -> Result<Self> {
        let mut catalogue = Self { list: list.map(Arc::new), ..Self::default() };
        for (number, text) in jsonl.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
            catalogue.add(text).map_err(|why| {
                Error::new(ErrorCode::InvalidPrices, format!("line {} of the prices cannot be used: {why}", number + 1))
            })?;
        }
        Ok(catalogue)
    }

    fn add(&mut self, text: &str) -> std::result::Result<(), String> {
        let line: Line = serde_json::from_str(text.trim()).map_err(|error| error.to_string())?;
        let provider = line.provider.as_deref().ok_or("it lacks \"provider\"")?;
        if let Some(periods) = &line.periods {
            let priced = Override::Priced(Arc::new(line::model(&line.id, periods)?));
            for name in line.aliases.iter().chain([&line.id]) {
                self.lay_over(provider, name, priced.clone());
            }
            return Ok(());
        }
        for name in &line.aliases {
            let named = self.named(provider, &line.id)?;
            self.lay_over(provider, name, named);
        }
        // Without names to add, it is there only to be checked.
        self.named(provider, &line.id).map(drop)
    }

    fn lay_over(&mut self, provider: &str, name: &str, what: Override) {
        let names = self.overrides.entry(canonical(provider).into_owned()).or_default();
        Arc::make_mut(names).insert(name.trim().to_ascii_lowercase(), what);
    }

    /// The number of this state of the prices: `YYYYMMDDnnn`, growing. The user's own have none.
    pub fn version(&self) -> u64 {
        match &self.list {
            Some(list) => list.version(),
            None => VERSION,
        }
    }

    fn shelves(&self) -> &[Shelf] {
        self.list.as_deref().map_or(shelf::embedded(), List::shelves)
    }

    fn shelf(&self, provider: &str) -> Option<&Shelf> {
        self.shelves().iter().find(|shelf| shelf.provider == provider)
    }

    /// The ids of the providers with prices, sorted.
    pub fn providers(&self) -> Vec<String> {
        let listed = self.shelves().iter().map(|shelf| shelf.provider.to_string());
        listed.chain(self.overrides.keys().cloned()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Every name of a canonical provider, lower case, and the id to which it leads.
    fn names(&self, provider: &str) -> BTreeMap<String, String> {
        let listed = self.shelf(provider).into_iter().flat_map(Shelf::names);
        let own = self.overrides.get(provider).into_iter().flat_map(|names| names.iter());
        let own = own.map(|(name, what)| match what {
            Override::Priced(model) => (name.as_str(), &*model.id),
            Override::Named { model, .. } => (name.as_str(), model.as_str()),
        });
        listed.chain(own).map(|(name, id)| (name.to_owned(), id.to_owned())).collect()
    }

    /// The one provider for which the user has prices of this name.
    fn overridden_by(&self, lower: &str) -> Option<String> {
        self.overrides.iter().find(|(_, names)| names.contains_key(lower)).map(|(provider, _)| provider.clone())
    }

    /// The ids of a provider's models, sorted; `None` for a provider without prices. Accepts any spelling of a provider.
    pub fn models(&self, provider: &str) -> Option<Vec<String>> {
        let provider = canonical(provider);
        let listed = self.shelf(&provider);
        let overrides = self.overrides.get(&*provider);
        if listed.is_none() && overrides.is_none() {
            return None;
        }
        let mut ids: BTreeSet<String> = listed.into_iter().flat_map(|shelf| shelf.ids().map(Into::into)).collect();
        ids.extend(overrides.into_iter().flat_map(|names| names.values()).filter_map(|name| match name {
            Override::Priced(model) => Some(model.id.to_string()),
            Override::Named { .. } => None,
        }));
        Some(ids.into_iter().collect())
    }

    /// The known names most like an unknown one, nearest first, at most five: for the message about it.
    pub fn nearest(&self, provider: Option<&str>, model: &str) -> Vec<String> {
        let named = provider.filter(|name| !name.is_empty()).map(canonical);
        let named = named.or_else(|| provider::owner_of(model).map(|owner| owner.id.into()));
        let shelves = self.shelves().iter();
        let providers: Vec<&str> =
            named.as_deref().map_or_else(|| shelves.map(|shelf| &*shelf.provider).collect(), |name| vec![name]);
        let shelves = providers.iter().filter_map(|provider| self.shelf(provider));
        let listed = shelves.flat_map(Shelf::names).map(|(name, _)| name);
        let overrides = providers.iter().filter_map(|provider| self.overrides.get(*provider));
        spelling::nearest(model, listed.chain(overrides.flat_map(|names| names.keys().map(String::as_str))))
    }

    /// Calls `then` with the model of a name. Where the provider is empty, the user's own prices are searched first, so
    /// that self-hosted models can have some; then the model's name tells, if only one provider has such names.
    pub(crate) fn with_model<T>(&self, provider: &str, model: &str, then: impl FnOnce(Option<&Hit>) -> T) -> T {
        let search = || {
            if provider.is_empty() {
                self.named_by_user(model).or_else(|| self.search(provider::owner_of(model)?.id, model))
            } else {
                self.search(&canonical(provider), model)
            }
        };
        self.memo.recall(provider, model, search, then)
    }

    /// The one model of this name in the user's prices, whoever its provider is there.
    fn named_by_user(&self, raw: &str) -> Option<Hit> {
        let mut found = self.overrides.keys().filter_map(|provider| self.overridden(provider, raw));
        let model = found.next()?;
        found.next().is_none().then_some(Hit { model, matched_by: MatchedBy::Override, is_yours: true })
    }

    /// The model of a name of the user's.
    fn overridden(&self, provider: &str, raw: &str) -> Option<Arc<Model>> {
        let names = self.overrides.get(provider)?;
        let find = |lower: &str| match names.get(lower)? {
            Override::Priced(model) => Some(model.clone()),
            Override::Named { provider, model } => self.priced(provider, model),
        };
        name::resolve(provider::by_name(provider), raw, find).map(|(model, _)| model)
    }

    /// The model of a name that is not one of those that lead on to others.
    fn priced(&self, provider: &str, raw: &str) -> Option<Arc<Model>> {
        let known = provider::by_name(provider);
        let yours = self.overrides.get(provider).and_then(|names| {
            name::resolve(known, raw, |lower| match names.get(lower)? {
                Override::Priced(model) => Some(model.clone()),
                Override::Named { .. } => None,
            })
        });
        let listed = || name::resolve(known, raw, |lower| self.shelf(provider)?.find(lower));
        yours.or_else(listed).map(|(model, _)| model)
    }

    /// Searches a canonical provider's names: the user's before the listed ones.
    fn search(&self, provider: &str, raw: &str) -> Option<Hit> {
        let known = provider::by_name(provider);
        let listed = || name::resolve(known, raw, |lower| self.shelf(provider)?.find(lower));
        if let Some(model) = self.overridden(provider, raw) {
            return Some(Hit { model, matched_by: MatchedBy::Override, is_yours: listed().is_none() });
        }
        let (model, matched_by) = listed()?;
        let matched_by = match matched_by {
            MatchedBy::Exact if *model.id != *raw => MatchedBy::Alias,
            other => other,
        };
        Some(Hit { model, matched_by, is_yours: false })
    }

    /// Whether anything lies over the embedded prices.
    pub(crate) fn has_overrides(&self) -> bool {
        !self.overrides.is_empty()
    }
}

/// Read at compile time: every event carries it.
const fn number(text: &str) -> u64 {
    let (digits, mut at, mut number) = (text.as_bytes(), 0, 0);
    while at < digits.len() && digits[at].is_ascii_digit() {
        number = number * 10 + (digits[at] - b'0') as u64;
        at += 1;
    }
    number
}

/// The id of a provider in any spelling; an unknown one in lower case.
fn canonical(provider: &str) -> std::borrow::Cow<'_, str> {
    match provider::by_name(provider.trim()) {
        Some(known) => known.id.into(),
        None => provider.trim().to_ascii_lowercase().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(catalogue: &Catalogue, provider: &str, model: &str) -> Option<(String, MatchedBy)> {
        catalogue.with_model(provider, model, |hit| hit.map(|hit| (hit.model.id.to_string(), hit.matched_by)))
    }

    #[test]
    fn a_name_says_how_it_was_found() {
        let catalogue = Catalogue::embedded();
        for (provider, model, id, how) in [
            ("openai", "gpt-4o-mini", "gpt-4o-mini", MatchedBy::Exact),
            ("OpenAI", "GPT-4o-mini", "gpt-4o-mini", MatchedBy::Alias),
            ("", "gpt-4o-mini", "gpt-4o-mini", MatchedBy::Exact),
            ("openai", "gpt-4o-mini-2031-01-01", "gpt-4o-mini", MatchedBy::Snapshot),
            ("openai", "ft:gpt-4o-2024-08-06:acme::7", "ft:gpt-4o-2024-08-06", MatchedBy::FineTune),
        ] {
            assert_eq!(matched(&catalogue, provider, model), Some((id.into(), how)), "{model}");
        }
        assert_eq!(matched(&catalogue, "nobody", "gpt-4o-mini"), None);
        assert_eq!(matched(&catalogue, "", "llama-3"), None);
    }

    #[test]
    fn the_version_is_a_number_that_begins_with_a_day() {
        assert!((20_260_000_000..21_000_000_000).contains(&Catalogue::embedded().version()));
    }

    #[test]
    fn the_users_names_and_prices_lie_over_the_embedded_ones() {
        let catalogue = Catalogue::with_overrides(
            r#"{"provider":"azure_openai","id":"gpt-4o-mini","aliases":["Prod-Chat"]}
            {"provider":"vllm","id":"Llama","periods":[{"rates":{"standard":{"input":0.25,"requests":"0.01"}}}]}"#,
        );
        let catalogue = catalogue.unwrap();
        assert_eq!(matched(&catalogue, "azure", "prod-chat"), Some(("gpt-4o-mini".into(), MatchedBy::Override)));
        for provider in ["VLLM", ""] {
            assert_eq!(matched(&catalogue, provider, "llama"), Some(("Llama".into(), MatchedBy::Override)));
        }
        assert_eq!(matched(&catalogue, "openai", "gpt-4o-mini"), Some(("gpt-4o-mini".into(), MatchedBy::Exact)));
        assert_eq!(catalogue.models("vllm").unwrap(), ["Llama"]);
    }

    #[test]
    fn an_override_that_cannot_be_used_is_refused_by_line_and_value() {
        let one = |rest: &str| format!("\n{{\"provider\":\"p\",\"id\":\"m\",{rest}}}");
        for (text, word) in [
            ("\nnonsense".to_owned(), "expected"),
            ("\n{\"id\":\"m\"}".to_owned(), "provider"),
            (one("\"periods\":[]"), "periods"),
            (one("\"aliases\":[]"), "\"m\""),
            (one("\"price\":1"), "price"),
            (one("\"periods\":[{\"rates\":{\"standard\":{\"input\":\"-1\"}}}]"), "-1"),
            (one("\"periods\":[{\"rates\":{\"standard\":{\"input\":1e-9}}}]"), "1e-9"),
            (one("\"periods\":[{\"rates\":{\"standard\":{\"inputs\":\"1\"}}}]"), "inputs"),
            (one("\"periods\":[{\"rates\":{\"cheap\":{\"input\":\"1\"}}}]"), "cheap"),
            (one("\"periods\":[{\"rates\":{\"standard\":{\"requests\":\"19\"}}}]"), "19"),
            (one("\"periods\":[{\"from\":\"2026-01-01\",\"rates\":{}}]"), "2026-01-01"),
            (one("\"periods\":[{\"rates\":{\"standard\":{\"tiers\":[{\"input\":\"1\"}]}}}]"), "over"),
            (one("\"periods\":[{\"rates\":{},\"windows\":[{\"utc\":\"23:00-01:00\",\"rates\":{}}]}]"), "23:00-01:00"),
            (one("\"periods\":[{\"rates\":{},\"geo\":{\"us\":\"-1\"}}]"), "-1"),
        ] {
            let error = Catalogue::with_overrides(&text).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidPrices);
            let message = error.to_string();
            assert!(message.starts_with("line 2 ") && message.contains(word), "{text}: {message}");
        }
    }

    #[test]
    fn the_nearest_names_of_an_unknown_model_are_a_handful() {
        let near = Catalogue::embedded().nearest(Some("openai"), "gpt4o-mini");
        assert!(near.len() <= 5 && near.first().is_some_and(|name| name == "gpt-4o-mini"), "{near:?}");
        assert!(Catalogue::embedded().nearest(None, "claude-opus5").contains(&"claude-opus-5".to_owned()));
        assert!(Catalogue::embedded().nearest(Some("openai"), "zzzzzzzzzzzz").is_empty());
    }
}
