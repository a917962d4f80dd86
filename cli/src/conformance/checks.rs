//! What the protocol demands of a server, one rule after the other. Checks use events of their own and no order.

use std::collections::BTreeSet;
use std::fmt::Debug;

use llmlab::protocol::{MAX_DECODED_BYTES, MAX_ENCODED_BYTES, MAX_EVENTS};
use llmlab::sink::Answer;
use serde_json::{Value, json};

use super::sample::{call, rollup, step};
use super::server::{Server, Who, at_once_id, request};

/// Why a check did not succeed.
pub(super) enum Miss {
    NotTested(&'static str),
    Failed { expected: String, got: String },
}

impl Miss {
    pub(super) fn failed(expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self::Failed { expected: expected.into(), got: got.into() }
    }
}

type Outcome = Result<(), Miss>;

pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) rule: &'static str,
    pub(super) run: fn(&Server) -> Outcome,
}

macro_rules! checks {
    ($($name:ident $rule:literal;)*) => {
        pub(super) const CHECKS: &[Check] =
            &[$(Check { name: stringify!($name), rule: $rule, run: $name }),*];
    };
}

checks! {
    auth "a request without a key, or with an unknown one, is refused with 401 or 403";
    store "calls, steps and rollups are stored, and the batch is named in the receipt";
    identity "a body that is not compressed is taken";
    replay "a batch that comes again is all duplicates";
    regroup "events that come again in another batch are duplicates, the others are stored";
    twice "an event that is in a batch twice is stored once";
    at_once "the same events in four requests at once are stored once";
    conflict "an id that is known with other facts is rejected as id_conflict";
    reprice "an event that comes again with another cost is a duplicate";
    integers "counts beyond 2^53 are not rounded";
    reject "an event that is wrong is rejected by its id, and the others are stored";
    unknown_kind "an event of a kind that is not known yet is stored";
    unknown_fields "fields that are not known yet are ignored";
    version "another version is refused with 404 and unsupported_version";
    malformed "what is no request is refused with 400, never with 5xx";
    encoding "a content-encoding that is not gzip is refused with 415";
    too_many "more than 1,000 events are refused with 413";
    too_large "more than 1 MiB are refused with 413";
    too_large_unpacked "more than 8 MiB unpacked are refused with 413";
    retry_after "429 and 503 say when to come again, in seconds or as a date";
}

/// What a receipt says, once it holds for so many events.
#[derive(Debug, PartialEq, Eq)]
struct Receipt {
    stored: u64,
    duplicates: u64,
    /// Id and code of each.
    rejected: BTreeSet<(String, String)>,
}

fn show(answer: &Answer) -> String {
    let body: String = String::from_utf8_lossy(&answer.body).chars().take(300).collect();
    format!("{} {body}", answer.status)
}

fn receipt(answer: &Answer, batch_id: &str, events: usize) -> Result<Receipt, Miss> {
    let wrong = |expected: &str| Miss::failed(expected, show(answer));
    if answer.status != 200 {
        return Err(wrong("200 with a receipt"));
    }
    let body: Value = serde_json::from_slice(&answer.body).map_err(|_| wrong("a receipt in JSON"))?;
    if body["batch_id"] != batch_id {
        return Err(wrong(&format!("a receipt whose batch_id is {batch_id:?}")));
    }
    let (Some(stored), Some(duplicates), Some(rejected)) =
        (body["stored"].as_u64(), body["duplicates"].as_u64(), body["rejected"].as_array())
    else {
        return Err(wrong("stored and duplicates as whole numbers, and rejected as an array"));
    };
    let rejected: Option<BTreeSet<_>> = rejected
        .iter()
        .map(|event| {
            event["message"].as_str().and(event["retryable"].as_bool())?;
            Some((event["id"].as_str()?.to_owned(), event["code"].as_str()?.to_owned()))
        })
        .collect();
    let rejected = rejected.ok_or_else(|| wrong("id, code, message and retryable of each rejected event"))?;
    if stored.checked_add(duplicates).and_then(|sum| sum.checked_add(rejected.len() as u64)) != Some(events as u64) {
        return Err(wrong(&format!("stored + duplicates + rejected = {events}")));
    }
    Ok(Receipt { stored, duplicates, rejected })
}

/// In a batch of its own.
fn deliver(server: &Server, events: &[Value]) -> Result<Receipt, Miss> {
    deliver_as(server, &server.new_id().to_string(), events)
}

fn deliver_as(server: &Server, batch_id: &str, events: &[Value]) -> Result<Receipt, Miss> {
    receipt(&server.send(Who::Owner, &request(batch_id, events))?, batch_id, events.len())
}

fn expect<T: PartialEq + Debug>(what: &str, expected: &T, got: &T) -> Outcome {
    if expected == got { Ok(()) } else { Err(Miss::failed(format!("{what}: {expected:?}"), format!("{got:?}"))) }
}

fn expect_counts(what: &str, (stored, duplicates): (u64, u64), got: &Receipt) -> Outcome {
    expect(what, &&Receipt { stored, duplicates, rejected: BTreeSet::new() }, &got)
}

