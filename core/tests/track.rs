//! Scopes and steps as a Rust program uses them: to whom what is spent belongs, whoever runs it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use llmlab::event::{Event, SpanId, Status, Subject, TraceId};
use llmlab::exchange::{End, Request};
use llmlab::{Llmlab, SinkChoice, scope};

const LONG: Duration = Duration::from_secs(60);

/// A client whose events arrive here.
struct Observed {
    lab: Llmlab,
    events: Receiver<Vec<Event>>,
    _home: tempfile::TempDir,
}

fn observed() -> Observed {
    let home = tempfile::tempdir().unwrap();
    let (sender, events) = channel();
    let sink = SinkChoice::function("test", move |batch| sender.send(batch.events.clone()));
    let lab = Llmlab::builder().home(home.path()).sink(sink).build().unwrap();
    Observed { lab, events, _home: home }
}

impl Observed {
    /// What was recorded so far.
    fn events(&self) -> Vec<Event> {
        assert!(self.lab.flush(LONG).is_complete());
        self.events.try_iter().flatten().collect()
    }

    /// The steps among it: name, status, type of the error.
    fn steps(&self) -> Vec<(String, Status, Option<String>)> {
        let step = |event: Event| match event.facts.subject {
            Subject::Step(step) => Some((step.name, event.facts.status, event.facts.error_type)),
            _ => None,
        };
        self.events().into_iter().filter_map(step).collect()
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap()
}

fn feature() -> Option<String> {
    scope::current()?.attribution().feature.clone()
}

#[test]
fn the_inner_scope_has_the_labels_of_the_outer_one_and_both_have_what_is_spent() {
    let observed = observed();
    let lab = &observed.lab;
    let outer = lab.track().feature("chat").user("u1").tag("tier", "free").enter();
    let inner = lab.track().feature("title").tags([("tier", "paid"), ("team", "a")]).enter();
    lab.track_call("openai", "gpt-4o-mini").input_tokens(1_000).output_tokens(500).record();
    drop(inner);
    lab.track_call("openai", "nobody-knows").input_tokens(1).session("s1").record();
    assert_eq!((outer.calls(), outer.unpriced(), outer.cost()), (2, 1, None));
    drop(outer);
    lab.track_call("openai", "gpt-4o-mini").input_tokens(1).record();
    let events = observed.events();
    let labels = |index: usize| {
        let attribution = &events[index].attribution;
        let text = |label: &Option<String>| label.clone().unwrap_or_default();
        let tags = attribution.tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ");
        [text(&attribution.feature), text(&attribution.user), text(&attribution.session), tags].join(",")
    };
    assert_eq!(labels(0), "title,u1,,team=a tier=paid");
    assert_eq!(labels(1), "chat,u1,s1,tier=free");
    assert_eq!(labels(2), ",,,");
}

// Sabotage: an `Instrumented` that enters once, or a current scope in a static.
#[test]
fn tasks_that_take_turns_do_not_mix_their_scopes() {
    let observed = observed();
    let lab = observed.lab.clone();
    let runtime = runtime();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..50_u64)
            .map(|number| {
                let (lab, name) = (lab.clone(), format!("f{number}"));
                let scope = lab.track().feature(&*name).open();
                let task = scope.instrument(async move {
                    for _ in 0..20 {
                        assert_eq!(feature().as_deref(), Some(&*name));
                        tokio::task::yield_now().await;
                        lab.track_call("openai", "gpt-4o-mini").input_tokens(number).record();
                    }
                });
                (number, scope, tokio::spawn(task))
            })
            .collect();
        assert_eq!(feature(), None);
        for (number, scope, task) in tasks {
            task.await.unwrap();
            assert_eq!(scope.calls(), 20);
            let one =
                lab.cost_of("openai", "gpt-4o-mini", &llmlab::Usage::new().with(llmlab::Dimension::Input, number));
            let cost = one.unwrap().total.unwrap();
            assert_eq!(scope.cost(), Some((0..20).map(|_| cost).sum()));
        }
    });
    for event in observed.events() {
        let Subject::Call(call) = &event.facts.subject else { panic!("{event:?}") };
        let number = call.usage.get(llmlab::Dimension::Input).unwrap();
        assert_eq!(event.attribution.feature.as_deref(), Some(&*format!("f{number}")));
    }
}

#[test]
fn a_step_ends_as_what_it_does_ends() {
    let observed = observed();
    let lab = &observed.lab;
    lab.trace("plain").in_scope(|| ());
    let _ = lab.trace("fine").try_in_scope(|| Ok::<_, std::num::ParseIntError>(1));
    let _ = lab.trace("wrong").kind("tool").try_in_scope(|| "x".parse::<u8>());
    let panicked = catch_unwind(AssertUnwindSafe(|| lab.trace("panics").in_scope(|| panic!("inside"))));
    assert!(panicked.is_err() && scope::current().is_none());
    lab.trace("said").start().fail("timeout");
    lab.trace("given up").start().cancel();
    let step = |name: &str, status, error: Option<&str>| (name.to_owned(), status, error.map(str::to_owned));
    assert_eq!(
        observed.steps(),
        [
            step("plain", Status::Ok, None),
            step("fine", Status::Ok, None),
            step("wrong", Status::Error, Some("ParseIntError")),
            step("panics", Status::Error, Some("panic")),
            step("said", Status::Error, Some("timeout")),
            step("given up", Status::Cancelled, None),
        ]
    );
}

