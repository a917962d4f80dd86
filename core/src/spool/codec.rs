//! An event as bytes, for the spool.
//!
//! What all events of a writer share (its nonce and origin) is in the header of the segment; see [`Header`].

use std::borrow::Cow;
use std::sync::Arc;

use super::field::{Fields, Malformed, Value, put_bytes, put_number, put_text, put_varint, unzigzag, zigzag};
use super::header::Header;
use crate::event::{
    Attribution, Call, Charge, CostSource, CostState, Event, EventId, Facts, MatchedBy, Operation, Pass, Rollup,
    SpanId, Status, Step, Subject, Tally, TraceId,
};
use crate::money::Money;
use crate::usage::{Dimension, Usage};

/// Tags are stored: append, never renumber. Those from 64 on take two bytes.
mod tag {
    pub(super) const COUNTER: u8 = 1;
    pub(super) const UNIX_NS: u8 = 2;
    pub(super) const LATENCY_NS: u8 = 3;
    pub(super) const STATUS: u8 = 4;
    pub(super) const ERROR_TYPE: u8 = 5;
    pub(super) const FEATURE: u8 = 6;
    pub(super) const USER: u8 = 7;
    pub(super) const SESSION: u8 = 8;
    pub(super) const TAG: u8 = 9;
    pub(super) const TRACE_ID: u8 = 10;
    pub(super) const PARENT_ID: u8 = 11;
    pub(super) const STEP_NAME: u8 = 12;
    pub(super) const STEP_KIND: u8 = 13;
    pub(super) const SPAN_ID: u8 = 14;
    pub(super) const OPERATION: u8 = 15;
    pub(super) const PROVIDER: u8 = 16;
    pub(super) const MODEL: u8 = 17;
    pub(super) const MODEL_REQUESTED: u8 = 18;
    pub(super) const STREAM: u8 = 19;
    pub(super) const ATTEMPT: u8 = 20;
    pub(super) const EXTRA_PASS: u8 = 21;
    pub(super) const SERVICE_TIER: u8 = 22;
    pub(super) const INFERENCE_GEO: u8 = 23;
    pub(super) const SPEED: u8 = 24;
    pub(super) const SEARCH_CONTEXT_SIZE: u8 = 25;
    pub(super) const PROVIDER_COST: u8 = 26;
    pub(super) const RESPONSE_ID: u8 = 27;
    pub(super) const FIRST_EVENT_NS: u8 = 28;
    /// State, source and match in one number.
    pub(super) const CHARGE: u8 = 29;
    pub(super) const CHARGE_TOTAL: u8 = 30;
    pub(super) const CATALOGUE_VERSION: u8 = 31;
    /// The first dimension of the usage; the others follow in their order.
    pub(super) const USAGE: u8 = 32;
    /// Those of a rollup. Without an operation of a call, a reader that does not know them refuses the event, and does not
    /// take it for one call.
    pub(super) const CALLS: u8 = 64;
    pub(super) const FAILED_ATTEMPTS: u8 = 65;
    pub(super) const STEPS: u8 = 66;
    pub(super) const ROLLUP_OPERATION: u8 = 67;
}

const _: () = assert!(Dimension::COUNT <= 32, "dimensions have the tags 32..64");

/// Appends an event. Its writer and origin are the segment's.
pub(super) fn encode(event: &Event, out: &mut Vec<u8>) {
    put_number(out, tag::COUNTER, event.id.counter);
    put_number(out, tag::UNIX_NS, zigzag(event.facts.unix_ns));
    put_number(out, tag::STATUS, event.facts.status as u64);
    if let Some(latency_ns) = event.facts.latency_ns {
        put_number(out, tag::LATENCY_NS, latency_ns);
    }
    put_text(out, tag::ERROR_TYPE, event.facts.error_type.as_deref());
    encode_attribution(&event.attribution, out);
    match &event.facts.subject {
        Subject::Call(call) => encode_call(call, out),
        Subject::Step(step) => {
            put_bytes(out, tag::STEP_NAME, step.name.as_bytes());
            put_bytes(out, tag::STEP_KIND, step.kind.as_bytes());
            put_bytes(out, tag::SPAN_ID, &step.span_id.0);
        }
        Subject::Rollup(rollup) => encode_rollup(rollup, out),
    }
    if let Some(charge) = &event.charge {
        let matched_by = charge.matched_by.map_or(0, |matched_by| matched_by as u64 + 1);
        put_number(out, tag::CHARGE, charge.state as u64 | (charge.source as u64) << 8 | matched_by << 16);
        put_number(out, tag::CATALOGUE_VERSION, charge.catalogue_version);
        put_money(out, tag::CHARGE_TOTAL, charge.total);
    }
}

