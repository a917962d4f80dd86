//! Events of every shape and a disk of every fault, for tests.

use std::borrow::Cow;
use std::sync::Arc;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::LEDGER;
use super::header::Header;
use crate::event::{
    Attribution, Call, Charge, CostSource, CostState, Event, EventId, Facts, MatchedBy, Operation, Origin, Pass,
    Rollup, SpanId, Status, Step, Subject, Tally, TraceId,
};
use crate::money::Money;
use crate::usage::{Dimension, Usage};

pub(crate) mod model;

pub(crate) const WRITER: [u8; 16] = *b"0123456789abcdef";

/// `make soak` asks for the long form.
#[expect(clippy::disallowed_methods, reason = "how the long form is asked for")]
pub(crate) fn is_soak() -> bool {
    std::env::var_os("LLMLAB_SOAK").is_some()
}

/// For a property of which a case is dear: so many, and many more in the long form, whatever is asked of the others.
pub(crate) fn dear(cases: u32) -> ProptestConfig {
    ProptestConfig::with_cases(if is_soak() { cases * 20 } else { cases })
}

pub(crate) fn header() -> Header {
    let origin = Origin {
        project: "shop/back end".into(),
        run_id: Some("run-1".into()),
        environment: Some("test".into()),
        service: None,
    };
    Header { writer: WRITER, origin: Arc::new(origin), destinations: [LEDGER.to_owned()].into() }
}

/// An ordinary call: gpt-5 answered, 1482 tokens in, 645 out, for 0.0116235 USD.
pub(crate) fn call(counter: u64) -> Event {
    let usage = Usage::new().with(Dimension::Input, 1482).with(Dimension::Output, 645).with(Dimension::Reasoning, 512);
    let call = Call {
        provider: Some("openai".into()),
        model: Some("gpt-5-2025-08-07".into()),
        model_requested: Some("gpt-5".into()),
        usage,
        service_tier: Some("default".into()),
        response_id: Some(format!("chatcmpl-Ck3fG7sQ9aLxR2{counter:010}")),
        ..Call::new(Operation::Chat)
    };
    Event {
        id: EventId { writer: WRITER, counter },
        origin: header().origin,
        attribution: Arc::new(Attribution { feature: Some("search".into()), ..Attribution::default() }),
        facts: Facts {
            unix_ns: 1_790_000_000_000_000_000 + i64::try_from(counter).unwrap() * 1_234_567,
            latency_ns: Some(812_345_678 + counter),
            status: Status::Ok,
            error_type: None,
            subject: Subject::Call(Box::new(call)),
        },
        charge: Some(Charge {
            total: Some("0.0116235".parse().unwrap()),
            state: CostState::Priced,
            source: CostSource::Catalogue,
            catalogue_version: 20_261_119,
            matched_by: Some(MatchedBy::Snapshot),
        }),
    }
}

fn text() -> impl Strategy<Value = Option<String>> {
    option::of("\\PC{0,12}")
}

fn any_usage() -> impl Strategy<Value = Usage> {
    vec(option::of(any::<u64>()), Dimension::COUNT).prop_map(|counts| {
        let mut usage = Usage::new();
        for (dimension, count) in Dimension::ALL.into_iter().zip(counts) {
            usage.set_if(dimension, count);
        }
        usage
    })
}

/// Up to 9 billion USD, as the ledger holds it.
fn any_money() -> impl Strategy<Value = Money> {
    (-9_000_000_000_000_000_000_i64..9_000_000_000_000_000_000, 0..1_000_000_000_i64)
        .prop_map(|(nano, atto)| Money::from_nano_atto(nano, atto))
}

fn any_call() -> impl Strategy<Value = Call> {
    let words = vec(text(), 8);
    let numbers = (any::<bool>(), any::<u32>(), option::of(any_money()), option::of(any::<u64>()));
    let passes = vec((text(), any_usage()).prop_map(|(model, usage)| Pass { model, usage }), 0..3);
    (proptest::sample::select(Operation::ALL), words, numbers, any_usage(), passes).prop_map(
        |(operation, mut words, (stream, attempt, provider_cost, first_event_ns), usage, extra_passes)| Call {
            provider: words.pop().flatten().map(Cow::Owned),
            model: words.pop().flatten(),
            model_requested: words.pop().flatten(),
            operation,
            stream,
            attempt,
            usage,
            extra_passes,
            service_tier: words.pop().flatten(),
            inference_geo: words.pop().flatten(),
            speed: words.pop().flatten(),
            search_context_size: words.pop().flatten(),
            provider_cost,
            response_id: words.pop().flatten(),
            first_event_ns,
        },
    )
}

