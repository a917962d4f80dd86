//! The answers of `llmlab status`, before anybody writes them down.

use jiff::civil::Date;
use jiff::{Timestamp, Zoned};
use llmlab::ledger::{Filter, Ledger};
use llmlab::moment::{format_rfc3339, parse_rfc3339};
use llmlab::report::{Group, GroupBy, Summary, SummaryQuery, Totals};
use llmlab::{Money, Result};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::time::Time;

/// What was spent in a period, and what it was spent on.
pub(crate) struct Overview {
    pub(crate) filter: Filter,
    pub(crate) total: Totals,
    /// The month that is running, where no other period was asked for.
    pub(crate) month: Option<Month>,
    pub(crate) projects: Vec<Group>,
    pub(crate) providers: Vec<Group>,
    pub(crate) models: Vec<Group>,
    pub(crate) features: Vec<Group>,
    /// Set where the period begins within an hour of which only the sum is kept; the detail begins here.
    pub(crate) detail_since_ns: Option<i64>,
}

/// The month that is running.
pub(crate) struct Month {
    /// Its first day.
    pub(crate) first: Date,
    pub(crate) total: Totals,
    pub(crate) today: Totals,
    /// The days that the average is over: those of the month so far, today included, but none before the first call.
    pub(crate) days_counted: i64,
    /// The days of the month after today.
    pub(crate) days_remaining: i64,
}

impl Month {
    fn of(ledger: &mut Ledger, filter: &Filter, now: &Zoned) -> Result<Self> {
        let since =
            |time: Time| Ok::<_, llmlab::Error>(Filter { since_ns: Some(time.start_ns(now)?), ..filter.clone() });
        let this_month = since(Time::ThisMonth)?;
        let before = Filter { until_ns: this_month.since_ns, ..filter.clone() };
        let is_first = ask(ledger, &before, &[])?.totals.calls == 0;
        let (first, today) = (now.date().first_of_month(), now.date());
        let start = if is_first { first_day(ledger, &this_month, now)?.unwrap_or(first) } else { first };
        Ok(Self {
            first,
            total: ask(ledger, &this_month, &[])?.totals,
            today: ask(ledger, &since(Time::Today)?, &[])?.totals,
            days_counted: (i64::from(today.day()) - i64::from(start.day()) + 1).max(1),
            days_remaining: i64::from(today.days_in_month()) - i64::from(today.day()),
        })
    }

    /// What a day of the month cost so far, as far as is known; `None` where nothing is.
    pub(crate) fn daily_average(&self) -> Option<Money> {
        let average = Money::from_atto(self.total.cost.atto() / i128::from(self.days_counted.max(1)));
        Some(average).filter(|_| self.total.known_cost().is_some())
    }
}

/// The day of the first call.
fn first_day(ledger: &mut Ledger, filter: &Filter, now: &Zoned) -> Result<Option<Date>> {
    let hours = ask(ledger, filter, &[GroupBy::Hour])?.groups;
    let hours = hours.iter().filter_map(|group| parse_rfc3339(group.key.0.first()?.1.as_deref()?).ok());
    // An hour that began before the month has its calls in it all the same.
    let first_ns = hours.min().map(|hour| hour.max(filter.since_ns.unwrap_or(hour)));
    let first = first_ns.and_then(|ns| Timestamp::from_nanosecond(i128::from(ns)).ok());
    Ok(first.map(|first| first.to_zoned(now.time_zone().clone()).date()))
}

impl Overview {
    pub(crate) fn of(ledger: &mut Ledger, filter: Filter, now: &Zoned) -> Result<Self> {
        let mut groups = |group_by: &[GroupBy]| ask(ledger, &filter, group_by).map(|summary| summary.groups);
        let projects = groups(&[GroupBy::Project])?;
        let providers = groups(&[GroupBy::Provider])?;
        let models = groups(&[GroupBy::Provider, GroupBy::Model])?;
        let features = groups(&[GroupBy::Feature])?;
        let Summary { totals: total, detail_since_ns, .. } = ask(ledger, &filter, &[])?;
        let is_all_time = filter.since_ns.is_none() && filter.until_ns.is_none();
        let month = is_all_time.then(|| Month::of(ledger, &filter, now)).transpose()?;
        Ok(Self { filter, total, month, projects, providers, models, features, detail_since_ns })
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.total.calls == 0 && self.total.failed_attempts == 0
    }
}

