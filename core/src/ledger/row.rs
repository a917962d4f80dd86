//! An event as a row, and a row as an event.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, Error, Result, Row, Statement, ToSql};

use super::schema::column;
use super::words::Words;
use crate::event::{
    Attribution, Call, Charge, CostSource, CostState, Event, EventId, Facts, MatchedBy, Operation, Origin, Pass,
    Rollup, SpanId, Status, Step, Subject, Tally, TraceId,
};
use crate::money::Money;
use crate::usage::{Dimension, Usage};

/// The columns before those of the usage, in the order in which [`bind`] and [`read`] go through them.
const FACTS: [&str; 38] = [
    "id",
    "unix_ns",
    "latency_ns",
    "status",
    "operation",
    "provider",
    "model",
    "model_requested",
    "stream",
    "attempt",
    "cost_nano",
    "cost_atto",
    "cost_state",
    "cost_source",
    "catalogue_version",
    "matched_by",
    "feature",
    "user",
    "session",
    "tags",
    "error_type",
    "service_tier",
    "response_id",
    "trace_id",
    "parent_id",
    "first_event_ns",
    "inference_geo",
    "speed",
    "search_context_size",
    "provider_cost_nano",
    "provider_cost_atto",
    "extra_passes",
    "step_name",
    "step_kind",
    "span_id",
    "calls",
    "failed_attempts",
    "steps",
];

fn columns() -> impl Iterator<Item = Cow<'static, str>> {
    FACTS.into_iter().map(Cow::Borrowed).chain(Dimension::ALL.into_iter().map(|dimension| column(dimension).into()))
}

/// Stores an event unless it is there already.
pub(super) static INSERT: LazyLock<String> = LazyLock::new(|| {
    let names: Vec<_> = columns().collect();
    let marks = vec!["?"; names.len()].join(", ");
    format!("INSERT INTO events ({}) VALUES ({marks}) ON CONFLICT (id) DO NOTHING", names.join(", "))
});

/// What [`read`] needs, of events `e` and their writers `w`.
pub(super) static SELECT: LazyLock<String> = LazyLock::new(|| {
    let names: Vec<_> = columns().map(|name| format!("e.{name}")).collect();
    format!("SELECT {}, w.nonce, w.counter_high, w.project, w.run, w.environment, w.service", names.join(", "))
});

/// Binds the columns one after the other.
struct Binder<'a, 'c> {
    statement: &'a mut Statement<'c>,
    connection: &'a Connection,
    words: &'a mut Words,
    next: usize,
}

impl Binder<'_, '_> {
    fn put(&mut self, value: impl ToSql) -> Result<()> {
        self.next += 1;
        self.statement.raw_bind_parameter(self.next, value)
    }

    /// Counts beyond `i64` keep their bits.
    fn number(&mut self, number: Option<u64>) -> Result<()> {
        self.put(number.map(u64::cast_signed))
    }

    fn word(&mut self, text: Option<&str>) -> Result<()> {
        let id = text.map(|text| self.words.intern(self.connection, text)).transpose()?;
        self.put(id)
    }

    fn money(&mut self, amount: Option<Money>) -> Result<()> {
        let (nano, atto) = amount.and_then(Money::to_nano_atto).unzip();
        self.put(nano)?;
        self.put(atto)
    }

    fn nothing(&mut self, columns: usize) {
        // Parameters that are not bound are null.
        self.next += columns;
    }
}

/// Replaces the charge of a stored event.
pub(super) fn recharge(connection: &Connection, row_id: i64, charge: &Charge) -> Result<()> {
    let (nano, atto) = charge.total.and_then(Money::to_nano_atto).unzip();
    connection
        .prepare_cached(
            "UPDATE events SET cost_nano = ?2, cost_atto = ?3, cost_state = ?4, cost_source = ?5, catalogue_version = ?6,
               matched_by = ?7 WHERE id = ?1",
        )?
        .execute((
            row_id,
            nano,
            atto,
            charge.state as u8,
            charge.source as u8,
            charge.catalogue_version.cast_signed(),
            charge.matched_by.map(|matched_by| matched_by as u8),
        ))?;
    Ok(())
}

