//! The dated prices, and how a model's name leads to them.
//!
//! The data are generated into `core/catalogue/` (one model a line, with provenance) and compiled in; the user's own
//! prices lie over them. The rules of names and rates are in `core/catalogue/README.md`.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use once_cell::race::OnceBox;

use crate::error::{Error, ErrorCode, Result};
use crate::event::MatchedBy;
use crate::provider;

mod line;
mod memo;
pub(crate) mod model;
mod name;
pub(crate) mod rate;
mod shelf;
mod spelling;

use line::Line;
pub(crate) use memo::Hit;
use memo::Memo;
use model::Model;

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
    /// By provider, then by lower-case name.
    overrides: HashMap<String, HashMap<String, Arc<Model>>>,
    memo: Memo,
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
        let mut catalogue = Self::default();
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
        let provider =
            provider::by_name(provider).map_or_else(|| provider.to_ascii_lowercase(), |known| known.id.into());
        let model = if let Some(periods) = &line.periods {
            Arc::new(line::model(&line.id, periods)?)
        } else {
            let known = self.search(&provider, &line.id);
            known.ok_or_else(|| format!("{provider} has no model {:?} to add names to", line.id))?.model
        };
        let names = self.overrides.entry(provider).or_default();
        for name in line.aliases.iter().chain([&line.id]) {
            names.insert(name.to_ascii_lowercase(), model.clone());
        }
        Ok(())
    }

    /// The number of this state of the embedded prices: `YYYYMMDDnnn`, growing.
    pub const fn version(&self) -> u64 {
        VERSION
    }

    /// The ids of a provider's models, sorted; `None` for a provider without prices. Accepts any spelling of a provider.
    pub fn models(&self, provider: &str) -> Option<Vec<String>> {
        let provider = canonical(provider);
        let embedded = shelf::index(&provider);
        let overrides = self.overrides.get(&*provider);
        if embedded.is_none() && overrides.is_none() {
            return None;
        }
        let mut ids: BTreeSet<String> = embedded.into_iter().flat_map(|index| index.ids().map(Into::into)).collect();
        ids.extend(overrides.into_iter().flat_map(|names| names.values().map(|model| model.id.to_string())));
        Some(ids.into_iter().collect())
    }

    /// The known names most like an unknown one, nearest first, at most five: for the message about it.
    pub fn nearest(&self, provider: Option<&str>, model: &str) -> Vec<String> {
        let named = provider.filter(|name| !name.is_empty()).map(canonical);
        let named = named.or_else(|| provider::owner_of(model).map(|owner| owner.id.into()));
        let providers: Vec<&str> = named.as_deref().map_or_else(|| shelf::providers().collect(), |name| vec![name]);
        let embedded = providers.iter().filter_map(|provider| shelf::index(provider)).flat_map(shelf::Index::names);
        let overrides = providers.iter().filter_map(|provider| self.overrides.get(*provider));
        spelling::nearest(model, embedded.chain(overrides.flat_map(|names| names.keys().map(String::as_str))))
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
        let mut found = self.overrides.iter().filter_map(|(provider, names)| {
            name::resolve(provider::by_name(provider), raw, |lower| names.get(lower).cloned())
        });
        let (model, _) = found.next()?;
        found.next().is_none().then_some(Hit { model, matched_by: MatchedBy::Override })
    }

    /// Searches a canonical provider's names: the user's before the embedded ones.
    fn search(&self, provider: &str, raw: &str) -> Option<Hit> {
        let known = provider::by_name(provider);
        if let Some(names) = self.overrides.get(provider)
            && let Some((model, _)) = name::resolve(known, raw, |lower| names.get(lower).cloned())
        {
            return Some(Hit { model, matched_by: MatchedBy::Override });
        }
        let index = shelf::index(provider)?;
        let (model, matched_by) = name::resolve(known, raw, |lower| index.find(lower))?;
        let matched_by = match matched_by {
            MatchedBy::Exact if *model.id != *raw => MatchedBy::Alias,
            other => other,
        };
        Some(Hit { model, matched_by })
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
