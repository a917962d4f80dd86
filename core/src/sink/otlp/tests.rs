//! Our bytes, read back by the crate that is generated from the protocol's own files.

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Request;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::event::{
    Attribution, Charge, CostSource, CostState, MatchedBy, Operation, Rollup, SpanId, Status, Step, Subject, Tally,
    TraceId,
};
use crate::spool::testing::{WRITER, any_event, call, header};
use crate::usage::{Dimension, Usage};

const TRACE: TraceId = TraceId(*b"\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36");
const PARENT: SpanId = SpanId(*b"\xb7\xad\x6b\x71\x69\x20\x33\x31");

fn sink() -> OtlpSink {
    OtlpSink::new(&Preset::Otel.endpoint("http://127.0.0.1:4318", None))
}

fn sent(events: Vec<Event>) -> Request {
    let count = events.len();
    let batch = Batch { id: "b".into(), origin: header().origin, events };
    let message = sink().request(&batch, 0..count).unwrap().unwrap();
    assert_eq!(message.url, "http://127.0.0.1:4318/v1/traces");
    assert_eq!(message.headers, [("content-type", "application/x-protobuf".to_owned())]);
    assert!(message.body.len() <= MAX_BODY_BYTES);
    Request::decode(&message.body[..]).unwrap()
}

fn spans(events: Vec<Event>) -> Vec<Span> {
    sent(events).resource_spans.remove(0).scope_spans.remove(0).spans
}

fn span(event: Event) -> Span {
    spans(vec![event]).remove(0)
}

/// Values as text: what a reader of the table in docs/sinks.md compares.
fn shown(attributes: &[KeyValue], key: &str) -> Option<String> {
    let mut found = attributes.iter().filter(|attribute| attribute.key == key);
    let value = found.next()?.value.as_ref()?.value.as_ref()?;
    assert!(found.next().is_none(), "{key} is there twice");
    Some(match value {
        Value::StringValue(text) => text.clone(),
        Value::BoolValue(value) => value.to_string(),
        Value::IntValue(value) => value.to_string(),
        Value::DoubleValue(value) => value.to_string(),
        Value::ArrayValue(list) => format!("{} items", list.values.len()),
        other => panic!("{key} is {other:?}"),
    })
}

fn subject(event: &mut Event) -> &mut crate::event::Call {
    match &mut event.facts.subject {
        Subject::Call(call) => call,
        _ => panic!("no call"),
    }
}

/// A call with everything.
fn rich() -> Event {
    let mut event = call(7);
    event.attribution = Arc::new(Attribution {
        feature: Some("search".into()),
        user: Some("u-1".into()),
        session: Some("s-1".into()),
        tags: vec![("team".into(), "growth".into()), ("tier".into(), "free".into())],
        trace_id: Some(TRACE),
        parent_id: Some(PARENT),
    });
    event.facts.unix_ns = 1_790_000_000_000_000_000;
    event.facts.latency_ns = Some(1_500_000_000);
    event.charge = Some(Charge {
        total: Some("0.123456".parse().unwrap()),
        state: CostState::Priced,
        source: CostSource::Catalogue,
        catalogue_version: 20_261_121_001,
        matched_by: Some(MatchedBy::Alias),
    });
    let call = subject(&mut event);
    call.stream = true;
    call.first_event_ns = Some(250_000_000);
    call.usage = Usage::new()
        .with(Dimension::Input, 1000)
        .with(Dimension::CacheRead, 400)
        .with(Dimension::CacheWrite5m, 20)
        .with(Dimension::CacheWrite1h, 30)
        .with(Dimension::Output, 500)
        .with(Dimension::Reasoning, 120)
        .with(Dimension::WebSearches, 2);
    event
}