/// Binds an event to [`INSERT`].
pub(super) fn bind(
    statement: &mut Statement<'_>,
    connection: &Connection,
    words: &mut Words,
    row_id: i64,
    event: &Event,
) -> Result<()> {
    statement.clear_bindings();
    let mut binder = Binder { statement, connection, words, next: 0 };
    let (call, step, rollup) = match &event.facts.subject {
        Subject::Call(call) => (Some(&**call), None, None),
        Subject::Step(step) => (None, Some(&**step), None),
        Subject::Rollup(rollup) => (None, None, Some(&**rollup)),
    };
    binder.put(row_id)?;
    binder.put(event.facts.unix_ns)?;
    binder.number(event.facts.latency_ns)?;
    binder.put(event.facts.status as u8)?;
    match (call, rollup) {
        (Some(call), _) => {
            binder.put(call.operation as u8)?;
            binder.word(call.provider.as_deref())?;
            binder.word(call.model.as_deref())?;
            binder.word(call.model_requested.as_deref())?;
            binder.put(call.stream)?;
            binder.put(call.attempt)?;
        }
        (_, Some(rollup)) => {
            binder.put(rollup.operation.map(|operation| operation as u8))?;
            binder.word(rollup.provider.as_deref())?;
            binder.word(rollup.model.as_deref())?;
            binder.nothing(3);
        }
        _ => binder.nothing(6),
    }
    bind_charge(&mut binder, event.charge.as_ref())?;
    bind_attribution(&mut binder, &event.attribution, event.facts.error_type.as_deref(), call)?;
    match call {
        Some(call) => {
            binder.number(call.first_event_ns)?;
            binder.word(call.inference_geo.as_deref())?;
            binder.word(call.speed.as_deref())?;
            binder.word(call.search_context_size.as_deref())?;
            binder.money(call.provider_cost)?;
            binder.put((!call.extra_passes.is_empty()).then(|| passes_to_json(&call.extra_passes)))?;
        }
        None => binder.nothing(7),
    }
    binder.word(step.map(|step| step.name.as_str()))?;
    binder.word(step.map(|step| &*step.kind))?;
    binder.put(step.map(|step| step.span_id.0))?;
    let tally = rollup.map(|rollup| rollup.tally);
    binder.number(tally.map(|tally| tally.calls))?;
    binder.number(tally.map(|tally| tally.failed_attempts))?;
    binder.number(tally.map(|tally| tally.steps))?;
    if let Some(usage) = call.map(|call| &call.usage).or(rollup.map(|rollup| &rollup.usage)) {
        for dimension in Dimension::ALL {
            binder.number(usage.get(dimension))?;
        }
    }
    Ok(())
}

fn bind_charge(binder: &mut Binder<'_, '_>, charge: Option<&Charge>) -> Result<()> {
    let Some(charge) = charge else {
        binder.nothing(6);
        return Ok(());
    };
    let charge = charge.bounded();
    binder.money(charge.total)?;
    binder.put(charge.state as u8)?;
    binder.put(charge.source as u8)?;
    binder.number(Some(charge.catalogue_version))?;
    binder.put(charge.matched_by.map(|matched_by| matched_by as u8))
}

fn bind_attribution(
    binder: &mut Binder<'_, '_>,
    attribution: &Attribution,
    error_type: Option<&str>,
    call: Option<&Call>,
) -> Result<()> {
    binder.word(attribution.feature.as_deref())?;
    binder.word(attribution.user.as_deref())?;
    binder.word(attribution.session.as_deref())?;
    let tags = (!attribution.tags.is_empty()).then(|| json(&attribution.tags));
    binder.word(tags.as_deref())?;
    binder.word(error_type)?;
    binder.word(call.and_then(|call| call.service_tier.as_deref()))?;
    binder.put(call.and_then(|call| call.response_id.as_deref()))?;
    binder.put(attribution.trace_id.map(|id| id.0))?;
    binder.put(attribution.parent_id.map(|id| id.0))
}

