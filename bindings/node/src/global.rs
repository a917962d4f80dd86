//! The global client of the process, which its workers share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use llmlab::catalogue::Tariff;
use llmlab::{ErrorCode, Llmlab};

use crate::guard::guarded;
use crate::lab::Lab;

static GLOBAL: Mutex<Global> = Mutex::new(Global { held: None, told: Vec::new() });

struct Global {
    held: Option<Held>,
    /// What the program has set; every later client is told it, too.
    told: Vec<Told>,
}

/// A client, and why its configuration could not be used, where a default one had to do.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) lab: Arc<Lab>,
    pub(crate) problem: Option<(ErrorCode, String)>,
}

/// Something that a program sets, perhaps before it calls `init`.
#[derive(Clone)]
pub(crate) enum Told {
    Price { provider: String, model: String, starts: Option<String>, rates: String },
    Model { provider: String, name: String, model: String },
}

impl Told {
    pub(crate) fn tell(&self, lab: &Llmlab) -> llmlab::Result<()> {
        match self {
            Self::Price { provider, model, rates, .. } => {
                Tariff::from_json(rates).and_then(|price| lab.set_price(provider, model, &price))
            }
            Self::Model { provider, name, model } => lab.set_model(provider, name, model),
        }
    }

    fn replaces(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Price { provider, model, starts, .. }, Self::Price { provider: p, model: m, starts: s, .. }) => {
                (provider, model, starts) == (p, m, s)
            }
            (Self::Model { provider, name, .. }, Self::Model { provider: p, name: n, .. }) => {
                (provider, name) == (p, n)
            }
            _ => false,
        }
    }
}

fn global() -> MutexGuard<'static, Global> {
    GLOBAL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The global client; one made by `first` if there is none.
pub(crate) fn held(first: impl FnOnce() -> Held) -> Held {
    global().held.get_or_insert_with(first).clone()
}

/// Lets the global client go, to whoever holds what is given.
pub(crate) fn forget() -> Option<Held> {
    global().held.take()
}

/// Notes what was told to the global client.
pub(crate) fn note(told: Told) {
    let mut global = global();
    global.told.retain(|before| !told.replaces(before));
    global.told.push(told);
}

/// Puts a client in the place of the global one, which it gives. The new configuration may lack the model that a name leads
/// to: such things are left out, and said.
pub(crate) fn replace(held: Held) -> (Option<Held>, Vec<String>) {
    let mut global = global();
    let problem = |told: &Told| match guarded(|| told.tell(&held.lab)) {
        Some(Err(error)) => Some(format!("what was set before init cannot be used any more: {error}")),
        _ => None,
    };
    let problems = global.told.iter().filter_map(problem).collect();
    (global.held.replace(held), problems)
}