#[test]
fn one_span_speaks_every_dialect() {
    let span = span(rich());
    assert_eq!(span.name, "chat gpt-5");
    assert_eq!(span.kind(), SpanKind::Client);
    assert_eq!((span.trace_id.as_slice(), span.parent_span_id.as_slice()), (&TRACE.0[..], &PARENT.0[..]));
    assert_eq!(span.end_time_unix_nano - span.start_time_unix_nano, 1_500_000_000);
    for (key, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.system", "openai"),
        ("gen_ai.request.model", "gpt-5"),
        ("gen_ai.response.model", "gpt-5-2025-08-07"),
        ("gen_ai.response.id", "chatcmpl-Ck3fG7sQ9aLxR20000000007"),
        ("gen_ai.request.stream", "true"),
        ("gen_ai.response.time_to_first_chunk", "0.25"),
        ("gen_ai.usage.input_tokens", "1000"),
        ("gen_ai.usage.output_tokens", "500"),
        ("gen_ai.usage.cache_read.input_tokens", "400"),
        ("gen_ai.usage.cache_creation.input_tokens", "50"),
        ("gen_ai.usage.cache_write.input_tokens", "50"),
        ("gen_ai.usage.reasoning.output_tokens", "120"),
        ("gen_ai.usage.cost", "0.123456"),
        ("gen_ai.conversation.id", "s-1"),
        ("openinference.span.kind", "LLM"),
        ("llm.provider", "openai"),
        ("llm.model_name", "gpt-5-2025-08-07"),
        ("llm.token_count.prompt", "1000"),
        ("llm.token_count.completion", "500"),
        ("llm.token_count.total", "1500"),
        ("llm.token_count.prompt_details.cache_read", "400"),
        ("llm.token_count.prompt_details.cache_write", "50"),
        ("llm.token_count.completion_details.reasoning", "120"),
        ("llm.cost.total", "0.123456"),
        ("session.id", "s-1"),
        ("user.id", "u-1"),
        ("metadata", r#"{"feature":"search","team":"growth","tier":"free"}"#),
        ("tag.tags", "2 items"),
        ("langfuse.observation.type", "generation"),
        (
            "langfuse.observation.usage_details",
            r#"{"input":550,"input_cache_creation":50,"input_cached_tokens":400,"output":380,"output_reasoning_tokens":120,"total":1500}"#,
        ),
        ("langfuse.observation.cost_details", r#"{"total":0.123456}"#),
        ("langfuse.observation.completion_start_time", "2026-09-21T14:13:20.25Z"),
        ("langfuse.observation.metadata.team", "growth"),
        ("mlflow.spanType", "CHAT_MODEL"),
        ("mlflow.llm.cost", r#"{"total_cost":0.123456}"#),
        ("$ai_total_cost_usd", "0.123456"),
        ("$ai_cache_reporting_exclusive", "false"),
        ("llmlab.cost.total_usd", "0.123456"),
        ("llmlab.cost.state", "priced"),
        ("llmlab.pricing.version", "20261121001"),
        ("llmlab.feature", "search"),
        ("llmlab.usage.cache_write_1h", "30"),
        ("llmlab.usage.web_searches", "2"),
    ] {
        assert_eq!(shown(&span.attributes, key).as_deref(), Some(value), "{key}");
    }
}

#[test]
fn the_resource_says_whose_calls_they_are() {
    let request = sent(vec![call(1)]);
    let resource = request.resource_spans[0].resource.as_ref().unwrap();
    for (key, value) in [
        ("service.name", "shop/back end"),
        ("deployment.environment.name", "test"),
        ("openinference.project.name", "shop/back end"),
        ("llmlab.run_id", "run-1"),
    ] {
        assert_eq!(shown(&resource.attributes, key).as_deref(), Some(value), "{key}");
    }
}

#[test]
fn an_unknown_cost_is_left_out_so_that_the_backend_prices_the_call() {
    let mut event = rich();
    event.charge = event.charge.map(|charge| Charge { total: None, state: CostState::Unpriced, ..charge });
    subject(&mut event).usage = Usage::new();
    let span = span(event);
    let about = |word: &str| {
        let keys = span.attributes.iter().map(|attribute| attribute.key.clone());
        keys.filter(|key| key.contains(word)).collect::<Vec<_>>()
    };
    assert_eq!(about("cost"), ["llmlab.cost.state", "llmlab.cost.source"]);
    assert_eq!(about("usage"), Vec::<String>::new());
    assert_eq!(about("token"), Vec::<String>::new());
}

#[test]
fn the_exact_cost_goes_beside_the_nearest_double() {
    let mut event = rich();
    let exact = "12345.678901234567890123".parse().unwrap();
    event.charge = event.charge.map(|charge| Charge { total: Some(exact), ..charge });
    let span = span(event);
    assert_eq!(shown(&span.attributes, "llmlab.cost.total_usd").unwrap(), "12345.678901234567890123");
    assert_eq!(shown(&span.attributes, "gen_ai.usage.cost").unwrap(), "12345.678901234567");
    assert_eq!(shown(&span.attributes, "mlflow.llm.cost").unwrap(), r#"{"total_cost":12345.678901234567890123}"#);
}

#[test]
fn a_step_is_a_span_without_usage_and_cost() {
    for (kind, openinference, operation) in
        [("agent", "AGENT", Some("invoke_agent")), ("tool", "TOOL", Some("execute_tool")), ("function", "CHAIN", None)]
    {
        let step = Step { name: "answer".into(), kind: Cow::Borrowed(kind), span_id: PARENT };
        let mut event = Event { charge: None, ..rich() };
        event.facts.subject = Subject::Step(Box::new(step));
        let span = span(event);
        assert_eq!((span.name.as_str(), span.kind()), ("answer", SpanKind::Internal));
        assert_eq!(span.span_id, PARENT.0);
        assert_eq!(shown(&span.attributes, "openinference.span.kind").as_deref(), Some(openinference));
        assert_eq!(shown(&span.attributes, "gen_ai.operation.name").as_deref(), operation);
        let spends = |attribute: &KeyValue| ["usage", "cost", "token"].iter().any(|word| attribute.key.contains(word));
        assert!(!span.attributes.iter().any(spends));
    }
}

#[test]
fn a_rollup_is_one_span_with_the_sums() {
    let mut event = rich();
    event.facts.latency_ns = None;
    event.facts.subject = Subject::Rollup(Box::new(Rollup {
        provider: Some("bedrock".into()),
        model: Some("claude".into()),
        operation: Some(Operation::Chat),
        usage: Usage::new().with(Dimension::Input, 40_000).with(Dimension::Output, 2_000),
        tally: Tally { calls: 40, failed_attempts: 2, steps: 0 },
    }));
    let span = span(event);
    assert_eq!((span.name.as_str(), span.kind()), ("rollup claude", SpanKind::Internal));
    for (key, value) in [
        ("llmlab.rollup.calls", "40"),
        ("llmlab.rollup.failed_attempts", "2"),
        ("gen_ai.usage.input_tokens", "40000"),
        ("gen_ai.provider.name", "aws.bedrock"),
        ("llm.provider", "aws"),
        ("llmlab.cost.total_usd", "0.123456"),
    ] {
        assert_eq!(shown(&span.attributes, key).as_deref(), Some(value), "{key}");
    }
}

#[test]
fn the_outcome_is_the_status_of_the_span() {
    let outcome = |status: Status, error_type: Option<&str>| {
        let mut event = rich();
        event.facts.status = status;
        event.facts.error_type = error_type.map(str::to_owned);
        let span = span(event);
        let status = span.status.clone().unwrap();
        (status.code, status.message, shown(&span.attributes, "error.type"))
    };
    assert_eq!(outcome(Status::Ok, None), (1, String::new(), None));
    assert_eq!(outcome(Status::Error, Some("rate_limit")), (2, "rate_limit".into(), Some("rate_limit".into())));
    assert_eq!(outcome(Status::Lost, None), (2, "lost".into(), Some("lost".into())));
    assert_eq!(outcome(Status::Cancelled, None), (0, String::new(), None));
}

#[test]
fn ids_are_never_zero_and_a_call_without_a_trace_has_one_of_its_own() {
    let [first, again, second] = [call(1), call(1), call(2)].map(span);
    assert_eq!((&first.trace_id, &first.span_id), (&again.trace_id, &again.span_id), "the same at every delivery");
    assert_ne!(first.trace_id, second.trace_id);
    assert_ne!(first.span_id, second.span_id);
    let mut event = rich();
    event.id.writer = [0; 16];
    event.id.counter = 0;
    event.attribution = Arc::new(Attribution { trace_id: Some(TraceId([0; 16])), ..(*event.attribution).clone() });
    let span = span(event);
    assert!(span.trace_id.iter().any(|&byte| byte != 0));
    assert!(span.span_id.iter().any(|&byte| byte != 0));
    assert!(span.parent_span_id.is_empty(), "a parent in no trace");
}

#[test]
fn a_request_that_would_be_too_long_goes_out_without_tags() {
    let long = "\u{1}".repeat(5_000);
    let events: Vec<Event> = (0..100)
        .map(|counter| {
            let mut event = call(counter);
            let tags = vec![("a".into(), long.clone())];
            event.attribution = Arc::new(Attribution { feature: Some(long.clone()), tags, ..Attribution::default() });
            event
        })
        .collect();
    let spans = spans(events);
    assert_eq!(spans.len(), 100);
    assert_eq!(shown(&spans[0].attributes, "metadata"), None);
    assert_eq!(shown(&spans[0].attributes, "llmlab.feature").unwrap().len(), 256 + '…'.len_utf8());
    assert_eq!(shown(&spans[0].attributes, "gen_ai.usage.input_tokens").as_deref(), Some("1482"));
}

#[test]
fn no_name_of_ours_falls_where_langfuse_looks_for_tokens() {
    let known = [
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.cost",
    ];
    let mut event = rich();
    for dimension in Dimension::ALL {
        subject(&mut event).usage.set(dimension, 1);
    }
    for KeyValue { key, .. } in span(event).attributes {
        assert!(!key.starts_with("gen_ai.usage.") || known.contains(&key.as_str()), "{key}");
    }
}

/// A longer one makes `MLflow` refuse the whole request.
#[test]
fn a_session_and_a_user_are_no_longer_than_backends_take() {
    let mut event = rich();
    let long = Some("é".repeat(201));
    event.attribution = Arc::new(Attribution { user: long.clone(), session: long, ..Attribution::default() });
    let span = span(event);
    for key in ["session.id", "gen_ai.conversation.id", "user.id"] {
        assert_eq!(shown(&span.attributes, key), Some("é".repeat(200)), "{key}");
    }
}

#[test]
fn nothing_is_asked_for_no_events() {
    assert_eq!(sink().request(&Batch::default(), 0..0).unwrap(), None);
}

proptest! {
    /// Hostile texts, counts beyond 2⁶³, times before 1970 and after 2262.
    #[test]
    fn any_event_is_a_valid_span(event in any_event()) {
        let span = span(event.clone());
        prop_assert_eq!((span.trace_id.len(), span.span_id.len()), (16, 8));
        prop_assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
        prop_assert!(i64::try_from(span.end_time_unix_nano).is_ok());
        prop_assert!(!span.name.is_empty());
        for attribute in &span.attributes {
            match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
                Some(Value::StringValue(text)) => prop_assert!(!text.contains('\0')),
                Some(Value::IntValue(count)) => prop_assert!(*count >= 0),
                Some(Value::DoubleValue(value)) => prop_assert!(value.is_finite()),
                Some(_) => {}
                None => prop_assert!(false, "{} has no value", attribute.key),
            }
        }
        let id = shown(&span.attributes, "llmlab.event.id");
        prop_assert_eq!(id, Some(event.id.to_string()));
        prop_assert_eq!(event.id.writer, WRITER);
    }
}