fn encode_attribution(attribution: &Attribution, out: &mut Vec<u8>) {
    put_text(out, tag::FEATURE, attribution.feature.as_deref());
    put_text(out, tag::USER, attribution.user.as_deref());
    put_text(out, tag::SESSION, attribution.session.as_deref());
    for (key, value) in &attribution.tags {
        let mut pair = Vec::with_capacity(key.len() + value.len() + 2);
        put_varint(&mut pair, key.len() as u64);
        pair.extend_from_slice(key.as_bytes());
        pair.extend_from_slice(value.as_bytes());
        put_bytes(out, tag::TAG, &pair);
    }
    if let Some(trace_id) = attribution.trace_id {
        put_bytes(out, tag::TRACE_ID, &trace_id.0);
    }
    if let Some(parent_id) = attribution.parent_id {
        put_bytes(out, tag::PARENT_ID, &parent_id.0);
    }
}

fn encode_call(call: &Call, out: &mut Vec<u8>) {
    put_number(out, tag::OPERATION, call.operation as u64);
    put_text(out, tag::PROVIDER, call.provider.as_deref());
    put_text(out, tag::MODEL, call.model.as_deref());
    put_text(out, tag::MODEL_REQUESTED, call.model_requested.as_deref());
    if call.stream {
        put_number(out, tag::STREAM, 1);
    }
    if call.attempt != 1 {
        put_number(out, tag::ATTEMPT, u64::from(call.attempt));
    }
    encode_usage(&call.usage, out);
    for pass in &call.extra_passes {
        let mut fields = Vec::new();
        put_text(&mut fields, tag::MODEL, pass.model.as_deref());
        encode_usage(&pass.usage, &mut fields);
        put_bytes(out, tag::EXTRA_PASS, &fields);
    }
    put_text(out, tag::SERVICE_TIER, call.service_tier.as_deref());
    put_text(out, tag::INFERENCE_GEO, call.inference_geo.as_deref());
    put_text(out, tag::SPEED, call.speed.as_deref());
    put_text(out, tag::SEARCH_CONTEXT_SIZE, call.search_context_size.as_deref());
    put_money(out, tag::PROVIDER_COST, call.provider_cost);
    put_text(out, tag::RESPONSE_ID, call.response_id.as_deref());
    if let Some(first_event_ns) = call.first_event_ns {
        put_number(out, tag::FIRST_EVENT_NS, first_event_ns);
    }
}

fn encode_rollup(rollup: &Rollup, out: &mut Vec<u8>) {
    put_text(out, tag::PROVIDER, rollup.provider.as_deref());
    put_text(out, tag::MODEL, rollup.model.as_deref());
    if let Some(operation) = rollup.operation {
        put_number(out, tag::ROLLUP_OPERATION, operation as u64);
    }
    put_number(out, tag::CALLS, rollup.tally.calls);
    put_number(out, tag::FAILED_ATTEMPTS, rollup.tally.failed_attempts);
    put_number(out, tag::STEPS, rollup.tally.steps);
    encode_usage(&rollup.usage, out);
}

fn encode_usage(usage: &Usage, out: &mut Vec<u8>) {
    for (dimension, count) in usage.iter() {
        put_number(out, tag::USAGE + dimension as u8, count);
    }
}

fn put_money(out: &mut Vec<u8>, tag: u8, amount: Option<Money>) {
    if let Some(amount) = amount {
        put_bytes(out, tag, &amount.atto().to_le_bytes());
    }
}

/// Reads what [`encode`] wrote. An enumeration's number that this version does not know is an error: the event is
/// intact, but what it means is not known.
pub(super) fn decode(payload: &[u8], header: &Header) -> Result<Event, Malformed> {
    let mut reading = Reading::default();
    for field in Fields(payload) {
        let (tag, value) = field?;
        reading.take(tag, value)?;
    }
    reading.finish(header)
}

