//! Asking the ledger.

use std::collections::HashMap;
use std::sync::LazyLock;

use rusqlite::{Connection, Result as SqliteResult, Row, params_from_iter};

use super::Ledger;
use super::axis::{GroupBy, Key, label};
use super::prune;
use super::rollup::{HOUR_NS, IS_FAILED_ATTEMPT, MAX_SUM};
use super::row;
use super::schema::column;
use super::totals::Totals;
use super::words::{NONE, Words};
use crate::error::Result;
use crate::event::{CostState, Event};
use crate::money::Money;
use crate::usage::{Dimension, Usage};

/// Which events are asked for. The default is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The first moment that counts, in nanoseconds since 1970.
    pub since_ns: Option<i64>,
    /// The first moment that counts no more.
    pub until_ns: Option<i64>,
    /// Only this project.
    pub project: Option<String>,
    /// Only this run of `llmlab run`.
    pub run_id: Option<String>,
}

/// Dollars are summed apart from their fractions, so that no sum leaves the integers of `SQLite`.
const NANO_PER_USD: i64 = 1_000_000_000;

impl Totals {
    /// The columns from which [`Totals::read`] reads, over rows that look like rollups.
    const COLUMNS: fn() -> String = || {
        let of_state =
            |state: CostState, what| format!("sum(CASE cost_state WHEN {} THEN {what} ELSE 0 END)", state as u8);
        let used = Dimension::ALL.map(|dimension| format!("sum({})", column(dimension))).join(", ");
        format!(
            "sum(calls), sum(failed_attempts), {}, {}, {}, {used}, sum(cost_atto), sum(cost_nano % {NANO_PER_USD}),
             sum(cost_nano / {NANO_PER_USD})",
            of_state(CostState::Priced, "calls"),
            of_state(CostState::Estimated, "calls"),
            of_state(CostState::Unpriced, "calls + failed_attempts"),
        )
    };

    fn read(row: &Row<'_>, first: usize) -> SqliteResult<Self> {
        let count = |column: usize| -> SqliteResult<u64> {
            Ok(row.get::<_, Option<i64>>(first + column)?.unwrap_or(0).cast_unsigned())
        };
        let amount =
            |column: usize| -> SqliteResult<i64> { Ok(row.get::<_, Option<i64>>(first + column)?.unwrap_or(0)) };
        let money = 5 + Dimension::COUNT;
        let mut usage = Usage::new();
        for (index, dimension) in Dimension::ALL.into_iter().enumerate() {
            let sum: Option<i64> = row.get(first + 5 + index)?;
            usage.set_if(dimension, sum.map(i64::cast_unsigned));
        }
        Ok(Self {
            calls: count(0)?,
            failed_attempts: count(1)?,
            priced: count(2)?,
            estimated: count(3)?,
            unpriced: count(4)?,
            cost: Money::from_nano_atto(amount(money + 1)?, amount(money)?) + Money::from_usd(amount(money + 2)?),
            usage,
        })
    }
}

/// Events with their writers: from the events, for a time; or from the writers of a run, whose events lie together.
fn events_and_writers(run: Option<i64>) -> &'static str {
    if run.is_none() {
        "events e JOIN writers w ON w.id = e.id >> 32"
    } else {
        "writers w CROSS JOIN events e ON e.id BETWEEN w.id << 32 AND (w.id << 32) + 4294967295"
    }
}

/// A column of `events e`, bounded as in the rollups: what does not fit into an i64 was stored as a negative number.
fn bounded(column: &str) -> String {
    format!(
        "CASE WHEN e.{column} BETWEEN 0 AND {of_one} THEN e.{column} WHEN e.{column} IS NULL THEN NULL
         WHEN e.calls IS NULL THEN {of_one} WHEN e.{column} BETWEEN 0 AND {MAX_SUM} THEN e.{column} ELSE {MAX_SUM} END",
        of_one = Usage::MAX_COUNT,
    )
}

/// Single calls, and events that are rollups themselves, in the shape of rollups without their source.
static CALLS: LazyLock<String> = LazyLock::new(|| {
    let used = Dimension::ALL.map(column).map(|used| format!("{} AS {used}", bounded(&used))).join(", ");
    let failed = &*IS_FAILED_ATTEMPT;
    format!(
        "SELECT e.unix_ns, e.unix_ns / {HOUR_NS} AS hour, w.project, w.run, w.environment, w.service, e.provider, e.model,
           e.feature, e.user, e.session, coalesce(e.cost_state, {unpriced}) AS cost_state,
           coalesce({calls}, CASE WHEN {failed} THEN 0 ELSE 1 END) AS calls,
           coalesce({failed_attempts}, CASE WHEN {failed} THEN 1 ELSE 0 END) AS failed_attempts,
           e.cost_nano, e.cost_atto, {used}",
        calls = bounded("calls"),
        failed_attempts = bounded("failed_attempts"),
        unpriced = CostState::Unpriced as u8,
    )
});

