//! What the user should be told, each thing once.
//!
//! The core never prints: whoever embeds it takes the notices and says them in the way of its language.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::lock::Lock;

/// Enough for every distinct problem of a real program; more would be a memory hole for generated model names.
const MAX_TOPICS: usize = 1_000;

/// Notices that wait to be taken.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    waiting: AtomicBool,
    state: Lock<State>,
}

#[derive(Debug, Default)]
struct State {
    said: HashSet<String>,
    waiting: Vec<String>,
}

impl Notices {
    /// Adds what `text` says, unless something was said about `topic` before.
    pub(crate) fn say_once(&self, topic: &str, text: impl FnOnce() -> String) {
        let mut state = self.state.lock();
        if state.said.contains(topic) || state.said.len() >= MAX_TOPICS {
            return;
        }
        state.said.insert(topic.to_owned());
        state.waiting.push(text());
        self.waiting.store(true, Ordering::Release);
    }

    /// The notices since the last time. Costs one load where there are none.
    pub(crate) fn take(&self) -> Vec<String> {
        if !self.waiting.load(Ordering::Relaxed) || !self.waiting.swap(false, Ordering::Acquire) {
            return Vec::new();
        }
        std::mem::take(&mut self.state.lock().waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_spoken_of_once() {
        let notices = Notices::default();
        for _ in 0..3 {
            notices.say_once("gpt-9", || "gpt-9 has no price".to_owned());
        }
        assert_eq!(notices.take(), ["gpt-9 has no price"]);
        assert!(notices.take().is_empty());
    }
}
