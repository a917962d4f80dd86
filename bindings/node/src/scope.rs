//! Scopes and labels, as JavaScript holds them.

use std::sync::Arc;

use napi_derive::napi;

use llmlab::scope;

use crate::convert::{amount, number};

/// The attribution that one place in the host's code adds to whatever surrounds it.
#[napi]
pub struct Labels(pub(crate) scope::Labels);

#[napi]
impl Labels {
    /// Tags are keys and values by turns.
    #[napi(constructor)]
    pub fn new(feature: Option<String>, user: Option<String>, session: Option<String>, tags: Vec<String>) -> Self {
        let mut rest = tags.into_iter();
        let pairs = std::iter::from_fn(|| Some((rest.next()?, rest.next()?))).collect();
        Self(scope::Labels::new(feature, user, session, pairs))
    }
}

/// An open stretch of the host's program, and what was spent inside it so far.
#[napi]
pub struct Scope(pub(crate) Arc<scope::Scope>);

/// What was spent inside a scope.
#[napi(object, object_from_js = false)]
pub struct Tally {
    pub calls: i64,
    pub unpriced: i64,
    /// The known part of it.
    pub cost: String,
    pub cost_number: f64,
}

#[napi]
impl Scope {
    /// What was spent inside so far. It may wait for a large response that is being read.
    #[napi]
    pub fn tally(&self) -> Tally {
        let tally = self.0.tally();
        let (cost, cost_number) = amount(tally.cost);
        Tally { calls: number(tally.calls), unpriced: number(tally.unpriced), cost, cost_number }
    }

    /// How many exchanges began inside.
    #[napi(getter)]
    pub fn begun(&self) -> i64 {
        number(self.0.exchanges_begun())
    }

    /// Says that what comes out of this scope is accounted for, whatever it looks like.
    #[napi]
    pub fn settle(&self) {
        self.0.exchange_began();
    }
}