fn any_rollup() -> impl Strategy<Value = Rollup> {
    let operation = option::of(proptest::sample::select(Operation::ALL));
    (text(), text(), operation, any_usage(), any::<[u64; 3]>()).prop_map(
        |(provider, model, operation, usage, [calls, failed_attempts, steps])| Rollup {
            provider: provider.map(Cow::Owned),
            model,
            operation,
            usage,
            tally: Tally { calls, failed_attempts, steps },
        },
    )
}

fn any_subject() -> impl Strategy<Value = Subject> {
    let step = ("\\PC{0,12}", "[a-z]{1,8}", any::<[u8; 8]>()).prop_map(|(name, kind, span_id)| {
        Subject::Step(Box::new(Step { name, kind: Cow::Owned(kind), span_id: SpanId(span_id) }))
    });
    let rollup = any_rollup().prop_map(|rollup| Subject::Rollup(Box::new(rollup)));
    prop_oneof![3 => any_call().prop_map(|call| Subject::Call(Box::new(call))), 1 => step, 1 => rollup]
}

fn any_attribution() -> impl Strategy<Value = Attribution> {
    let ids = (option::of(any::<[u8; 16]>()), option::of(any::<[u8; 8]>()));
    (text(), text(), text(), btree_map("\\PC{0,6}", "\\PC{0,6}", 0..4), ids).prop_map(
        |(feature, user, session, tags, (trace_id, parent_id))| Attribution {
            feature,
            user,
            session,
            tags: tags.into_iter().collect(),
            trace_id: trace_id.map(TraceId),
            parent_id: parent_id.map(SpanId),
        },
    )
}

fn any_charge() -> impl Strategy<Value = Charge> {
    use proptest::sample::select;
    (
        option::of(any_money()),
        select(CostState::ALL),
        select(CostSource::ALL),
        any::<u64>(),
        option::of(select(MatchedBy::ALL)),
    )
        .prop_map(|(total, state, source, catalogue_version, matched_by)| Charge {
            total,
            state,
            source,
            catalogue_version,
            matched_by,
        })
}

/// Any event of the writer of [`header`].
pub(crate) fn any_event() -> impl Strategy<Value = Event> {
    let facts = (any::<i64>(), option::of(any::<u64>()), proptest::sample::select(Status::ALL), text(), any_subject())
        .prop_map(|(unix_ns, latency_ns, status, error_type, subject)| Facts {
            unix_ns,
            latency_ns,
            status,
            error_type,
            subject,
        });
    (any::<u64>(), any_attribution(), facts, option::of(any_charge())).prop_map(
        |(counter, attribution, facts, charge)| Event {
            id: EventId { writer: WRITER, counter },
            origin: header().origin,
            attribution: Arc::new(attribution),
            facts,
            charge,
        },
    )
}

/// A call or a failed attempt of a few words and days, so that some meet in a rollup. Its charge makes sense.
fn ordinary() -> impl Strategy<Value = Event> {
    use proptest::sample::select;
    let words = vec(select(&[None, Some("a"), Some("b"), Some("c")][..]), 4);
    let counts = (0..1_000_000_u64, option::of(0..1_000_000_u64));
    let kinds = (0..8_u8, select(Status::ALL), select(CostState::ALL), select(CostSource::ALL));
    (words, counts, kinds, any::<u32>(), 0..200_i64).prop_map(
        |(words, (input, output), (kind, status, state, source), amount, hours)| {
            let mut event = call(0);
            let word = |index: usize| words[index].map(str::to_owned);
            event.facts.unix_ns += hours * 3_600_000_000_000 + i64::from(amount);
            event.facts.status = status;
            event.attribution =
                Arc::new(Attribution { feature: word(0), user: word(1), ..(*event.attribution).clone() });
            let Subject::Call(call) = &mut event.facts.subject else { panic!("a call") };
            (call.provider, call.model) = (word(2).map(Cow::Owned), word(3));
            call.usage = Usage::new();
            if kind > 1 {
                call.usage.set(Dimension::Input, input);
                call.usage.set_if(Dimension::Output, output);
            }
            let total = (state != CostState::Unpriced).then(|| Money::from_atto(i128::from(amount) << 40));
            event.charge = event.charge.filter(|_| kind > 0).map(|charge| Charge { total, state, source, ..charge });
            event
        },
    )
}

fn step() -> impl Strategy<Value = Event> {
    (ordinary(), any::<[u8; 8]>()).prop_map(|(mut event, span_id)| {
        let step = Step { name: "plan".into(), kind: "agent".into(), span_id: SpanId(span_id) };
        (event.facts.subject, event.charge) = (Subject::Step(Box::new(step)), None);
        event
    })
}

/// Calls, failed attempts and steps of one writer, each with an id of its own.
pub(crate) fn any_project() -> impl Strategy<Value = Vec<Event>> {
    vec(prop_oneof![9 => ordinary(), 1 => step()], 0..60).prop_map(|mut events| {
        for (counter, event) in (0..).zip(&mut events) {
            event.id.counter = counter;
        }
        events
    })
}
