//! The prices of one provider. The index of names is built when the provider is first asked for, a model when it is first
//! priced: a program that calls three models pays for three.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::RandomState;
use once_cell::race::OnceBox;

use super::line::{Line, Names, model};
use super::model::Model;

/// One provider's lines: compiled in, or of a list that replaces what is compiled in.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) provider: Cow<'static, str>,
    text: Cow<'static, str>,
    // `OnceBox` never blocks: two threads may both build it and one wins, and a child forked meanwhile cannot hang.
    index: OnceBox<Index>,
}

/// The names of a provider's models, lower case, and where they lead.
#[derive(Debug)]
struct Index {
    by_name: HashMap<Box<str>, u32, RandomState>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    id: Box<str>,
    line: Range<usize>,
    model: OnceBox<Option<Arc<Model>>>,
}

macro_rules! shelves {
    ($($provider:literal)*) => {
        static EMBEDDED: [Shelf; [$($provider),*].len()] = [$(Shelf {
            provider: Cow::Borrowed($provider),
            text: Cow::Borrowed(include_str!(concat!("../../catalogue/", $provider, ".jsonl"))),
            index: OnceBox::new(),
        }),*];
    };
}

shelves! {
    "openai" "anthropic" "google" "vertex" "azure" "bedrock" "mistral" "cohere" "groq" "deepseek" "xai" "together"
    "fireworks" "perplexity" "cerebras" "moonshot" "zai" "minimax" "voyage" "openrouter"
}

/// What is compiled in.
pub(super) fn embedded() -> &'static [Shelf] {
    &EMBEDDED
}

impl Shelf {
    /// The lines of a provider, in memory.
    pub(super) fn new(provider: &str, text: &str) -> Self {
        Self { provider: provider.to_owned().into(), text: text.to_owned().into(), index: OnceBox::new() }
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Box::new(Index::build(&self.text)))
    }

    /// The model of a lower-case name.
    pub(super) fn find(&self, lower: &str) -> Option<Arc<Model>> {
        let entry = self.entry(lower)?;
        entry.model.get_or_init(|| Box::new(parse(&self.text[entry.line.clone()]).ok().map(Arc::new))).clone()
    }

    /// The line of a lower-case name.
    pub(super) fn line(&self, lower: &str) -> Option<&str> {
        Some(&self.text[self.entry(lower)?.line.clone()])
    }

    fn entry(&self, lower: &str) -> Option<&Entry> {
        let index = self.index();
        index.entries.get(*index.by_name.get(lower)? as usize)
    }

    /// The canonical ids, as listed.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.index().entries.iter().map(|entry| &*entry.id)
    }

    /// Every name, lower case, and the id to which it leads.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        let index = self.index();
        index.by_name.iter().filter_map(|(name, entry)| Some((&**name, &*index.entries.get(*entry as usize)?.id)))
    }

    /// All lines, as they are written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// The model of a line that has prices.
pub(super) fn parse(line: &str) -> Result<Model, String> {
    let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
    model(&line.id, line.periods.as_deref().ok_or("it lacks \"periods\"")?)
}

impl Index {
    fn build(text: &str) -> Self {
        let mut index = Self { by_name: HashMap::default(), entries: Vec::new() };
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let range = start..start + line.trim_end().len();
            start += line.len();
            // The tests read every line, and whoever takes a list does: one that cannot be read is better unknown than a
            // panic.
            let Ok(names) = serde_json::from_str::<Names<'_>>(line) else { continue };
            let Ok(position) = u32::try_from(index.entries.len()) else { break };
            for name in names.aliases.iter().chain([&names.id]) {
                index.by_name.insert(name.to_ascii_lowercase().into(), position);
            }
            index.entries.push(Entry { id: names.id.into(), line: range, model: OnceBox::new() });
        }
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_line_can_be_read_and_every_name_leads_to_one_line() {
        for shelf in embedded() {
            assert_eq!(shelf.ids().count(), shelf.text.lines().count(), "{}", shelf.provider);
            let mut seen = HashMap::new();
            for (position, line) in shelf.text.lines().enumerate() {
                parse(line).unwrap_or_else(|error| panic!("{} {line}: {error}", shelf.provider));
                let names: Names<'_> = serde_json::from_str(line).unwrap();
                for name in names.aliases.iter().chain([&names.id]) {
                    let other = seen.insert(name.to_ascii_lowercase(), position);
                    assert!(other.is_none(), "{} lists {name} twice", shelf.provider);
                    assert_eq!(shelf.line(&name.to_ascii_lowercase()), Some(line));
                }
            }
        }
    }

    #[test]
    fn there_is_a_shelf_for_every_provider_of_the_registry() {
        let registry: Vec<&str> = crate::provider::PROVIDERS.iter().map(|provider| provider.id).collect();
        for shelf in embedded() {
            assert!(registry.contains(&&*shelf.provider), "{}", shelf.provider);
        }
    }
}
