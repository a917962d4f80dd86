//! Charging what was recorded anew, from the usage that is stored with it.
//!
//! Facts never change; a charge is derived from them, and may be derived again. A slice of events and what they move in the
//! rollups by hour change in one transaction, so that at every moment the totals are the sum of the events. Whoever is
//! interrupted starts again: an event whose charge is right already is left as it is.

use std::collections::BTreeMap;

use rusqlite::{Connection, Result as SqliteResult, TransactionBehavior, params_from_iter};

use super::Ledger;
use super::query::Filter;
use super::rollup::Rollups;
use super::row;
use super::totals::Totals;
use super::words::Words;
use super::{GroupBy, query};
use crate::error::Result;
use crate::event::{Call, Charge, CostSource, CostState, Event, Status, Subject};

#[cfg(test)]
mod tests;

/// Events looked at in one transaction. Other processes wait for it, and they wait no longer than five seconds.
const SLICE: usize = 2_000;

/// What a call costs by the prices in force: its facts, how it ended, when it began in nanoseconds since 1970.
pub type PriceOf<'a> = &'a dyn Fn(&Call, Status, i64) -> Charge;

/// Which calls are charged anew. The default is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repricing {
    /// The time and the project.
    pub filter: Filter,
    /// Only calls of this provider, as it is recorded.
    pub provider: Option<String>,
    /// Only calls that asked for this model or were answered by it.
    pub model: Option<String>,
    /// Changes nothing, and says what would change.
    pub is_dry_run: bool,
}

/// What [`Ledger::reprice`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repriced {
    /// Calls that were looked at.
    pub calls: u64,
    /// Calls whose charge changed.
    pub changed: u64,
    /// Calls whose cost was stated by the provider or given by the host, and is kept.
    pub kept: u64,
    /// Calls and attempts of which there are only totals: their detail was pruned, or folded before it arrived.
    pub beyond_reach: u64,
    /// By provider and model.
    pub models: Vec<RepricedModel>,
}

/// The calls of one model, before and after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepricedModel {
    /// The provider.
    pub provider: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
    /// Calls whose charge changed.
    pub changed: u64,
    /// What they cost; usage is left out.
    pub old: Totals,
    /// What they cost now.
    pub new: Totals,
}

type ByModel = BTreeMap<(Option<String>, Option<String>), RepricedModel>;

impl Ledger {
    /// Charges recorded calls anew with `price_of`, where their detail is still kept. Costs that the provider stated or the
    /// host gave are kept, and so is the charge of a call that costs what it did. The rollups by hour follow exactly, up to
    /// the 9.2 billion USD that an hour of a group can hold.
    ///
    /// Other processes may record and ask meanwhile. Sinks other than the ledger are not told: they keep what they were
    /// sent. [`Llmlab::reprice`](crate::Llmlab::reprice) does this with the prices of a client.
    ///
    /// # Errors
    /// [`crate::ErrorCode::Storage`]; what was changed until then is changed properly, and a second call goes on.
    pub fn reprice(&mut self, repricing: &Repricing, price_of: PriceOf<'_>) -> Result<Repriced> {
        let counted = self.counted(repricing)?;
        let Self { connection, words, .. } = self;
        let outcome = reprice(connection, words, repricing, price_of, SLICE);
        if outcome.is_err() {
            self.words.clear();
        }
        let mut repriced = outcome.map_err(|cause| self.failure(cause))?;
        let reached = repriced.models.iter().map(|model| model.old.calls + model.old.failed_attempts).sum();
        repriced.beyond_reach = counted.saturating_sub(reached);
        Ok(repriced)
    }

    /// The calls and attempts that are in the totals. They know the model that answered only.
    fn counted(&mut self, repricing: &Repricing) -> Result<u64> {
        let mut counted = 0;
        for (key, totals) in self.totals(&repricing.filter, &[GroupBy::Provider, GroupBy::Model])? {
            let mut names = key.0.into_iter().map(|(_, name)| name);
            let (provider, model) = (names.next().flatten(), names.next().flatten());
            let is_meant = |wanted: &Option<String>, name: &Option<String>| wanted.is_none() || wanted == name;
            if is_meant(&repricing.provider, &provider) && is_meant(&repricing.model, &model) {
                counted += totals.calls + totals.failed_attempts;
            }
        }
        Ok(counted)
    }
}

