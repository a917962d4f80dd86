//! One line of a price file, text to [`Model`]: the schema is described in `core/catalogue/README.md`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::model::{Model, Period, SEARCH_SIZES, ServiceTier, SizeFees, Steps, Table, Window, is_tokens};
use super::rate::{Factor, Rate};
use crate::moment::parse_rfc3339;
use crate::usage::Dimension;

/// Only the names, for the index; the rest of a line is parsed when a call first needs it.
#[derive(Deserialize)]
pub(super) struct Names<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) aliases: Vec<Cow<'a, str>>,
}

/// A whole line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    /// Only in the user's own files: the embedded ones have one provider each.
    pub(super) provider: Option<String>,
    pub(super) id: String,
    #[serde(default)]
    pub(super) aliases: Vec<String>,
    /// Absent: further names of a known model.
    pub(super) periods: Option<Vec<RawPeriod>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPeriod {
    from: Option<String>,
    rates: BTreeMap<String, RawRates>,
    #[serde(default)]
    by_search_size: BTreeMap<String, BTreeMap<String, Value>>,
    #[serde(default)]
    windows: Vec<RawWindow>,
    #[serde(default)]
    geo: BTreeMap<String, Value>,
    /// Provenance, for people: who says so, why the other source lost, and what it said.
    #[serde(default, rename = "sources")]
    _sources: IgnoredAny,
    #[serde(default, rename = "why")]
    _why: IgnoredAny,
    #[serde(default, rename = "lost")]
    _lost: IgnoredAny,
}