fn expect_rejected(what: &str, stored: u64, event: &Value, code: &str, got: &Receipt) -> Outcome {
    let rejected = BTreeSet::from([(event["id"].as_str().unwrap_or_default().to_owned(), code.to_owned())]);
    expect(what, &&Receipt { stored, duplicates: 0, rejected }, &got)
}

/// A refusal has its status, and says in the documented form why.
fn expect_refusal(what: &str, answer: &Answer, statuses: &[u16], code: Option<&str>) -> Outcome {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let error = &body["error"];
    let has_form = error["code"].is_string() && error["message"].is_string();
    if statuses.contains(&answer.status) && has_form && code.is_none_or(|code| error["code"] == code) {
        return Ok(());
    }
    let expected =
        format!("{what}: {statuses:?} with {{\"error\":{{\"code\":{:?},\"message\":…}}}}", code.unwrap_or("…"));
    Err(Miss::failed(expected, show(answer)))
}

fn auth(server: &Server) -> Outcome {
    if !server.has_key {
        return Err(Miss::NotTested("no --key was given"));
    }
    let event = call(server.new_id());
    for (who, what) in [(Who::Nobody, "without a key"), (Who::Stranger, "with an unknown key")] {
        let answer = server.send(who, &request("auth", std::slice::from_ref(&event)))?;
        expect_refusal(what, &answer, &[401, 403], None)?;
    }
    expect_counts("nothing of that was stored", (1, 0), &deliver(server, &[event])?)
}

fn store(server: &Server) -> Outcome {
    let events = [call(server.new_id()), step(server.new_id()), rollup(server.new_id())];
    // The id of a part of a batch that was divided.
    expect_counts("three new events", (3, 0), &deliver_as(server, "9f1c2b77-7/0-3", &events)?)
}

fn identity(server: &Server) -> Outcome {
    let request = request("identity", &[call(server.new_id())]);
    let answer = server.raw(request.to_string().as_bytes(), None)?;
    expect_counts("one new event", (1, 0), &receipt(&answer, "identity", 1)?)
}

fn replay(server: &Server) -> Outcome {
    let events = [call(server.new_id()), step(server.new_id())];
    expect_counts("the first time", (2, 0), &deliver_as(server, "replay", &events)?)?;
    expect_counts("the second time", (0, 2), &deliver_as(server, "replay", &events)?)
}

fn regroup(server: &Server) -> Outcome {
    let [a, b, c] = [(); 3].map(|()| call(server.new_id()));
    expect_counts("the first time", (2, 0), &deliver(server, &[a.clone(), b.clone()])?)?;
    expect_counts("with one more", (1, 2), &deliver(server, &[c, b, a])?)
}

fn twice(server: &Server) -> Outcome {
    let event = call(server.new_id());
    expect_counts("the same event twice", (1, 1), &deliver(server, &[event.clone(), event])?)
}

fn at_once(server: &Server) -> Outcome {
    for _ in 0..5 {
        let events: Vec<Value> = (0..25).map(|_| call(server.new_id())).collect();
        let mut stored = 0;
        for (number, answer) in server.send_at_once(&events).into_iter().enumerate() {
            stored += receipt(&answer?, &at_once_id(number), events.len())?.stored;
        }
        expect("stored by all four together", &25, &stored)?;
    }
    Ok(())
}

fn conflict(server: &Server) -> Outcome {
    let event = call(server.new_id());
    expect_counts("the first event of an id", (1, 0), &deliver(server, std::slice::from_ref(&event))?)?;
    for (field, value) in
        [("usage", json!({"input": 1})), ("model", json!("other")), ("ts", json!("2026-11-20T00:00:00Z"))]
    {
        let mut other = event.clone();
        other[field] = value;
        let receipt = deliver(server, std::slice::from_ref(&other))?;
        expect_rejected(&format!("the same id with another {field}"), 0, &other, "id_conflict", &receipt)?;
    }
    Ok(())
}

fn reprice(server: &Server) -> Outcome {
    let mut event = call(server.new_id());
    expect_counts("the first time", (1, 0), &deliver(server, std::slice::from_ref(&event))?)?;
    event["cost_usd"] = json!(0.5);
    event["catalogue_version"] = json!(20_270_101_001_u64);
    event["new_in_a_later_client"] = json!(true);
    expect_counts("with another cost", (0, 1), &deliver(server, &[event])?)
}

fn integers(server: &Server) -> Outcome {
    let mut event = call(server.new_id());
    event["usage"] = json!({"input": (1_u64 << 53) + 1});
    expect_counts("2^53 + 1 tokens", (1, 0), &deliver(server, std::slice::from_ref(&event))?)?;
    event["usage"] = json!({"input": 1_u64 << 53});
    let receipt = deliver(server, std::slice::from_ref(&event))?;
    expect_rejected("2^53 tokens under the same id", 0, &event, "id_conflict", &receipt)
}