fn ask(ledger: &mut Ledger, filter: &Filter, group_by: &[GroupBy]) -> Result<Summary> {
    Summary::of(ledger, &SummaryQuery { filter: filter.clone(), group_by: group_by.to_vec() })
}

/// The shape that `docs/cli.md` describes.
impl Serialize for Overview {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let month = self.month.as_ref();
        let mut overview = serializer.serialize_struct("Overview", 14)?;
        overview.serialize_field("since", &self.filter.since_ns.map(format_rfc3339))?;
        overview.serialize_field("until", &self.filter.until_ns.map(format_rfc3339))?;
        overview.serialize_field("project", &self.filter.project)?;
        overview.serialize_field("total", &self.total)?;
        overview.serialize_field("month", &month.map(|month| &month.total))?;
        overview.serialize_field("today", &month.map(|month| &month.today))?;
        overview.serialize_field("daily_average_usd", &month.and_then(Month::daily_average))?;
        overview.serialize_field("days_counted", &month.map(|month| month.days_counted))?;
        overview.serialize_field("days_remaining", &month.map(|month| month.days_remaining))?;
        overview.serialize_field("projects", &self.projects)?;
        overview.serialize_field("providers", &self.providers)?;
        overview.serialize_field("models", &self.models)?;
        overview.serialize_field("features", &self.features)?;
        overview.serialize_field("detail_since", &self.detail_since_ns.map(format_rfc3339))?;
        overview.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use llmlab::clock::SystemClock;
    use llmlab::event::{Call, Facts, Operation, Status, Subject};
    use llmlab::{Config, Dimension, Llmlab, Options, Usage};
    use std::borrow::Cow;
    use std::sync::Arc;
    use std::time::Duration;

    /// What is seen on 21 November, noon in Berlin, of calls of a dollar each.
    fn month_of(calls: &[&str]) -> Month {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().to_str().unwrap().to_owned();
        let config = Config::resolve(Options::default(), &|name| (name == "LLMLAB_HOME").then(|| path.clone()));
        let lab = Llmlab::new(config.unwrap(), Arc::new(SystemClock)).unwrap();
        for time in calls {
            let mut call = Call::new(Operation::Chat);
            call.provider = Some(Cow::Borrowed("openai"));
            call.model = Some("gpt-5-mini".to_owned());
            call.usage = Usage::new().with(Dimension::Output, 500_000);
            let (status, subject) = (Status::Ok, Subject::Call(Box::new(call)));
            let unix_ns = parse_rfc3339(time).unwrap();
            lab.record(Facts { unix_ns, latency_ns: None, status, error_type: None, subject }, None);
        }
        lab.shutdown(Duration::from_secs(30));
        let (_, mut ledger) = Ledger::current(home.path()).unwrap();
        let now = "2026-11-21T12:00:00+01:00[Europe/Berlin]".parse().unwrap();
        Overview::of(&mut ledger, Filter::default(), &now).unwrap().month.unwrap()
    }

    #[test]
    fn the_average_is_over_the_month_so_far() {
        // Half an hour before November in Berlin, and half an hour after its beginning.
        let month = month_of(&["2026-10-31T22:30:00Z", "2026-10-31T23:30:00Z", "2026-11-21T08:00:00Z"]);
        assert_eq!((month.total.calls, month.today.calls), (2, 1));
        assert_eq!((month.days_counted, month.days_remaining), (21, 9));
        assert_eq!(month.daily_average().unwrap().to_string(), "0.095238095238095238");
    }

    #[test]
    fn days_before_the_first_call_of_all_do_not_count() {
        let month = month_of(&["2026-11-14T23:30:00Z", "2026-11-20T08:00:00Z"]);
        assert_eq!((month.first.to_string().as_str(), month.days_counted), ("2026-11-01", 7));
        let nothing = month_of(&[]);
        assert_eq!((nothing.days_counted, nothing.daily_average()), (21, Some(Money::ZERO)));
    }
}