fn json(value: &impl serde::Serialize) -> String {
    // Strings and numbers always have a JSON form.
    serde_json::to_string(value).unwrap_or_default()
}

fn passes_to_json(passes: &[Pass]) -> String {
    json(&passes.iter().map(|pass| (&pass.model, pass.usage)).collect::<Vec<_>>())
}

/// Goes through the columns one after the other.
struct Reader<'a, 'r> {
    row: &'a Row<'r>,
    connection: &'a Connection,
    words: &'a mut Words,
    next: usize,
}

/// A column that holds what no version of this crate writes there.
fn foreign(column: usize) -> Error {
    Error::FromSqlConversionFailure(column, Type::Null, "the ledger holds a value of an unknown meaning".into())
}

impl Reader<'_, '_> {
    fn raw(&mut self) -> Result<ValueRef<'_>> {
        self.next += 1;
        self.row.get_ref(self.next - 1)
    }

    fn integer(&mut self) -> Result<Option<i64>> {
        Ok(self.raw()?.as_i64_or_null()?)
    }

    fn number(&mut self) -> Result<Option<u64>> {
        Ok(self.integer()?.map(i64::cast_unsigned))
    }

    fn required(&mut self) -> Result<i64> {
        self.integer()?.ok_or_else(|| foreign(self.next - 1))
    }

    fn word(&mut self) -> Result<Option<String>> {
        let Some(id) = self.integer()? else { return Ok(None) };
        self.words.text(self.connection, id)
    }

    fn member<T>(&mut self, from_number: impl Fn(u8) -> Option<T>) -> Result<Option<T>> {
        let Some(number) = self.integer()? else { return Ok(None) };
        let member = u8::try_from(number).ok().and_then(from_number);
        member.map(Some).ok_or_else(|| foreign(self.next - 1))
    }

    fn bytes<const N: usize>(&mut self) -> Result<Option<[u8; N]>> {
        let bytes = self.raw()?.as_blob_or_null()?.map(<[u8; N]>::try_from).transpose();
        bytes.map_err(|_| foreign(self.next - 1))
    }

    fn text(&mut self) -> Result<Option<String>> {
        Ok(self.raw()?.as_str_or_null()?.map(str::to_owned))
    }

    fn money(&mut self) -> Result<Option<Money>> {
        let (nano, atto) = (self.integer()?, self.integer()?);
        Ok(nano.zip(atto).map(|(nano, atto)| Money::from_nano_atto(nano, atto)))
    }
}