fn reject(server: &Server) -> Outcome {
    for (field, value) in
        [("id", json!("12")), ("kind", Value::Null), ("ts", json!("yesterday")), ("usage", json!({"input": -1}))]
    {
        let mut wrong = call(server.new_id());
        wrong[field] = value;
        let events = [call(server.new_id()), wrong.clone(), call(server.new_id())];
        let receipt = deliver(server, &events)?;
        expect_rejected(&format!("two events and one with a wrong {field}"), 2, &wrong, "invalid_event", &receipt)?;
    }
    Ok(())
}

fn unknown_kind(server: &Server) -> Outcome {
    let mut event = call(server.new_id());
    event["kind"] = json!("from_the_future");
    expect_counts("an event of an unknown kind", (1, 0), &deliver(server, &[event])?)
}

fn unknown_fields(server: &Server) -> Outcome {
    let mut event = call(server.new_id());
    event["unknown"] = json!({"deep": [1, null]});
    event["usage"]["unknown_dimension"] = json!(3);
    let mut request = request("unknown-fields", &[event]);
    request["unknown"] = json!([{}]);
    let answer = server.send(Who::Owner, &request)?;
    expect_counts("one event with unknown fields", (1, 0), &receipt(&answer, "unknown-fields", 1)?)
}

fn version(server: &Server) -> Outcome {
    let mut request = request("version", &[call(server.new_id())]);
    request["version"] = json!(2);
    let answer = server.send(Who::Owner, &request)?;
    expect_refusal("version 2", &answer, &[404], Some("unsupported_version"))
}

fn malformed(server: &Server) -> Outcome {
    let good = request("malformed", &[call(server.new_id())]).to_string();
    let with = |field: &str, value: Value| {
        let mut request = request("malformed", &[call(server.new_id())]);
        request[field] = value;
        request.to_string().into_bytes()
    };
    for (what, body, encoding) in [
        ("nothing", Vec::new(), None),
        ("no JSON", b"hello".to_vec(), None),
        ("a body cut short", good.as_bytes()[..good.len() / 2].to_vec(), None),
        ("bytes that are no UTF-8", b"{\"version\":1,\"batch_id\":\"\xff\",\"events\":[]}".to_vec(), None),
        ("an array", b"[]".to_vec(), None),
        ("a hundred thousand brackets", vec![b'['; 100_000], None),
        ("no version", with("version", Value::Null), None),
        ("no batch_id", with("batch_id", Value::Null), None),
        ("events that are no array", with("events", json!({"0": {}})), None),
        ("an event that is no object", with("events", json!(["event"])), None),
        ("an event whose id is no text", with("events", json!([{"id": 7}])), None),
        ("plain text as gzip", good.clone().into_bytes(), Some("gzip")),
        ("a gzip cut short", vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b], Some("gzip")),
    ] {
        expect_refusal(what, &server.raw(&body, encoding)?, &[400], None)?;
    }
    Ok(())
}

fn encoding(server: &Server) -> Outcome {
    let request = request("encoding", &[call(server.new_id())]).to_string();
    expect_refusal("content-encoding: br", &server.raw(request.as_bytes(), Some("br"))?, &[415], None)
}

fn too_many(server: &Server) -> Outcome {
    let mut events: Vec<Value> = (0..=MAX_EVENTS).map(|_| json!({"id": server.new_id().to_string()})).collect();
    let answer = server.send(Who::Owner, &request("too-many", &events))?;
    expect_refusal("1,001 events", &answer, &[413], None)?;
    events = (0..MAX_EVENTS).map(|_| call(server.new_id())).collect();
    let most = deliver(server, &events)?;
    expect_counts("1,000 events", (MAX_EVENTS as u64, 0), &most)
}

/// A request that is right but for the blanks behind it.
fn longer_than(server: &Server, bytes: usize) -> Vec<u8> {
    let mut body = request("too-large", &[call(server.new_id())]).to_string().into_bytes();
    body.resize(bytes + 1, b' ');
    body
}

fn too_large(server: &Server) -> Outcome {
    let answer = server.raw(&longer_than(server, MAX_ENCODED_BYTES), None)?;
    expect_refusal("1 MiB and a byte", &answer, &[413], None)
}

fn too_large_unpacked(server: &Server) -> Outcome {
    let answer = server.compressed(Who::Owner, longer_than(server, MAX_DECODED_BYTES))?;
    expect_refusal("a gzip of 8 MiB and a byte", &answer, &[413], None)
}

fn retry_after(server: &Server) -> Outcome {
    let waits = server.waits.borrow();
    if waits.is_empty() {
        return Err(Miss::NotTested("the server answered neither 429 nor 503"));
    }
    let is_date = |value: &str| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).is_ok();
    let holds = |value: &str| value.bytes().all(|byte| byte.is_ascii_digit()) || is_date(value);
    match waits.iter().find(|wait| !wait.as_deref().is_some_and(holds)) {
        None => Ok(()),
        Some(wrong) => Err(Miss::failed("retry-after: SECONDS, or a date", format!("{wrong:?}"))),
    }
}