/// Of `events e`: what is counted. Steps are not, be they single or in a rollup.
const IS_COUNTED: &str = "(e.operation IS NOT NULL AND e.calls IS NULL OR e.calls <> 0 OR e.failed_attempts <> 0)";

/// Conditions and the values of their parameters.
#[derive(Default)]
pub(super) struct Where {
    conditions: Vec<String>,
    pub(super) values: Vec<i64>,
}

impl Where {
    fn and(&mut self, condition: &str, value: Option<i64>) {
        if let Some(value) = value {
            self.conditions.push(condition.to_owned());
            self.values.push(value);
        }
    }

    pub(super) fn sql(&self) -> String {
        if self.conditions.is_empty() { String::new() } else { format!("WHERE {}", self.conditions.join(" AND ")) }
    }
}

impl Ledger {
    /// Totals of each group, in no particular order; without `axes` one group, if there is anything at all.
    ///
    /// Whole hours come from rollups, and so take as long however many events there are. What lies before the first and
    /// after the last whole hour, what concerns one run, and axes that rollups do not know are counted from single events.
    ///
    /// Before [`Ledger::detail_since`] there are only rollups: what was pruned has `None` on the axes that they do not
    /// know, so that groups add up to the total all the same; an hour belongs to the period in which it begins; and a run
    /// lacks what was pruned of it.
    ///
    /// # Errors
    /// [`crate::ErrorCode::Storage`].
    pub fn totals(&mut self, filter: &Filter, axes: &[GroupBy]) -> Result<Vec<(Key, Totals)>> {
        let Self { connection, words, .. } = self;
        totals(connection, words, filter, axes).map_err(|cause| self.failure(cause))
    }

    /// Calls `each` with every event in the order of time. Only one is in memory at a time.
    ///
    /// # Errors
    /// [`crate::ErrorCode::Storage`], or the first error of `each`.
    pub fn for_each_event(&mut self, filter: &Filter, each: &mut dyn FnMut(Event) -> Result<()>) -> Result<()> {
        let Self { connection, words, .. } = self;
        let mut failed = Ok(());
        let read = for_each_event(connection, words, filter, &mut |event| {
            failed = each(event);
            failed.is_ok()
        });
        read.map_err(|cause| self.failure(cause))?;
        failed
    }
}

/// The numbers of the project and the run that are asked for; `None` if one of them never occurred.
fn named(connection: &Connection, words: &Words, filter: &Filter) -> SqliteResult<Option<(Option<i64>, Option<i64>)>> {
    let mut found = [None, None];
    for (slot, text) in found.iter_mut().zip([&filter.project, &filter.run_id]) {
        if let Some(text) = text {
            *slot = words.find(connection, text)?;
            if slot.is_none() {
                return Ok(None);
            }
        }
    }
    Ok(Some((found[0], found[1])))
}

fn totals(
    connection: &Connection,
    words: &mut Words,
    filter: &Filter,
    axes: &[GroupBy],
) -> SqliteResult<Vec<(Key, Totals)>> {
    let Some((project, run)) = named(connection, words, filter)? else { return Ok(Vec::new()) };
    let mut count = Count { connection, project, run, axes, groups: HashMap::new() };
    let (mut since, until) = (filter.since_ns, filter.until_ns);
    let pruned_before = prune::detail_since(connection)?.filter(|&detail| since.is_none_or(|since| since < detail));
    if let Some(detail) = pruned_before
        && run.is_none()
    {
        let end = until.map_or(detail, |until| until.min(detail));
        count.hours(since.map(next_hour), Some(next_hour(end)))?;
        since = Some(detail);
    }
    let (first_hour, last_hour) = (since.map(next_hour), until.map(|until| until.div_euclid(HOUR_NS)));
    let no_whole_hour = first_hour.zip(last_hour).is_some_and(|(first, last)| first >= last);
    if run.is_some() || no_whole_hour || !axes.iter().all(|axis| axis.is_fast()) {
        count.events(since, until)?;
    } else {
        let starts = |hour: Option<i64>| hour.map(|hour| hour.saturating_mul(HOUR_NS));
        if starts(first_hour) != since {
            count.events(since, starts(first_hour))?;
        }
        if starts(last_hour) != until {
            count.events(starts(last_hour), until)?;
        }
        count.hours(first_hour, last_hour)?;
    }
    let mut named = Vec::with_capacity(count.groups.len());
    for (values, totals) in count.groups {
        let mut key = Key::default();
        for (&axis, value) in axes.iter().zip(values) {
            key.0.push((axis, label(connection, words, axis, value)?));
        }
        named.push((key, totals));
    }
    Ok(named)
}

