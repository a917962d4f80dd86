//! What is other in one catalogue than in another: models, names and prices.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Catalogue;
use super::model::{Model, Period};
use super::terms::{Terms, UnitPrice, beginnings, price, terms, word};
use crate::moment::format_rfc3339;
use crate::usage::Dimension;

/// A leap is a change by more than this, up or down.
const LEAP: u32 = 100;

/// From one catalogue to another.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// The version of the one.
    pub old_version: u64,
    /// The version of the other.
    pub new_version: u64,
    /// How many models the one has.
    pub old_models: usize,
    /// How many models the other has.
    pub new_models: usize,
    /// Models that only the other has, `provider/model`.
    pub added: Vec<String>,
    /// Models that only the one has.
    pub removed: Vec<String>,
    /// Names that lead to another model, or to one no more.
    pub renamed: Vec<Renamed>,
    /// Prices that are other, appear, or go.
    pub changed: Vec<Changed>,
}

/// A name that leads elsewhere.
#[derive(Clone, Debug, Serialize)]
pub struct Renamed {
    /// `provider/name`.
    pub name: String,
    /// The model to which it led.
    pub old: String,
    /// The model to which it leads; `None` if to none.
    pub new: Option<String>,
}

/// A price that changes.
#[derive(Clone, Debug, Serialize)]
pub struct Changed {
    /// `provider/model`.
    pub model: String,
    /// From when on, RFC 3339; `None` is from ever.
    pub from: Option<String>,
    /// Under which terms, such as `batch`.
    pub terms: String,
    /// What is counted.
    pub dimension: &'static str,
    /// What it cost; `None` is unknown.
    pub old: Option<UnitPrice>,
    /// What it costs; `None` is unknown.
    pub new: Option<UnitPrice>,
    /// More than a hundred times more or less, or for nothing, or unknown: such a change is often a slip.
    pub is_leap: bool,
}

impl Difference {
    /// Nothing is other but maybe the version.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.renamed.is_empty() && self.changed.is_empty()
    }
}

impl Catalogue {
    /// What changes from this catalogue to another one. What follows from a change is left out: where the input gets dearer
    /// and reading from a cache has no price of its own, only the input is named.
    pub fn difference(&self, new: &Self) -> Difference {
        let providers: BTreeSet<String> = self.providers().into_iter().chain(new.providers()).collect();
        let mut difference = Difference {
            old_version: self.version(),
            new_version: new.version(),
            old_models: 0,
            new_models: 0,
            added: Vec::new(),
            removed: Vec::new(),
            renamed: Vec::new(),
            changed: Vec::new(),
        };
        for provider in &providers {
            let ids = |catalogue: &Self| -> BTreeSet<String> {
                catalogue.models(provider).unwrap_or_default().into_iter().collect()
            };
            let (old_ids, new_ids) = (ids(self), ids(new));
            let named = |id: &String| format!("{provider}/{id}");
            difference.old_models += old_ids.len();
            difference.new_models += new_ids.len();
            difference.added.extend(new_ids.difference(&old_ids).map(named));
            difference.removed.extend(old_ids.difference(&new_ids).map(named));
            let new_names = new.names(provider);
            for (name, old) in self.names(provider) {
                let leads_to = new_names.get(&name);
                if old_ids.contains(&old) && new_ids.contains(&old) && leads_to != Some(&old) {
                    difference.renamed.push(Renamed { name: named(&name), old, new: leads_to.cloned() });
                }
            }
            for id in old_ids.intersection(&new_ids) {
                if let (Some(old), Some(new)) = (self.search(provider, id), new.search(provider, id)) {
                    compare(&named(id), &old.model, &new.model, &mut difference.changed);
                }
            }
        }
        difference
    }
}

fn compare(name: &str, old: &Model, new: &Model, changed: &mut Vec<Changed>) {
    let moments: BTreeSet<i64> = beginnings(old).chain(beginnings(new)).collect();
    let mut before = BTreeMap::new();
    for from_ns in moments {
        let now = changes(old.period_at(from_ns), new.period_at(from_ns));
        for (key, (old, new)) in &now {
            if before.get(key) != Some(&(*old, *new)) {
                changed.push(Changed {
                    model: name.to_owned(),
                    from: (from_ns != i64::MIN).then(|| format_rfc3339(from_ns)),
                    terms: key.0.to_string(),
                    dimension: word(&key.0, key.1),
                    old: *old,
                    new: *new,
                    is_leap: match (old, new) {
                        (Some(old), Some(new)) => old.leaps_to(*new, LEAP),
                        (Some(_), None) => true,
                        (None, _) => false,
                    },
                });
            }
        }
        before = now;
    }
}

