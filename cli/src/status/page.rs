//! An overview as people read it.

use std::fmt;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use llmlab::Dimension;
use llmlab::catalogue::Catalogue;
use llmlab::ledger::Filter;
use llmlab::moment::format_rfc3339;
use llmlab::report::{Group, Totals};

use super::overview::{Month, Overview};
use crate::amount::{count, counted};
use crate::colour::{DOUBT, FAINT, HEADING, MONEY};
use crate::spend::{ModelName, cost, doubts};
use crate::table::{Align, Cell, Table, printable};

/// More rows than these are summed up in one; `--json` has them all.
const ROWS_SHOWN: usize = 10;

/// An overview, to be written.
pub(crate) struct Page<'a> {
    pub(crate) overview: &'a Overview,
    pub(crate) home: &'a Path,
    pub(crate) zone: &'a TimeZone,
}

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let overview = self.overview;
        if overview.is_empty() {
            return self.nothing(f);
        }
        writeln!(f, "{HEADING}llmlab{HEADING:#} · {}\n", self.subject())?;
        write!(f, "{}", figures(overview))?;
        if overview.projects.len() > 1 {
            write!(f, "\n{}", breakdown("project", &overview.projects, &|group| key(group, "(none)")))?;
        }
        write!(f, "\n{}", breakdown("provider", &overview.providers, &|group| key(group, "(unknown)")))?;
        write!(f, "\n{}", breakdown("model", &overview.models, &|group| ModelName(group).to_string()))?;
        write!(f, "\n{}", breakdown("feature", &overview.features, &|group| key(group, "(none)")))?;
        unpriced(f, &overview.models)?;
        if let Some(detail_since) = overview.detail_since_ns {
            let detail_since = format_rfc3339(detail_since);
            writeln!(f, "\n  {FAINT}before {detail_since} detail was pruned: hours are counted whole{FAINT:#}")?;
        }
        Ok(())
    }
}

/// What to do where a cost is missing.
fn unpriced(f: &mut fmt::Formatter<'_>, models: &[Group]) -> fmt::Result {
    let mut heading = "\n";
    for group in models.iter().filter(|group| group.totals.known_cost().is_none()).take(ROWS_SHOWN) {
        let [(_, provider), (_, Some(model))] = &group.key.0[..] else { continue };
        let name = printable(&ModelName(group).to_string());
        let why = reason(&group.totals, provider.as_deref(), model);
        writeln!(f, "{heading}  {DOUBT}{name}{DOUBT:#} {why}")?;
        heading = "";
    }
    Ok(())
}

/// Why no call of a model has a cost. Most often the catalogue knows the name in another form.
fn reason(totals: &Totals, provider: Option<&str>, model: &str) -> String {
    if totals.usage.is_empty() {
        return "told no usage: answers that broke off, or streams that were not asked for it".to_owned();
    }
    match Catalogue::embedded().nearest(provider, model).as_slice() {
        [] if provider.is_none() => {
            "has no price, and its provider is unknown: set_price, or LLMLAB_HOSTS=HOST=PROVIDER"
        }
        [] => "has no price: give it one with set_price, or in a file of LLMLAB_PROVIDERS",
        nearest => return format!("has no price; nearest known: {}", nearest.join(", ")),
    }
    .to_owned()
}