#[derive(Deserialize)]
struct RawRates {
    #[serde(default)]
    tiers: Vec<RawTier>,
    #[serde(flatten)]
    base: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct RawTier {
    over: Option<u64>,
    from: Option<u64>,
    #[serde(flatten)]
    rates: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWindow {
    days: Option<String>,
    utc: String,
    rates: RawRates,
}

const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// What a line says of itself, before parents and standard rates are filled in: (first input, own rates), by input.
type Own = Vec<(u64, Table)>;

/// The priced model of a line. The error names the value that cannot be used.
pub(super) fn model(id: &str, periods: &[RawPeriod]) -> Result<Model, String> {
    let mut periods = periods.iter().map(period).collect::<Result<Vec<_>, _>>()?;
    periods.sort_by_key(|period| period.from_ns);
    if periods.is_empty() {
        return Err("periods is empty: leave it out to add names to a known model".into());
    }
    Ok(Model { id: id.into(), periods: periods.into() })
}

/// The prices of one period.
pub(super) fn period(raw: &RawPeriod) -> Result<Period, String> {
    let from_ns = match &raw.from {
        Some(text) => parse_rfc3339(text).map_err(|error| format!("from: {error}"))?,
        None => i64::MIN,
    };
    let standard = raw.rates.get("standard").map(own).transpose()?.unwrap_or_else(|| vec![(0, Table::default())]);
    let mut sets = vec![(ServiceTier::Standard, resolve(&[&standard]))];
    for (name, rates) in &raw.rates {
        let tier = ServiceTier::from_name(name)
            .ok_or_else(|| format!("unknown service tier {name:?}; known are {}", ServiceTier::NAMES.join(", ")))?;
        if tier != ServiceTier::Standard {
            sets.push((tier, resolve(&[&own(rates)?, &standard])));
        }
    }
    Ok(Period {
        from_ns,
        sets: sets.into(),
        windows: raw.windows.iter().map(|raw| window(raw, &standard)).collect::<Result<_, _>>()?,
        geo: raw
            .geo
            .iter()
            .map(|(geo, factor)| Ok((geo.as_str().into(), Factor::parse(&text(factor))?)))
            .collect::<Result<_, String>>()?,
        fees_by_size: raw.by_search_size.iter().map(|(name, fees)| size_fees(name, fees)).collect::<Result<_, _>>()?,
    })
}

fn own(raw: &RawRates) -> Result<Own, String> {
    let mut steps = vec![(0, table(&raw.base)?)];
    for tier in &raw.tiers {
        let first = match (tier.over, tier.from) {
            (Some(over), None) => over.checked_add(1),
            (None, Some(from)) => Some(from),
            _ => None,
        };
        let first = first.ok_or("a tier begins \"over\" a number of input tokens or \"from\" one on, not both")?;
        steps.push((first, table(&tier.rates)?));
    }
    steps.sort_by_key(|(first, _)| *first);
    Ok(steps)
}

fn table(rates: &BTreeMap<String, Value>) -> Result<Table, String> {
    let mut table = Table::default();
    for (name, value) in rates {
        let dimension = dimension(name)?;
        table[dimension as usize] = Some(rate(dimension, value)?);
    }
    Ok(table)
}

fn dimension(name: &str) -> Result<Dimension, String> {
    Dimension::from_name(name)
        .ok_or_else(|| format!("unknown dimension {name:?}; known are {}", Dimension::known_names()))
}

fn rate(dimension: Dimension, value: &Value) -> Result<Rate, String> {
    let name = dimension.name();
    Rate::parse(&text(value), units(dimension)).map_err(|error| format!("{name}: {error}"))
}

/// Of how many a bare number is the price: tokens are sold by the million everywhere, anything else by the piece.
pub(super) const fn units(dimension: Dimension) -> u32 {
    if is_tokens(dimension) || matches!(dimension, Dimension::Characters) { 1_000_000 } else { 1 }
}

fn text(value: &Value) -> Cow<'_, str> {
    value.as_str().map_or_else(|| Cow::Owned(value.to_string()), Cow::Borrowed)
}

/// Fills every table: a dimension takes its own rate, of the highest tier that is reached, then that of the next layer
/// (a service tier falls back on the standard rates), then its parent's.
fn resolve(layers: &[&Own]) -> Steps {
    let mut firsts: Vec<u64> = layers.iter().flat_map(|own| own.iter().map(|(first, _)| *first)).collect();
    firsts.sort_unstable();
    firsts.dedup();
    let filled = |first: u64| {
        let mut table = Table::default();
        // Every parent comes before its children in this order, so it is filled in already.
        for dimension in Dimension::ALL {
            let listed = layers.iter().find_map(|own| {
                own.iter().rev().filter(|(begin, _)| *begin <= first).find_map(|(_, rates)| rates[dimension as usize])
            });
            let inherited = || dimension.parent().and_then(|parent| table[parent as usize]);
            table[dimension as usize] = listed.or_else(inherited);
        }
        (first, table)
    };
    Steps(firsts.into_iter().map(filled).collect())
}

fn window(raw: &RawWindow, standard: &Own) -> Result<Window, String> {
    let refuse = || format!("a window's utc is such as \"01:00-04:00\", within one day, got {:?}", raw.utc);
    let (from, until) = raw.utc.split_once('-').ok_or_else(refuse)?;
    let (from_s, until_s) = (clock_s(from).ok_or_else(refuse)?, clock_s(until).ok_or_else(refuse)?);
    if from_s >= until_s {
        return Err(refuse());
    }
    let days = raw.days.as_deref().map_or(Ok(0b111_1111), weekdays)?;
    Ok(Window { days, from_s, until_s, steps: resolve(&[&own(&raw.rates)?, standard]) })
}

fn clock_s(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (minutes < 60 && hours * 60 + minutes <= 24 * 60).then_some(hours * 3600 + minutes * 60)
}

/// The text of [`weekdays`]; nothing for all of them.
pub(super) fn weekday_names(days: u8) -> Option<String> {
    let name = |day: u32| NAMES.get(day as usize).copied().unwrap_or_default();
    let (first, last) = (days.trailing_zeros(), days.checked_ilog2()?);
    match (days, first == last) {
        (0b111_1111, _) => None,
        (_, true) => Some(name(first).to_owned()),
        (_, false) => Some(format!("{}-{}", name(first), name(last))),
    }
}

fn weekdays(text: &str) -> Result<u8, String> {
    let day = |name: &str| NAMES.iter().position(|known| *known == name);
    let span = text.split_once('-').unwrap_or((text, text));
    match (day(span.0), day(span.1)) {
        (Some(first), Some(last)) if first <= last => Ok((first..=last).fold(0, |days, day| days | 1 << day)),
        _ => Err(format!("a window's days are such as \"mon-fri\" or \"sun\", got {text:?}")),
    }
}

fn size_fees(name: &str, raw: &BTreeMap<String, Value>) -> Result<SizeFees, String> {
    let dimension = dimension(name)?;
    let fee = |size: &str| {
        let value = raw.get(size).ok_or_else(|| format!("{name} by search size lacks {size:?}"))?;
        rate(dimension, value)
    };
    let [low, medium, high] = SEARCH_SIZES;
    let default = raw.get("default").and_then(Value::as_str).unwrap_or(low);
    let default = SEARCH_SIZES.iter().position(|size| *size == default);
    let default = default.ok_or_else(|| format!("the default size of {name} is one of {}", SEARCH_SIZES.join(", ")))?;
    Ok(SizeFees { dimension, fees: [fee(low)?, fee(medium)?, fee(high)?], default })
}