type Changes = BTreeMap<(Terms, Dimension), (Option<UnitPrice>, Option<UnitPrice>)>;

/// What is other between two periods, without what follows from another change.
fn changes(old: Option<&Period>, new: Option<&Period>) -> Changes {
    let all: BTreeSet<Terms> = old.into_iter().chain(new).flat_map(terms).collect();
    let all: Vec<Terms> = all.into_iter().collect();
    let of = |period: Option<&Period>, terms: &Terms, dimension| price(period?, terms, dimension);
    let mut every = Changes::new();
    for terms in &all {
        for dimension in Dimension::ALL {
            let (old, new) = (of(old, terms, dimension), of(new, terms, dimension));
            if old != new {
                every.insert((terms.clone(), dimension), (old, new));
            }
        }
    }
    let follows = |(terms, dimension): &(Terms, Dimension), change| {
        let same = |terms: &Terms, dimension| every.get(&(terms.clone(), dimension)) == Some(change);
        dimension.parent().is_some_and(|parent| same(terms, parent))
            || terms.weaker(&all).iter().any(|weaker| same(weaker, *dimension))
    };
    let follow: Vec<_> =
        every.iter().filter(|(key, change)| follows(key, change)).map(|(key, _)| key.clone()).collect();
    every.retain(|key, _| !follow.contains(key));
    every
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue(rates: &str) -> Catalogue {
        Catalogue::with_overrides(&format!(
            r#"{{"provider":"p","id":"m","aliases":["n"],"periods":[{{"rates":{{"standard":{{{rates}}}}}}}]}}"#
        ))
        .unwrap()
    }

    fn changed(difference: &Difference) -> Vec<String> {
        let text = |price: &Option<UnitPrice>| price.map_or("?".to_owned(), |price| price.to_string());
        let line = |changed: &Changed| {
            let leap = if changed.is_leap { " leap" } else { "" };
            format!("{} {} {} -> {}{leap}", changed.terms, changed.dimension, text(&changed.old), text(&changed.new))
        };
        difference.changed.iter().map(line).collect()
    }

    #[test]
    fn a_catalogue_does_not_differ_from_itself() {
        assert!(Catalogue::embedded().difference(&Catalogue::default()).is_empty());
    }

    #[test]
    fn a_change_is_named_once_and_not_what_follows_from_it() {
        let (old, new) = (catalogue(r#""input":"2","output":"8""#), catalogue(r#""input":"3","output":"8""#));
        assert_eq!(changed(&old.difference(&new)), ["standard input $2 per 1M -> $3 per 1M"]);
    }

    #[test]
    fn leaps_are_marked() {
        let old = catalogue(r#""input":"2","output":"8","web_searches":"1""#);
        let new = catalogue(r#""input":"200.1","output":"0""#);
        assert_eq!(
            changed(&old.difference(&new)),
            [
                "standard input $2 per 1M -> $200.1 per 1M leap",
                "standard output $8 per 1M -> $0 per 1M leap",
                "standard web_searches $1 each -> ? leap",
            ]
        );
        assert!(
            changed(&old.difference(&catalogue(r#""input":"200","output":"0.08","web_searches":"1""#)))
                .iter()
                .all(|line| !line.ends_with("leap"))
        );
    }

    #[test]
    fn a_later_period_is_compared_with_what_would_have_held_then() {
        let line = |later: &str| {
            format!(
                r#"{{"provider":"p","id":"m","periods":[{{"rates":{{"standard":{{"input":"2"}}}}}},
                {{"from":"2027-01-01T00:00:00Z","rates":{{"standard":{{"input":"{later}"}}}}}}]}}"#
            )
            .replace('\n', "")
        };
        let new = Catalogue::with_overrides(&line("0")).unwrap();
        let difference = catalogue(r#""input":"2""#).difference(&new);
        assert_eq!(changed(&difference), ["standard input $2 per 1M -> $0 per 1M leap"]);
        assert_eq!(difference.changed[0].from.as_deref(), Some("2027-01-01T00:00:00Z"));
        assert_eq!((difference.renamed.len(), difference.renamed[0].name.as_str()), (1, "p/n"));
    }
}
