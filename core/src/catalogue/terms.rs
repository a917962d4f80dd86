//! The rates of a period one by one, each with the terms under which it holds: to show them, and to compare them.

use std::fmt;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::line::{units, weekday_names};
use super::model::{Model, Period, SEARCH_SIZES, ServiceTier, Steps, Table};
use super::rate::{Factor, Rate};
use crate::usage::Dimension;

/// What must hold for a rate to be taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Terms {
    set: Set,
    /// The total input from which it holds.
    pub(super) from_input: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Set {
    Tier(ServiceTier),
    /// Days, and seconds of the day.
    Window(u8, u32, u32),
    SearchSize(usize),
    Geo(Box<str>),
}

/// A price, as it is shown: dollars for so many units, or the factor of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitPrice(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rate(Rate, u32),
    Factor(Factor),
}

impl UnitPrice {
    const fn of(dimension: Dimension, rate: Rate) -> Self {
        Self(Kind::Rate(rate, units(dimension)))
    }

    /// Whether a change from this to the other is more than so many times, up or down, or to nothing.
    pub(super) fn leaps_to(self, new: Self, times: u32) -> bool {
        match (self.0, new.0) {
            (Kind::Rate(old, _), Kind::Rate(new, _)) => {
                !old.is_nothing() && (new.is_nothing() || new.is_more_than(times, old) || old.is_more_than(times, new))
            }
            _ => false,
        }
    }
}

/// `$2.5 per 1M`, `$0.01 each`, `$0.111 per 3600`, `×1.1`: every digit.
impl fmt::Display for UnitPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Factor(factor) => write!(f, "×{}", factor.stated()),
            Kind::Rate(rate, per) => match rate.stated(per) {
                (usd, 1) => write!(f, "${usd} each"),
                (usd, 1_000_000) => write!(f, "${usd} per 1M"),
                (usd, units) => write!(f, "${usd} per {units}"),
            },
        }
    }
}

/// `{"usd":2.5,"per":1000000}` or `{"factor":1.1}`, exact.
impl Serialize for UnitPrice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Kind::Factor(factor) => {
                let mut price = serializer.serialize_struct("UnitPrice", 1)?;
                price.serialize_field("factor", &factor.stated())?;
                price.end()
            }
            Kind::Rate(rate, per) => {
                let (usd, units) = rate.stated(per);
                let mut price = serializer.serialize_struct("UnitPrice", 2)?;
                price.serialize_field("usd", &usd)?;
                price.serialize_field("per", &units)?;
                price.end()
            }
        }
    }
}

impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.set {
            Set::Tier(tier) => f.write_str(tier.name())?,
            Set::Window(days, from_s, until_s) => {
                if let Some(days) = weekday_names(*days) {
                    write!(f, "{days} ")?;
                }
                let clock = |seconds: u32| format!("{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
                write!(f, "{}-{} UTC", clock(*from_s), clock(*until_s))?;
            }
            Set::SearchSize(size) => write!(f, "{} search context", SEARCH_SIZES[*size])?,
            Set::Geo(geo) => write!(f, "geo {geo}")?,
        }
        if self.from_input > 0 { write!(f, ", from {} input", self.from_input) } else { Ok(()) }
    }
}

impl Terms {
    const fn new(set: Set) -> Self {
        Self { set, from_input: 0 }
    }

    fn standard(from_input: u64) -> Self {
        Self { set: Set::Tier(ServiceTier::Standard), from_input }
    }

    /// The terms whose rates hold where these have none of their own: without the last threshold, then the standard ones.
    pub(super) fn weaker(&self, all: &[Self]) -> Vec<Self> {
        let below = all.iter().filter(|other| other.set == self.set && other.from_input < self.from_input).max();
        let standard = Self::standard(self.from_input);
        below.cloned().into_iter().chain((standard != *self).then_some(standard)).collect()
    }
}

/// The tables of a period, each with its terms.
fn tables(period: &Period) -> impl Iterator<Item = (Set, &Steps)> {
    let sets = period.sets.iter().map(|(tier, steps)| (Set::Tier(*tier), steps));
    let windows = period.windows.iter();
    sets.chain(windows.map(|window| (Set::Window(window.days, window.from_s, window.until_s), &window.steps)))
}

/// The terms that a period names.
pub(super) fn terms(period: &Period) -> Vec<Terms> {
    let mut terms: Vec<Terms> = tables(period)
        .flat_map(|(set, steps)| steps.0.iter().map(move |(from, _)| Terms { set: set.clone(), from_input: *from }))
        .collect();
    if !period.fees_by_size.is_empty() {
        terms.extend((0..SEARCH_SIZES.len()).map(|size| Terms::new(Set::SearchSize(size))));
    }
    terms.extend(period.geo.iter().map(|(geo, _)| Terms::new(Set::Geo(geo.clone()))));
    terms
}

/// What a dimension costs under some terms; for the factor of a region, which all tokens share, the input stands.
pub(super) fn price(period: &Period, terms: &Terms, dimension: Dimension) -> Option<UnitPrice> {
    let of = |table: &Table| table[dimension as usize].map(|rate| UnitPrice::of(dimension, rate));
    match &terms.set {
        Set::Geo(geo) => {
            let is_known = period.geo.iter().any(|(name, _)| name == geo);
            (is_known && dimension == Dimension::Input).then(|| UnitPrice(Kind::Factor(period.factor(Some(geo)))))
        }
        Set::SearchSize(size) => {
            let fee = period.fee_by_size(dimension, Some(SEARCH_SIZES[*size]))?;
            Some(UnitPrice::of(dimension, fee))
        }
        set => {
            let steps = tables(period).find(|(known, _)| known == set).map(|(_, steps)| steps);
            let steps = steps.or_else(|| period.sets.first().map(|(_, steps)| steps))?;
            of(steps.table(terms.from_input)?)
        }
    }
}

/// The prices that a period states: those that follow from another one are left out.
pub(super) fn stated(period: &Period) -> Vec<(Terms, Dimension, UnitPrice)> {
    let all = terms(period);
    let mut stated = Vec::new();
    for terms in &all {
        let weaker = terms.weaker(&all);
        for dimension in Dimension::ALL {
            let Some(price) = price(period, terms, dimension) else { continue };
            let follows = |terms: &Terms, dimension| self::price(period, terms, dimension) == Some(price);
            let follows = dimension.parent().is_some_and(|parent| follows(terms, parent))
                || weaker.iter().any(|weaker| follows(weaker, dimension));
            if !follows {
                stated.push((terms.clone(), dimension, price));
            }
        }
    }
    stated
}

/// The word for what has a price: the dimension, or all tokens.
pub(super) fn word(terms: &Terms, dimension: Dimension) -> &'static str {
    if matches!(terms.set, Set::Geo(_)) { "tokens" } else { dimension.name() }
}

/// The moments at which a model's prices begin.
pub(super) fn beginnings(model: &Model) -> impl Iterator<Item = i64> {
    model.periods.iter().map(|period| period.from_ns)
}
