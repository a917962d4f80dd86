//! Answers from the ledger, as JavaScript reads them.

use napi_derive::napi;

use llmlab::moment::format_rfc3339;
use llmlab::report;

use crate::convert::{amount, number};
use crate::usage::{Count, counts};

/// What was spent: `totals`, and `groups` of the same, the highest cost first.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Summary {
    pub totals: Totals,
    pub groups: Vec<Group>,
    pub detail_since: Option<String>,
}

/// The part of a summary whose calls share a key.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Group {
    pub key: Vec<Part>,
    pub totals: Totals,
}

/// One word of `groupBy`, and the value.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Part {
    pub axis: &'static str,
    pub value: Option<String>,
}

/// Sums over calls.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Totals {
    pub calls: i64,
    pub failed_attempts: i64,
    pub priced: i64,
    pub estimated: i64,
    pub unpriced: i64,
    pub cost_usd: Option<String>,
    pub cost_usd_number: Option<f64>,
    pub cost_state: &'static str,
    pub usage: Vec<Count>,
}

impl From<report::Summary> for Summary {
    fn from(summary: report::Summary) -> Self {
        Self {
            totals: summary.totals.into(),
            groups: summary.groups.into_iter().map(Into::into).collect(),
            detail_since: summary.detail_since_ns.map(format_rfc3339),
        }
    }
}

impl From<report::Group> for Group {
    fn from(group: report::Group) -> Self {
        let part = |(axis, value): (report::GroupBy, Option<String>)| Part { axis: axis.name(), value };
        Self { key: group.key.0.into_iter().map(part).collect(), totals: group.totals.into() }
    }
}

impl From<report::Totals> for Totals {
    fn from(totals: report::Totals) -> Self {
        let (cost_usd, cost_usd_number) = totals.known_cost().map(amount).unzip();
        Self {
            calls: number(totals.calls),
            failed_attempts: number(totals.failed_attempts),
            priced: number(totals.priced),
            estimated: number(totals.estimated),
            unpriced: number(totals.unpriced),
            cost_usd,
            cost_usd_number,
            cost_state: totals.state().as_str(),
            usage: counts(&totals.usage),
        }
    }
}