fn reprice(
    connection: &mut Connection,
    words: &mut Words,
    repricing: &Repricing,
    price_of: PriceOf<'_>,
    slice: usize,
) -> SqliteResult<Repriced> {
    let (mut repriced, mut models, mut after) = (Repriced::default(), ByModel::new(), None);
    loop {
        let kind = if repricing.is_dry_run { TransactionBehavior::Deferred } else { TransactionBehavior::Immediate };
        let transaction = connection.transaction_with_behavior(kind)?;
        let events = read(&transaction, words, &repricing.filter, after, slice)?;
        let mut rollups = Rollups::default();
        for (row_id, event) in &events {
            let Subject::Call(call) = &event.facts.subject else { continue };
            if !repricing.is_meant(call) {
                continue;
            }
            repriced.calls += 1;
            let charge = charge(event, call, price_of);
            let is_kept = event.charge.is_some_and(|old| is_stated(old.source));
            let is_changed = charge.is_some();
            note(&mut models, event, call, charge);
            repriced.kept += u64::from(is_kept);
            repriced.changed += u64::from(is_changed);
            if let (Some(charge), false) = (charge, repricing.is_dry_run) {
                row::recharge(&transaction, *row_id, &charge)?;
                rollups.remove(&transaction, words, event)?;
                rollups.add(&transaction, words, &Event { charge: Some(charge), ..event.clone() })?;
            }
        }
        rollups.store(&transaction)?;
        transaction.commit()?;
        match events.last() {
            Some((row_id, event)) if events.len() == slice => after = Some((event.facts.unix_ns, *row_id)),
            _ => break,
        }
    }
    repriced.models = models.into_values().collect();
    Ok(repriced)
}

impl Repricing {
    fn is_meant(&self, call: &Call) -> bool {
        let named = |name: &Option<String>| name.as_ref() == self.model.as_ref();
        self.provider.as_ref().is_none_or(|provider| call.provider.as_deref() == Some(provider))
            && (self.model.is_none() || named(&call.model) || named(&call.model_requested))
    }
}

/// It is no result of the catalogue, and no catalogue knows better.
const fn is_stated(source: CostSource) -> bool {
    matches!(source, CostSource::Provider | CostSource::Host)
}

/// The charge of an event where it is another one than it has.
fn charge(event: &Event, call: &Call, price_of: PriceOf<'_>) -> Option<Charge> {
    if event.charge.is_some_and(|charge| is_stated(charge.source)) {
        return None;
    }
    let new = price_of(call, event.facts.status, event.facts.unix_ns).bounded();
    let same = |old: Charge| (old.total, old.state, old.source) == (new.total, new.state, new.source);
    (!event.charge.map(Charge::bounded).is_some_and(same)).then_some(new)
}

fn note(models: &mut ByModel, event: &Event, call: &Call, new: Option<Charge>) {
    let key = (call.provider.as_deref().map(str::to_owned), call.model.clone());
    let model = models.entry(key).or_insert_with_key(|(provider, model)| RepricedModel {
        provider: provider.clone(),
        model: model.clone(),
        ..RepricedModel::default()
    });
    model.changed += u64::from(new.is_some());
    model.old.add(&totals(event, event.charge));
    model.new.add(&totals(event, new.or(event.charge)));
}

/// What an event is in a total, but for its usage.
fn totals(event: &Event, charge: Option<Charge>) -> Totals {
    let (tally, charge) = (event.facts.tally(), charge.map(Charge::bounded));
    let mut totals = Totals { calls: tally.calls, failed_attempts: tally.failed_attempts, ..Totals::default() };
    match charge.map_or(CostState::Unpriced, |charge| charge.state) {
        CostState::Priced => totals.priced = tally.calls,
        CostState::Estimated => totals.estimated = tally.calls,
        CostState::Unpriced => totals.unpriced = tally.calls + tally.failed_attempts,
    }
    totals.cost = charge.and_then(|charge| charge.total).unwrap_or_default();
    totals
}

/// The next events in the order of time, after one.
fn read(
    connection: &Connection,
    words: &mut Words,
    filter: &Filter,
    after: Option<(i64, i64)>,
    slice: usize,
) -> SqliteResult<Vec<(i64, Event)>> {
    let Some((from, condition)) = query::selection(connection, words, filter, after)? else { return Ok(Vec::new()) };
    let sql = format!("{} FROM {from} {} ORDER BY e.unix_ns, e.id LIMIT {slice}", *row::SELECT, condition.sql());
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(&condition.values))?;
    let (mut events, mut last_origin) = (Vec::new(), None);
    while let Some(found) = rows.next()? {
        events.push((found.get(0)?, row::read(found, connection, words, &mut last_origin)?));
    }
    Ok(events)
}
