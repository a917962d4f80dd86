//! What surrounds a call in the host: to whom it belongs, and what was spent inside.
//!
//! A scope is opened by [`Llmlab::track`](crate::Llmlab::track) or [`Llmlab::trace`](crate::Llmlab::trace). It is entered and
//! left as a span of `tracing` is: [`Scope::enter`] gives a guard, [`Scope::in_scope`] runs a closure inside,
//! [`Scope::instrument`] is entered whenever a future is polled. Whatever is recorded asks for [`current`], which is of this
//! thread; a task or a thread that is spawned starts outside of every scope, unless it is given one ([`inherit`]).
//!
//! Scopes and spans know nothing of each other and nest in any order. What would join them is said at
//! [`Track::in_trace`](crate::track::Track::in_trace).

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard};

use crate::engine::Llmlab;
use crate::event::{Attribution, Charge, CostState, Facts, SpanId, Status, Step, Subject, TraceId};
use crate::fork;
use crate::later;
use crate::lock::Lock;
use crate::moment::Moment;
use crate::money::Money;

mod current;
mod instrumented;

pub use current::{Entered, current, inherit};
pub use instrumented::Instrumented;

/// The attribution that one place in the host's code adds to whatever surrounds it.
///
/// Made once (a decorator) and applied often, so the last result is kept: applying it again to the same surroundings
/// allocates nothing.
#[derive(Debug, Default)]
pub struct Labels {
    own: Attribution,
    last: Lock<Option<(Arc<Attribution>, Arc<Attribution>)>>,
}

impl Labels {
    /// Labels of the given attribution. Tags are sorted; of two with the same key the later one stays.
    pub fn new(
        feature: Option<String>,
        user: Option<String>,
        session: Option<String>,
        tags: Vec<(String, String)>,
    ) -> Self {
        let own = Attribution { feature, user, session, tags: merged_tags(&[], tags), ..Attribution::default() };
        Self { own, last: Lock::default() }
    }

    /// To be changed before it is applied for the first time.
    pub(crate) const fn own_mut(&mut self) -> &mut Attribution {
        &mut self.own
    }

    pub(crate) fn tag(&mut self, key: String, value: String) {
        self.own.tags = merged_tags(&self.own.tags, vec![(key, value)]);
    }

    fn over(&self, surroundings: &Arc<Attribution>) -> Arc<Attribution> {
        let own = &self.own;
        if own.feature.is_none() && own.user.is_none() && own.session.is_none() && own.tags.is_empty() {
            return surroundings.clone();
        }
        // Never waited for: a thread that held it may have stayed behind at a fork.
        let mut last = self.last.try_lock();
        if let Some((base, merged)) = last.as_deref().and_then(Option::as_ref)
            && Arc::ptr_eq(base, surroundings)
        {
            return merged.clone();
        }
        let merged = Arc::new(Attribution {
            feature: own.feature.clone().or_else(|| surroundings.feature.clone()),
            user: own.user.clone().or_else(|| surroundings.user.clone()),
            session: own.session.clone().or_else(|| surroundings.session.clone()),
            tags: merged_tags(&surroundings.tags, own.tags.clone()),
            trace_id: surroundings.trace_id,
            parent_id: surroundings.parent_id,
        });
        if let Some(last) = &mut last {
            **last = Some((surroundings.clone(), merged.clone()));
        }
        merged
    }
}

fn merged_tags(under: &[(String, String)], over: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut tags = std::collections::BTreeMap::new();
    tags.extend(under.iter().cloned());
    tags.extend(over);
    tags.into_iter().collect()
}

/// What was spent inside a scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls recorded.
    pub calls: u64,
    /// Calls whose cost is not known.
    pub unpriced: u64,
    /// Calls whose cost is a lower bound or a guess.
    pub estimated: u64,
    /// The known part of the cost.
    pub cost: Money,
}

impl Tally {
    fn add(&mut self, charge: &Charge) {
        self.calls += 1;
        self.unpriced += u64::from(charge.state == CostState::Unpriced);
        self.estimated += u64::from(charge.state == CostState::Estimated);
        self.cost += charge.total.unwrap_or_default();
    }
}

/// An open stretch of the host's program. Scopes nest; each knows the one around it, and what is spent inside counts for
/// all of them. Any thread may use one.
#[derive(Debug)]
pub struct Scope {
    parent: Option<Arc<Scope>>,
    attribution: Arc<Attribution>,
    step: Option<OpenStep>,
    begun: AtomicU64,
    tally: Lock<Tally>,
    generation: u64,
    /// Whose the exchanges inside are; `None` leaves that to the host.
    lab: Option<Llmlab>,
}