#[derive(Default)]
struct Reading {
    counter: Option<u64>,
    unix_ns: Option<i64>,
    status: Option<Status>,
    latency_ns: Option<u64>,
    error_type: Option<String>,
    attribution: Attribution,
    operation: Option<Operation>,
    call: CallFields,
    step_name: Option<String>,
    step_kind: Option<String>,
    span_id: Option<SpanId>,
    tally: Option<Tally>,
    rollup_operation: Option<Operation>,
    charge: Option<u64>,
    charge_total: Option<Money>,
    catalogue_version: u64,
}

/// The fields of a call, before its operation is known.
struct CallFields(Call);

impl Default for CallFields {
    fn default() -> Self {
        Self(Call::new(Operation::Chat))
    }
}

fn owned(value: Value<'_>) -> Result<Option<String>, Malformed> {
    Ok(Some(value.text()?.to_owned()))
}

fn money(value: Value<'_>) -> Result<Option<Money>, Malformed> {
    Ok(Some(Money::from_atto(i128::from_le_bytes(value.array()?))))
}

/// The value of a stored number of an enumeration.
fn word<T>(number: u64, from_number: impl Fn(u8) -> Option<T>) -> Result<T, Malformed> {
    u8::try_from(number).ok().and_then(from_number).ok_or(Malformed)
}

impl Reading {
    fn take(&mut self, tag: u64, value: Value<'_>) -> Result<(), Malformed> {
        let Ok(tag) = u8::try_from(tag) else { return Ok(()) };
        match tag {
            tag::COUNTER => self.counter = Some(value.number()?),
            tag::UNIX_NS => self.unix_ns = Some(unzigzag(value.number()?)),
            tag::LATENCY_NS => self.latency_ns = Some(value.number()?),
            tag::STATUS => self.status = Some(word(value.number()?, Status::from_number)?),
            tag::ERROR_TYPE => self.error_type = owned(value)?,
            tag::FEATURE => self.attribution.feature = owned(value)?,
            tag::USER => self.attribution.user = owned(value)?,
            tag::SESSION => self.attribution.session = owned(value)?,
            tag::TAG => self.attribution.tags.push(pair(value)?),
            tag::TRACE_ID => self.attribution.trace_id = Some(TraceId(value.array()?)),
            tag::PARENT_ID => self.attribution.parent_id = Some(SpanId(value.array()?)),
            tag::STEP_NAME => self.step_name = owned(value)?,
            tag::STEP_KIND => self.step_kind = owned(value)?,
            tag::SPAN_ID => self.span_id = Some(SpanId(value.array()?)),
            tag::OPERATION => self.operation = Some(word(value.number()?, Operation::from_number)?),
            tag::CALLS => self.tally.get_or_insert_default().calls = value.number()?,
            tag::FAILED_ATTEMPTS => self.tally.get_or_insert_default().failed_attempts = value.number()?,
            tag::STEPS => self.tally.get_or_insert_default().steps = value.number()?,
            tag::ROLLUP_OPERATION => self.rollup_operation = Some(word(value.number()?, Operation::from_number)?),
            tag::CHARGE => self.charge = Some(value.number()?),
            tag::CHARGE_TOTAL => self.charge_total = money(value)?,
            tag::CATALOGUE_VERSION => self.catalogue_version = value.number()?,
            _ => self.call.take(tag, value)?,
        }
        Ok(())
    }

    fn finish(self, header: &Header) -> Result<Event, Malformed> {
        let subject = match (self.operation, self.step_name, self.tally) {
            (Some(operation), None, None) => Subject::Call(Box::new(Call { operation, ..self.call.0 })),
            (None, None, Some(tally)) => Subject::Rollup(Box::new(Rollup {
                provider: self.call.0.provider,
                model: self.call.0.model,
                operation: self.rollup_operation,
                usage: self.call.0.usage,
                tally,
            })),
            (None, Some(name), None) => Subject::Step(Box::new(Step {
                name,
                kind: Cow::Owned(self.step_kind.ok_or(Malformed)?),
                span_id: self.span_id.ok_or(Malformed)?,
            })),
            _ => return Err(Malformed),
        };
        let charge = match self.charge {
            None => None,
            Some(packed) => Some(Charge {
                total: self.charge_total,
                state: word(packed & 0xff, CostState::from_number)?,
                source: word(packed >> 8 & 0xff, CostSource::from_number)?,
                catalogue_version: self.catalogue_version,
                matched_by: match packed >> 16 {
                    0 => None,
                    number => Some(word(number - 1, MatchedBy::from_number)?),
                },
            }),
        };
        Ok(Event {
            id: EventId { writer: header.writer, counter: self.counter.ok_or(Malformed)? },
            origin: Arc::clone(&header.origin),
            attribution: Arc::new(self.attribution),
            facts: Facts {
                unix_ns: self.unix_ns.ok_or(Malformed)?,
                latency_ns: self.latency_ns,
                status: self.status.ok_or(Malformed)?,
                error_type: self.error_type,
                subject,
            },
            charge,
        })
    }
}