/// The first hour that does not start before a moment.
fn next_hour(unix_ns: i64) -> i64 {
    unix_ns.div_euclid(HOUR_NS) + i64::from(unix_ns.rem_euclid(HOUR_NS) != 0)
}

/// Totals being gathered by the numbers of their keys.
struct Count<'a> {
    connection: &'a Connection,
    project: Option<i64>,
    run: Option<i64>,
    axes: &'a [GroupBy],
    groups: HashMap<Vec<i64>, Totals>,
}

impl Count<'_> {
    /// Counts single events.
    fn events(&mut self, since: Option<i64>, until: Option<i64>) -> SqliteResult<()> {
        let mut condition = Where::default();
        condition.and("unix_ns >= ?", since);
        condition.and("unix_ns < ?", until);
        condition.and("project = ?", self.project);
        condition.and("run = ?", self.run);
        let calls = format!("({} FROM {} WHERE {IS_COUNTED})", *CALLS, events_and_writers(self.run));
        self.add(&calls, &condition)
    }

    /// Counts rollups. On axes that they do not know, everything lies nowhere.
    fn hours(&mut self, first: Option<i64>, last: Option<i64>) -> SqliteResult<()> {
        let mut condition = Where::default();
        condition.and("hour >= ?", first);
        condition.and("hour < ?", last);
        condition.and("project = ?", self.project);
        let unknown = self.axes.iter().filter(|axis| !axis.is_fast());
        let unknown: Vec<_> = unknown.map(|axis| format!(", NULL AS {}", axis.column())).collect();
        self.add(&format!("(SELECT *{} FROM rollups)", unknown.concat()), &condition)
    }

    /// Adds the totals of some rows to their groups.
    fn add(&mut self, rows: &str, condition: &Where) -> SqliteResult<()> {
        let axes = self.axes;
        let keys: Vec<_> = axes.iter().map(|axis| format!("coalesce({}, {NONE}), ", axis.column())).collect();
        let keys = keys.concat();
        let numbers: Vec<_> = (1..=axes.len()).map(|number| number.to_string()).collect();
        let group_by = if axes.is_empty() { String::new() } else { format!("GROUP BY {}", numbers.join(", ")) };
        let sql = format!("SELECT {keys}count(*), {} FROM {rows} {} {group_by}", Totals::COLUMNS(), condition.sql());
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(&condition.values))?;
        while let Some(row) = rows.next()? {
            // Without groups there is a row even if there is nothing to sum.
            if row.get::<_, i64>(axes.len())? > 0 {
                let key = (0..axes.len()).map(|index| row.get(index)).collect::<SqliteResult<_>>()?;
                self.groups.entry(key).or_default().add(&Totals::read(row, axes.len() + 1)?);
            }
        }
        Ok(())
    }
}

/// From where, and under which conditions, events come in the order of time; after one, by its time and row id. `None`
/// where there can be none.
pub(super) fn selection(
    connection: &Connection,
    words: &Words,
    filter: &Filter,
    after: Option<(i64, i64)>,
) -> SqliteResult<Option<(&'static str, Where)>> {
    let Some((project, run)) = named(connection, words, filter)? else { return Ok(None) };
    let mut condition = Where::default();
    condition.and("e.unix_ns >= ?", filter.since_ns);
    if let Some((unix_ns, row_id)) = after {
        // Compared as a pair, in which the index by time leads.
        condition.and("(e.unix_ns, e.id) > (?, ?)", Some(unix_ns));
        condition.values.push(row_id);
    }
    condition.and("e.unix_ns < ?", filter.until_ns);
    condition.and("w.project = ?", project);
    condition.and("w.run = ?", run);
    Ok(Some((events_and_writers(run), condition)))
}

fn for_each_event(
    connection: &Connection,
    words: &mut Words,
    filter: &Filter,
    each: &mut dyn FnMut(Event) -> bool,
) -> SqliteResult<()> {
    let Some((from, condition)) = selection(connection, words, filter, None)? else { return Ok(()) };
    let sql = format!("{} FROM {from} {} ORDER BY e.unix_ns, e.id", *row::SELECT, condition.sql());
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(params_from_iter(&condition.values))?;
    let mut last_origin = None;
    while let Some(found) = rows.next()? {
        if !each(row::read(found, connection, words, &mut last_origin)?) {
            break;
        }
    }
    Ok(())
}
