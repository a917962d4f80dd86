//! Names that were looked up before, and what came of it: misses too, or an unknown model would be searched every call.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::RwLock;

use super::model::Model;
use crate::event::MatchedBy;

/// A model of the catalogue, and how its name was found.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    pub(crate) model: Arc<Model>,
    pub(crate) matched_by: MatchedBy,
    /// The name is no model of the embedded prices: only the user knows what is behind it.
    pub(crate) is_yours: bool,
}

/// Names come from responses, so their number has a bound: at the bound everything is forgotten and learnt again.
const MOST_NAMES: usize = 4096;
const LONGEST_NAME: usize = 512;

type ByProvider = Vec<(Box<str>, Option<Hit>)>;

/// Never blocks: a lock that is taken is a lookup without memory. So a child forked while another thread held the lock
/// is slower, and does not hang.
#[derive(Debug, Default)]
pub(super) struct Memo {
    // By model, then by provider: a key of two borrowed parts needs no allocation this way. The hash is a third of the
    // time of a charge, so it is a fast one, and seeded, for the names come from the network.
    seen: RwLock<HashMap<Box<str>, ByProvider, RandomState>>,
}

impl Memo {
    /// Calls `then` with what is remembered, or with what `search` finds.
    pub(super) fn recall<T>(
        &self,
        provider: &str,
        model: &str,
        search: impl FnOnce() -> Option<Hit>,
        then: impl FnOnce(Option<&Hit>) -> T,
    ) -> T {
        if let Some(seen) = self.seen.try_read()
            && let Some((_, hit)) = seen.get(model).and_then(|all| all.iter().find(|(name, _)| &**name == provider))
        {
            return then(hit.as_ref());
        }
        let hit = search();
        self.learn(provider, model, hit.clone());
        then(hit.as_ref())
    }

    fn learn(&self, provider: &str, model: &str, hit: Option<Hit>) {
        if provider.len() + model.len() > LONGEST_NAME {
            return;
        }
        if let Some(mut seen) = self.seen.try_write() {
            if seen.len() >= MOST_NAMES {
                seen.clear();
            }
            let of_model = seen.entry(model.into()).or_default();
            if of_model.len() >= MOST_NAMES / 64 {
                of_model.clear();
            }
            if of_model.iter().all(|(name, _)| &**name != provider) {
                of_model.push((provider.into(), hit));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_miss_is_searched_once() {
        let (memo, searches) = (Memo::default(), Cell::new(0));
        for _ in 0..3 {
            let search = || {
                searches.set(searches.get() + 1);
                None
            };
            memo.recall("openai", "gpt-nil", search, |hit| assert!(hit.is_none()));
        }
        assert_eq!(searches.get(), 1);
    }

    #[test]
    fn the_memory_is_bounded_whatever_names_arrive() {
        let memo = Memo::default();
        for number in 0..3 * MOST_NAMES {
            memo.recall("openai", &format!("gpt-{number}"), || None, |_| ());
            memo.recall(&format!("host-{number}"), "same", || None, |_| ());
        }
        memo.recall("openai", &"x".repeat(LONGEST_NAME), || None, |_| ());
        let seen = memo.seen.read();
        assert!(seen.len() <= MOST_NAMES);
        assert!(seen["same"].len() <= MOST_NAMES / 64);
    }
}