impl CallFields {
    fn take(&mut self, tag: u8, value: Value<'_>) -> Result<(), Malformed> {
        let call = &mut self.0;
        match tag {
            tag::PROVIDER => call.provider = owned(value)?.map(Cow::Owned),
            tag::MODEL => call.model = owned(value)?,
            tag::MODEL_REQUESTED => call.model_requested = owned(value)?,
            tag::STREAM => call.stream = value.number()? != 0,
            tag::ATTEMPT => call.attempt = u32::try_from(value.number()?).map_err(|_| Malformed)?,
            tag::EXTRA_PASS => call.extra_passes.push(pass(value)?),
            tag::SERVICE_TIER => call.service_tier = owned(value)?,
            tag::INFERENCE_GEO => call.inference_geo = owned(value)?,
            tag::SPEED => call.speed = owned(value)?,
            tag::SEARCH_CONTEXT_SIZE => call.search_context_size = owned(value)?,
            tag::PROVIDER_COST => call.provider_cost = money(value)?,
            tag::RESPONSE_ID => call.response_id = owned(value)?,
            tag::FIRST_EVENT_NS => call.first_event_ns = Some(value.number()?),
            _ => count(&mut call.usage, tag, value)?,
        }
        Ok(())
    }
}

fn count(usage: &mut Usage, tag: u8, value: Value<'_>) -> Result<(), Malformed> {
    let dimension = tag.checked_sub(tag::USAGE).and_then(|number| Dimension::ALL.get(usize::from(number)));
    if let Some(&dimension) = dimension {
        usage.set(dimension, value.number()?);
    }
    Ok(())
}

fn pass(value: Value<'_>) -> Result<Pass, Malformed> {
    let mut pass = Pass { model: None, usage: Usage::new() };
    for field in Fields(value.bytes()?) {
        match field? {
            (tag, model) if tag == u64::from(tag::MODEL) => pass.model = owned(model)?,
            (tag, value) => count(&mut pass.usage, u8::try_from(tag).unwrap_or(0), value)?,
        }
    }
    Ok(pass)
}

fn pair(value: Value<'_>) -> Result<(String, String), Malformed> {
    let mut fields = Fields(value.bytes()?);
    let len = fields.varint()?;
    let key = Value::Bytes(fields.bytes(len)?).text()?;
    Ok((key.to_owned(), Value::Bytes(fields.0).text()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::testing::{any_event, header};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_event_round_trips(event in any_event()) {
            let mut payload = Vec::new();
            encode(&event, &mut payload);
            prop_assert_eq!(decode(&payload, &header()), Ok(event));
        }

        #[test]
        fn any_bytes_are_an_event_or_an_error_and_never_a_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes, &header());
        }

        #[test]
        fn a_changed_byte_never_panics(event in any_event(), at: prop::sample::Index, byte: u8) {
            let mut payload = Vec::new();
            encode(&event, &mut payload);
            let at = at.index(payload.len());
            payload[at] = byte;
            let _ = decode(&payload, &header());
        }

        #[test]
        fn fields_of_a_newer_writer_are_passed_over(event in any_event(), number: u64, bytes: Vec<u8>) {
            let mut payload = Vec::new();
            put_number(&mut payload, 100, number);
            encode(&event, &mut payload);
            put_bytes(&mut payload, 101, &bytes);
            prop_assert_eq!(decode(&payload, &header()), Ok(event));
        }
    }

    #[test]
    fn a_word_of_a_newer_writer_is_not_taken_for_another() {
        let mut payload = Vec::new();
        put_number(&mut payload, tag::COUNTER, 1);
        put_number(&mut payload, tag::UNIX_NS, 1);
        put_number(&mut payload, tag::OPERATION, 0);
        put_number(&mut payload, tag::STATUS, 200);
        assert_eq!(decode(&payload, &header()), Err(Malformed));
    }
}