impl Page<'_> {
    fn subject(&self) -> String {
        let Filter { since_ns, until_ns, project, .. } = &self.overview.filter;
        let project = project.as_ref().map_or("all projects".to_owned(), |name| format!("project {}", printable(name)));
        let since = since_ns.map(|ns| format!(" · since {}", self.local(ns))).unwrap_or_default();
        let until = until_ns.map(|ns| format!(" · until {}", self.local(ns))).unwrap_or_default();
        format!("{project}{since}{until}")
    }

    /// RFC 3339 with the offset of the local zone: readable, and good for another `--since`.
    fn local(&self, unix_ns: i64) -> String {
        let time = Timestamp::from_nanosecond(i128::from(unix_ns)).unwrap_or(Timestamp::UNIX_EPOCH);
        time.to_zoned(self.zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// What to do next, where there is nothing to see yet.
    fn nothing(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Overview { filter, month, .. } = self.overview;
        if filter.project.is_some() || month.is_none() {
            return writeln!(f, "No LLM calls: {}. `llmlab status` alone shows everything.", self.subject());
        }
        writeln!(f, "No LLM calls recorded yet in {}.\n", self.home.display())?;
        let mut table = Table::new([("", Align::Left), ("", Align::Left)]);
        for (command, what) in [
            ("llmlab run python app.py", "run a program and count its calls"),
            ("llmlab demo", "see this page with sample data"),
        ] {
            table.row([Cell::styled(command, HEADING), what.into()]);
        }
        write!(f, "{table}")
    }
}

/// The few figures that everybody asks for first.
fn figures(overview: &Overview) -> Table {
    let mut table = Table::new([("", Align::Left), ("", Align::Right), ("", Align::Left)]);
    let mut spend = |what: String, totals: &Totals| {
        table.row([what.into(), Cell::styled(cost(totals), MONEY), Cell::styled(remark(totals), FAINT)]);
    };
    spend("total".to_owned(), &overview.total);
    if let Some(month) = &overview.month {
        let name = month.first.strftime("%B").to_string();
        spend(name.clone(), &month.total);
        spend("today".to_owned(), &month.today);
        table.row(["daily average".into(), average(month), Cell::styled(averaged_over(month, &name), FAINT)]);
        let remaining = count(month.days_remaining.unsigned_abs());
        table.row(["days remaining".into(), remaining.into(), Cell::styled(format!("of {name}, after today"), FAINT)]);
    }
    table
}

/// As doubtful as the month itself.
fn average(month: &Month) -> Cell {
    let amount = month.daily_average().unwrap_or_default();
    Cell::styled(cost(&Totals { cost: amount, ..month.total }), MONEY)
}

fn averaged_over(month: &Month, name: &str) -> String {
    format!("over {} of {name} so far", counted(month.days_counted.unsigned_abs(), "day"))
}

fn remark(totals: &Totals) -> String {
    let failed = Some(totals.failed_attempts).filter(|&failed| failed > 0);
    let parts =
        [Some(counted(totals.calls, "call")), failed.map(|failed| counted(failed, "failed attempt")), doubts(totals)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn key(group: &Group, none: &str) -> String {
    group.key.0.first().and_then(|(_, name)| name.clone()).unwrap_or_else(|| none.to_owned())
}

/// What the money was spent on, dearest first.
fn breakdown(what: &'static str, groups: &[Group], name: &dyn Fn(&Group) -> String) -> Table {
    let numbers = ["cost", "calls", "failed", "unpriced", "input tokens", "output tokens"];
    let mut columns = vec![(what, Align::Left)];
    columns.extend(numbers.map(|heading| (heading, Align::Right)));
    let mut table = Table::new(columns);
    let shown = if groups.len() > ROWS_SHOWN + 1 { ROWS_SHOWN } else { groups.len() };
    for group in &groups[..shown] {
        table.row(row(name(group), &group.totals));
    }
    if shown < groups.len() {
        let mut rest = Totals::default();
        groups[shown..].iter().for_each(|group| rest.add(&group.totals));
        table.row(row(format!("{} more", groups.len() - shown), &rest));
    }
    table
}

fn row(name: String, totals: &Totals) -> [Cell; 7] {
    let doubtful = |number: u64| if number > 0 { Cell::styled(count(number), DOUBT) } else { count(number).into() };
    [
        name.into(),
        Cell::styled(cost(totals), MONEY),
        count(totals.calls).into(),
        doubtful(totals.failed_attempts),
        doubtful(totals.unpriced),
        count(totals.usage.count(Dimension::Input)).into(),
        count(totals.usage.count(Dimension::Output)).into(),
    ]
}