#[derive(Debug)]
struct OpenStep {
    name: String,
    kind: Cow<'static, str>,
    span_id: SpanId,
    surroundings: Arc<Attribution>,
    start: Moment,
}

impl Scope {
    /// Opens a scope within `parent`, or within `base` where nothing surrounds it.
    pub fn open(parent: Option<&Arc<Self>>, base: &Arc<Attribution>, labels: &Labels) -> Arc<Self> {
        let surroundings = parent.map_or(base, |parent| &parent.attribution);
        Arc::new(Self::new(parent, labels.over(surroundings), None))
    }

    /// A scope of a client, within `parent`. `surroundings`: what surrounds it, which need not be the parent's.
    pub(crate) fn of(
        lab: &Llmlab,
        parent: Option<&Arc<Self>>,
        surroundings: &Arc<Attribution>,
        labels: &Labels,
    ) -> Self {
        Self { lab: Some(lab.clone()), ..Self::new(parent, labels.over(surroundings), None) }
    }

    /// The same of a step.
    pub(crate) fn step_of(
        lab: &Llmlab,
        parent: Option<&Arc<Self>>,
        surroundings: &Arc<Attribution>,
        labels: &Labels,
        step: (String, Cow<'static, str>),
    ) -> Self {
        let scope = Self::new_step(parent, labels.over(surroundings), step, lab.new_ids(), lab.now());
        Self { lab: Some(lab.clone()), ..scope }
    }

    /// Opens the scope of a step, in the surrounding trace or, where there is none, in the trace `new_trace`.
    pub fn open_step(
        parent: Option<&Arc<Self>>,
        base: &Arc<Attribution>,
        labels: &Labels,
        step: (String, Cow<'static, str>),
        ids: (TraceId, SpanId),
        start: Moment,
    ) -> Arc<Self> {
        let surroundings = labels.over(parent.map_or(base, |parent| &parent.attribution));
        Arc::new(Self::new_step(parent, surroundings, step, ids, start))
    }

    fn new_step(
        parent: Option<&Arc<Self>>,
        mut surroundings: Arc<Attribution>,
        step: (String, Cow<'static, str>),
        ids: (TraceId, SpanId),
        start: Moment,
    ) -> Self {
        let (name, kind) = step;
        let (new_trace, span_id) = ids;
        if surroundings.trace_id.is_none() {
            surroundings = Arc::new(Attribution { trace_id: Some(new_trace), ..(*surroundings).clone() });
        }
        let inside = Arc::new(Attribution { parent_id: Some(span_id), ..(*surroundings).clone() });
        Self::new(parent, inside, Some(OpenStep { name, kind, span_id, surroundings, start }))
    }

    fn new(parent: Option<&Arc<Self>>, attribution: Arc<Attribution>, step: Option<OpenStep>) -> Self {
        let (begun, tally) = (AtomicU64::new(0), Lock::default());
        let generation = fork::generation();
        Self { parent: parent.cloned(), attribution, step, begun, tally, generation, lab: None }
    }

    /// The client that opened it, whose the exchanges inside are.
    pub const fn lab(&self) -> Option<&Llmlab> {
        self.lab.as_ref()
    }

    /// To whom the events inside belong.
    pub fn attribution(&self) -> &Arc<Attribution> {
        &self.attribution
    }

    /// Notes that an exchange began inside, here and in every scope around.
    pub fn exchange_began(&self) {
        self.ancestry().for_each(|scope| {
            scope.begun.fetch_add(1, Ordering::Relaxed);
        });
    }

    /// How many exchanges began inside.
    pub fn exchanges_begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    /// What was spent inside so far, with the large responses that are still being read, for which it waits.
    pub fn tally(&self) -> Tally {
        later::settle();
        self.purse().map_or_else(Tally::default, |tally| *tally)
    }

    /// What was spent inside so far in US dollars; `None` if the cost of one call is not known.
    pub fn cost(&self) -> Option<Money> {
        let tally = self.tally();
        (tally.unpriced == 0).then_some(tally.cost)
    }

    /// How many calls were recorded inside so far.
    pub fn calls(&self) -> u64 {
        self.tally().calls
    }

    /// How many of them have no known cost.
    pub fn unpriced(&self) -> u64 {
        self.tally().unpriced
    }

    /// Its span, where it is a step: the parent of what is inside.
    pub fn span_id(&self) -> Option<SpanId> {
        self.step.as_ref().map(|step| step.span_id)
    }

    pub(crate) fn spend(&self, charge: &Charge) {
        for scope in self.ancestry() {
            if let Some(mut tally) = scope.purse() {
                tally.add(charge);
            }
        }
    }

    /// `None` in a child that was forked while a thread, which does not exist there, was adding to it.
    fn purse(&self) -> Option<MutexGuard<'_, Tally>> {
        const TRIES: u32 = 1_000;
        if self.generation == fork::generation() {
            return Some(self.tally.lock());
        }
        let tries = Cell::new(0);
        self.tally.try_lock_until(|| tries.replace(tries.get() + 1) >= TRIES)
    }

    /// The facts of the step that this scope is, with the attribution of what surrounds it.
    pub(crate) fn step(
        &self,
        status: Status,
        error_type: Option<String>,
        end: Moment,
    ) -> Option<(Facts, Arc<Attribution>)> {
        let step = self.step.as_ref()?;
        let subject = Step { name: step.name.clone(), kind: step.kind.clone(), span_id: step.span_id };
        let facts = Facts {
            unix_ns: step.start.unix_ns,
            latency_ns: Some(end.ns_since(step.start)),
            status,
            error_type,
            subject: Subject::Step(Box::new(subject)),
        };
        Some((facts, step.surroundings.clone()))
    }

    fn ancestry(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |scope| scope.parent.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::CostSource;

    fn labels(feature: &str, tags: &[(&str, &str)]) -> Labels {
        let tags = tags.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        Labels::new(Some(feature.to_owned()), None, None, tags)
    }

    #[test]
    fn the_inner_label_wins_and_the_rest_is_inherited() {
        let base = Arc::new(Attribution { user: Some("ann".into()), ..Attribution::default() });
        let outer = Scope::open(None, &base, &labels("chat", &[("team", "a"), ("tier", "free")]));
        let inner = Scope::open(Some(&outer), &base, &labels("title", &[("team", "b")]));
        let attribution = inner.attribution();
        assert_eq!(attribution.feature.as_deref(), Some("title"));
        assert_eq!(attribution.user.as_deref(), Some("ann"));
        assert_eq!(attribution.tags, [("team".into(), "b".into()), ("tier".into(), "free".into())]);
    }

    #[test]
    fn what_is_spent_inside_counts_for_every_scope_around() {
        let base = Arc::default();
        let outer = Scope::open(None, &base, &Labels::default());
        let inner = Scope::open(Some(&outer), &base, &Labels::default());
        inner.exchange_began();
        inner.spend(&Charge {
            total: None,
            state: CostState::Unpriced,
            source: CostSource::Catalogue,
            catalogue_version: 1,
            matched_by: None,
        });
        assert_eq!(outer.exchanges_begun(), 1);
        assert_eq!(outer.tally(), Tally { calls: 1, unpriced: 1, ..Tally::default() });
    }

    #[test]
    fn a_step_is_the_parent_of_what_is_inside_and_shares_its_trace() {
        let base = Arc::default();
        let ids = |n| (TraceId([n; 16]), SpanId([n; 8]));
        let step = |parent, name: &str, ids| {
            let what = (name.to_owned(), Cow::Borrowed("agent"));
            Scope::open_step(parent, &base, &Labels::default(), what, ids, Moment::default())
        };
        let root = step(None, "plan", ids(1));
        let child = step(Some(&root), "search", ids(2));
        let (_, surroundings) = child.step(Status::Ok, None, Moment::default()).unwrap();
        assert_eq!(surroundings.trace_id, Some(TraceId([1; 16])));
        assert_eq!(surroundings.parent_id, Some(SpanId([1; 8])));
        assert_eq!(child.attribution().parent_id, Some(SpanId([2; 8])));
    }

    // Sabotage: `lock` in the place of `purse`, or in `Labels::over`.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_child_waits_for_no_thread_that_was_inside_of_a_scope_when_it_was_forked() {
        use crate::fork::tests::{Way, alone, holds_in_child};
        let _alone = alone();
        let (base, labels) = (Arc::default(), labels("chat", &[]));
        let scope = Scope::open(None, &base, &labels);
        let charge = Charge {
            total: None,
            state: CostState::Unpriced,
            source: CostSource::Catalogue,
            catalogue_version: 1,
            matched_by: None,
        };
        // As a thread would that did not come along.
        let (_tally, _last) = (scope.tally.lock(), labels.last.lock());
        for way in [Way::Fork, Way::Clone] {
            assert!(holds_in_child(way, || {
                scope.spend(&charge);
                let inner = Scope::open(Some(&scope), &base, &labels);
                inner.spend(&charge);
                (scope.tally().calls, inner.tally().calls) == (0, 1)
            }));
        }
    }
}
