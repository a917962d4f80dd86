//! The embedded prices of one provider. The index of names is built when the provider is first asked for, a model when
//! it is first priced: a program that calls three models pays for three.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use once_cell::race::OnceBox;

use super::line::{Line, Names, model};
use super::model::Model;

/// One provider's price file, compiled in.
pub(super) struct Shelf {
    pub(super) provider: &'static str,
    text: &'static str,
    // `OnceBox` never blocks: two threads may both build it and one wins, and a child forked meanwhile cannot hang.
    index: OnceBox<Index>,
}

/// The names of a provider's models, lower case, and where they lead.
pub(super) struct Index {
    by_name: HashMap<Cow<'static, str>, u32>,
    entries: Vec<Entry>,
}

struct Entry {
    id: Cow<'static, str>,
    line: &'static str,
    model: OnceBox<Option<Arc<Model>>>,
}

macro_rules! shelves {
    ($($provider:literal)*) => {
        static SHELVES: [Shelf; [$($provider),*].len()] = [$(Shelf {
            provider: $provider,
            text: include_str!(concat!("../../catalogue/", $provider, ".jsonl")),
            index: OnceBox::new(),
        }),*];
    };
}

shelves! {
    "openai" "anthropic" "google" "vertex" "azure" "bedrock" "mistral" "cohere" "groq" "deepseek" "xai" "together"
    "fireworks" "perplexity" "cerebras" "moonshot" "zai" "minimax" "voyage" "openrouter"
}

/// The index of a provider's embedded prices.
pub(super) fn index(provider: &str) -> Option<&'static Index> {
    let shelf = SHELVES.iter().find(|shelf| shelf.provider == provider)?;
    Some(shelf.index.get_or_init(|| Box::new(Index::build(shelf.text))))
}

/// Every provider with embedded prices.
pub(super) fn providers() -> impl Iterator<Item = &'static str> {
    SHELVES.iter().map(|shelf| shelf.provider)
}

impl Index {
    fn build(text: &'static str) -> Self {
        let mut index = Self { by_name: HashMap::new(), entries: Vec::new() };
        for line in text.lines() {
            // The tests read every line: one that cannot be read is a broken build, and better unknown than a panic.
            let Ok(names) = serde_json::from_str::<Names<'static>>(line) else { continue };
            let Ok(position) = u32::try_from(index.entries.len()) else { break };
            for name in names.aliases.into_iter().chain([names.id.clone()]) {
                let lower = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                    Cow::Owned(name.to_ascii_lowercase())
                } else {
                    name
                };
                index.by_name.insert(lower, position);
            }
            index.entries.push(Entry { id: names.id, line, model: OnceBox::new() });
        }
        index
    }

    /// The model of a lower-case name.
    pub(super) fn find(&self, lower: &str) -> Option<Arc<Model>> {
        let entry = self.entries.get(*self.by_name.get(lower)? as usize)?;
        entry.model.get_or_init(|| Box::new(entry.parse().ok().map(Arc::new))).clone()
    }

    /// The canonical ids, as listed.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.id.as_ref())
    }

    /// Every name, lower case.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(AsRef::as_ref)
    }
}

impl Entry {
    fn parse(&self) -> Result<Model, String> {
        let line: Line = serde_json::from_str(self.line).map_err(|error| error.to_string())?;
        model(&line.id, line.periods.as_deref().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_line_can_be_read_and_every_name_leads_to_one_line() {
        for shelf in &SHELVES {
            let index = index(shelf.provider).unwrap();
            assert_eq!(index.entries.len(), shelf.text.lines().count(), "{}", shelf.provider);
            let mut seen = HashMap::new();
            for (position, entry) in index.entries.iter().enumerate() {
                entry.parse().unwrap_or_else(|error| panic!("{} {}: {error}", shelf.provider, entry.id));
                let names: Names<'_> = serde_json::from_str(entry.line).unwrap();
                for name in names.aliases.iter().chain([&names.id]) {
                    let other = seen.insert(name.to_ascii_lowercase(), position);
                    assert!(other.is_none(), "{} lists {name} twice", shelf.provider);
                }
            }
        }
    }

    #[test]
    fn there_is_a_shelf_for_every_provider_of_the_registry() {
        let registry: Vec<&str> = crate::provider::PROVIDERS.iter().map(|provider| provider.id).collect();
        for provider in providers() {
            assert!(registry.contains(&provider), "{provider}");
        }
    }
}