/// Reads a row of [`SELECT`]. Events of one writer share what `last_origin` holds of it.
pub(super) fn read(
    row: &Row<'_>,
    connection: &Connection,
    words: &mut Words,
    last_origin: &mut Option<(i64, Arc<Origin>)>,
) -> Result<Event> {
    let mut reader = Reader { row, connection, words, next: 0 };
    let row_id = reader.required()?;
    let unix_ns = reader.required()?;
    let latency_ns = reader.number()?;
    let status = reader.member(Status::from_number)?.ok_or_else(|| foreign(3))?;
    let operation = reader.member(Operation::from_number)?;
    let mut call = Call::new(operation.unwrap_or(Operation::Chat));
    call.provider = reader.word()?.map(Cow::Owned);
    call.model = reader.word()?;
    call.model_requested = reader.word()?;
    call.stream = reader.integer()?.unwrap_or(0) != 0;
    call.attempt = reader.integer()?.and_then(|attempt| u32::try_from(attempt).ok()).unwrap_or(1);
    let charge = read_charge(&mut reader)?;
    let mut attribution = Attribution {
        feature: reader.word()?,
        user: reader.word()?,
        session: reader.word()?,
        tags: from_json(reader.word()?)?,
        trace_id: None,
        parent_id: None,
    };
    let error_type = reader.word()?;
    call.service_tier = reader.word()?;
    call.response_id = reader.text()?;
    attribution.trace_id = reader.bytes()?.map(TraceId);
    attribution.parent_id = reader.bytes()?.map(SpanId);
    call.first_event_ns = reader.number()?;
    call.inference_geo = reader.word()?;
    call.speed = reader.word()?;
    call.search_context_size = reader.word()?;
    call.provider_cost = reader.money()?;
    let passes: Vec<(Option<String>, Usage)> = from_json(reader.text()?)?;
    call.extra_passes = passes.into_iter().map(|(model, usage)| Pass { model, usage }).collect();
    let step = (reader.word()?, reader.word()?, reader.bytes()?);
    let tally = read_tally(&mut reader)?;
    for dimension in Dimension::ALL {
        call.usage.set_if(dimension, reader.number()?);
    }
    let writer = reader.bytes()?.ok_or_else(|| foreign(FACTS.len()))?;
    let high = reader.required()?;
    let origin = read_origin(&mut reader, row_id >> 32, last_origin)?;
    let subject = match (tally, operation, step) {
        (Some(tally), ..) => Subject::Rollup(Box::new(Rollup {
            provider: call.provider,
            model: call.model,
            operation,
            usage: call.usage,
            tally,
        })),
        (None, Some(_), _) => Subject::Call(Box::new(call)),
        (None, None, (Some(name), Some(kind), Some(span_id))) => {
            Subject::Step(Box::new(Step { name, kind: Cow::Owned(kind), span_id: SpanId(span_id) }))
        }
        _ => return Err(foreign(4)),
    };
    let counter = high.cast_unsigned() << 32 | (row_id.cast_unsigned() & u64::from(u32::MAX));
    Ok(Event {
        id: EventId { writer, counter },
        origin,
        attribution: Arc::new(attribution),
        facts: Facts { unix_ns, latency_ns, status, error_type, subject },
        charge,
    })
}

fn read_charge(reader: &mut Reader<'_, '_>) -> Result<Option<Charge>> {
    let total = reader.money()?;
    let state = reader.member(CostState::from_number)?;
    let source = reader.member(CostSource::from_number)?;
    let catalogue_version = reader.number()?.unwrap_or(0);
    let matched_by = reader.member(MatchedBy::from_number)?;
    Ok(state.zip(source).map(|(state, source)| Charge { total, state, source, catalogue_version, matched_by }))
}

/// What a rollup counts; `None` for a single event.
fn read_tally(reader: &mut Reader<'_, '_>) -> Result<Option<Tally>> {
    let (calls, failed_attempts, steps) = (reader.number()?, reader.number()?, reader.number()?);
    Ok(calls.map(|calls| Tally { calls, failed_attempts: failed_attempts.unwrap_or(0), steps: steps.unwrap_or(0) }))
}

fn read_origin(reader: &mut Reader<'_, '_>, writer: i64, last: &mut Option<(i64, Arc<Origin>)>) -> Result<Arc<Origin>> {
    if let Some((known, origin)) = last
        && *known == writer
    {
        return Ok(Arc::clone(origin));
    }
    let origin = Arc::new(Origin {
        project: reader.word()?.unwrap_or_default(),
        run_id: reader.word()?,
        environment: reader.word()?,
        service: reader.word()?,
    });
    *last = Some((writer, Arc::clone(&origin)));
    Ok(origin)
}

fn from_json<T: serde::de::DeserializeOwned + Default>(text: Option<String>) -> Result<T> {
    let Some(text) = text else { return Ok(T::default()) };
    serde_json::from_str(&text).map_err(|error| Error::FromSqlConversionFailure(0, Type::Text, error.into()))
}