#[test]
fn a_future_that_is_dropped_is_a_cancelled_step() {
    let observed = observed();
    let lab = observed.lab.clone();
    let runtime = runtime();
    runtime.block_on(async {
        let (begun, is_begun) = tokio::sync::oneshot::channel();
        let inner = lab.clone();
        let task = tokio::spawn(lab.trace("agent").kind("agent").instrument(async move {
            let _ = begun.send(());
            inner.trace("tool").instrument(pending::<()>()).await;
        }));
        is_begun.await.unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        let panics = tokio::spawn(lab.trace("panics").instrument(async { panic!("inside") }));
        assert!(panics.await.unwrap_err().is_panic());
        lab.trace("done").instrument(async { tokio::task::yield_now().await }).await;
        let wrong = lab.trace("wrong").try_instrument(async { Err::<(), _>(std::fmt::Error) }).await;
        assert!(wrong.is_err());
        drop(lab.trace("never polled").instrument(pending::<()>()));
    });
    let step = |name: &str, status, error: Option<&str>| (name.to_owned(), status, error.map(str::to_owned));
    assert_eq!(
        observed.steps(),
        [
            step("tool", Status::Cancelled, None),
            step("agent", Status::Cancelled, None),
            step("panics", Status::Error, Some("panic")),
            step("done", Status::Ok, None),
            step("wrong", Status::Error, Some("Error")),
            step("never polled", Status::Cancelled, None),
        ]
    );
}

#[test]
fn steps_and_calls_are_children_of_the_step_around_and_share_its_trace() {
    let observed = observed();
    let lab = &observed.lab;
    let (trace, span) = (TraceId([7; 16]), SpanId([1; 8]));
    let mut inside = None;
    lab.trace("agent").in_trace(trace, Some(span)).in_scope(|| {
        inside = scope::current().and_then(|scope| scope.span_id());
        lab.trace("tool").in_scope(|| lab.track_call("openai", "gpt-4o-mini").input_tokens(1).record());
    });
    let events = observed.events();
    assert!(events.iter().all(|event| event.attribution.trace_id == Some(trace)));
    let [call, tool, agent] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(call.attribution.parent_id, Some(tool.span_id()));
    assert_eq!((tool.attribution.parent_id, inside), (Some(agent.span_id()), Some(agent.span_id())));
    assert_eq!(agent.attribution.parent_id, Some(span));
}

const REQUEST: Request<'_> =
    Request { method: "POST", url: "https://api.openai.com/v1/chat/completions", body: br#"{"model":"gpt-4o-mini"}"# };
const ANSWER: &[u8] = br#"{"model":"gpt-4o-mini","usage":{"prompt_tokens":1000,"completion_tokens":500}}"#;

#[test]
fn an_exchange_is_recorded_exactly_once_however_it_ends() {
    let observed = observed();
    let lab = &observed.lab;
    let begin = || {
        let mut exchange = lab.exchange(&REQUEST).unwrap();
        exchange.head(200, [(&b"content-type"[..], &b"application/json"[..])]);
        exchange
    };
    let mut read = begin();
    read.push(ANSWER);
    read.finish(End::Complete, None);
    begin().finish_with(ANSWER);
    drop(begin());
    begin().finish(End::Cancelled, Some("Cancelled"));
    begin().unsent();
    assert!(lab.exchange(&Request { url: "https://example.com/", ..REQUEST }).is_none());
    let statuses: Vec<_> = observed.events().iter().map(|event| event.facts.status).collect();
    assert_eq!(statuses, [Status::Ok, Status::Ok, Status::Aborted, Status::Cancelled]);
}

#[test]
fn an_exchange_belongs_to_the_client_of_the_scope_it_began_in() {
    let (ours, theirs) = (observed(), observed());
    let scope = ours.lab.track().feature("ours").open();
    let exchange = scope.in_scope(|| theirs.lab.exchange(&REQUEST).unwrap());
    assert_eq!(scope.exchanges_begun(), 1);
    exchange.finish_with(ANSWER);
    assert_eq!(scope.calls(), 1);
    assert_eq!((ours.events().len(), theirs.events().len()), (1, 0));
}

// Sabotage: a fault that passes, or that nobody counts.
#[test]
fn an_exchange_at_which_the_reading_fails_is_given_up_and_counted() {
    let observed = observed();
    let mut exchange = observed.lab.exchange(&REQUEST).unwrap();
    let before = Llmlab::faults();
    exchange.head(200, std::iter::from_fn(|| panic!("a fault")));
    exchange.push(ANSWER);
    exchange.finish(End::Complete, None);
    assert_eq!((Llmlab::faults() - before, observed.events().len()), (1, 0));
    assert!(observed.lab.take_notices()[0].contains("fault in llmlab"));
}

#[test]
fn what_a_task_needs_can_be_sent_to_it() {
    fn is_sent<T: Send>() {}
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Llmlab>();
    is_shared::<Arc<llmlab::Scope>>();
    is_shared::<llmlab::track::Track>();
    is_shared::<llmlab::track::Step>();
    is_sent::<llmlab::OpenExchange>();
    is_sent::<llmlab::track::TrackCall>();
    is_sent::<llmlab::track::Traced<std::future::Ready<()>>>();
    is_sent::<scope::Instrumented<std::future::Ready<()>>>();
}

#[test]
fn a_handle_may_outlive_the_one_it_is_a_clone_of() {
    let observed = observed();
    let scope = {
        let lab = observed.lab.clone();
        lab.track().feature("late").open()
    };
    let lab = scope.lab().unwrap().clone();
    std::thread::scope(|threads| {
        threads.spawn(|| scope.in_scope(|| lab.track_call("openai", "gpt-4o-mini").input_tokens(1).record()));
    });
    assert_eq!(Arc::strong_count(&scope), 1);
    assert_eq!(observed.events()[0].attribution.feature.as_deref(), Some("late"));
}
