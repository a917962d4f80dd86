//! A model as it is priced: periods, in them a table of rates for every service tier and input size, ready to multiply.

use super::rate::{Factor, Rate};
use crate::usage::Dimension;

/// A rate for every dimension, parents filled in; `None` has no price at all.
pub(crate) type Table = [Option<Rate>; Dimension::COUNT];

const SECOND: i64 = 1_000_000_000;
const DAY_S: i64 = 86_400;

macro_rules! service_tiers {
    ($($(#[$doc:meta])* $variant:ident $name:literal $($other:literal)*;)*) => {
        /// What a call was booked as, if that changes its rates.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum ServiceTier { $($(#[$doc])* $variant),* }

        impl ServiceTier {
            /// The names under which price files list rates.
            pub(crate) const NAMES: &'static [&'static str] = &[$($name),*];

            /// The name under which price files list its rates.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The tier of a name in a price file.
            pub(crate) fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }

            /// The tier of a word in a response; providers have several for the standard one.
            pub(crate) fn from_word(word: &str) -> Option<Self> {
                $(if [$name, $($other),*].iter().any(|name| name.eq_ignore_ascii_case(word)) {
                    return Some(Self::$variant);
                })*
                None
            }
        }
    };
}

service_tiers! {
    /// Nothing special. `auto` in a response means that no other tier was assigned.
    Standard "standard" "default" "auto" "on_demand" "on-demand" "standard_only" "";
    /// Answered within a day.
    Batch "batch";
    /// Slower and cheaper.
    Flex "flex";
    /// Faster and dearer.
    Priority "priority";
    /// Faster still: a `speed` with some providers, a tier with others.
    Fast "fast";
    /// Above `fast`.
    Ultrafast "ultrafast";
    /// For answers of one word.
    Decisions "decisions";
}

/// Whether the dimension counts tokens: only these have parents, and only these are multiplied by region.
pub(crate) const fn is_tokens(dimension: Dimension) -> bool {
    dimension.parent().is_some() || matches!(dimension, Dimension::Input | Dimension::Output)
}

/// One model of the catalogue.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) id: Box<str>,
    /// By beginning, the first from ever or from its publication.
    pub(crate) periods: Box<[Period]>,
}

/// Prices that are in force from one instant to the next period's.
#[derive(Clone, Debug)]
pub(crate) struct Period {
    pub(crate) from_ns: i64,
    /// The standard one first.
    pub(crate) sets: Box<[(ServiceTier, Steps)]>,
    pub(crate) windows: Box<[Window]>,
    pub(crate) geo: Box<[(Box<str>, Factor)]>,
    pub(crate) fees_by_size: Box<[SizeFees]>,
}

/// Tables by total input: the cliff of long contexts.
#[derive(Clone, Debug)]
pub(crate) struct Steps(pub(crate) Box<[(u64, Table)]>);

/// Hours that replace the standard rates.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    /// Bit 0 is Monday.
    pub(crate) days: u8,
    pub(crate) from_s: u32,
    /// Exclusive.
    pub(crate) until_s: u32,
    pub(crate) steps: Steps,
}

/// Fees by the size of the search context: low, medium, high.
#[derive(Clone, Debug)]
pub(crate) struct SizeFees {
    pub(crate) dimension: Dimension,
    pub(crate) fees: [Rate; 3],
    /// Which of them holds when the caller names no size.
    pub(crate) default: usize,
}

/// The sizes of a search context, in the order of [`SizeFees::fees`].
pub(crate) const SEARCH_SIZES: [&str; 3] = ["low", "medium", "high"];

impl Model {
    /// The prices in force at an instant; `None` before the first.
    pub(crate) fn period_at(&self, unix_ns: i64) -> Option<&Period> {
        self.periods.iter().rev().find(|period| period.from_ns <= unix_ns)
    }
}

impl Period {
    /// The rates of a service tier at an instant. A tier without rates of its own has the standard ones.
    pub(crate) fn steps(&self, tier: ServiceTier, unix_ns: i64) -> Option<&Steps> {
        if tier != ServiceTier::Standard
            && let Some((_, steps)) = self.sets.iter().find(|(name, _)| *name == tier)
        {
            return Some(steps);
        }
        let window = self.windows.iter().find(|window| window.holds_at(unix_ns));
        window.map(|window| &window.steps).or_else(|| self.sets.first().map(|(_, steps)| steps))
    }

    /// The regional multiplier of the charges for tokens.
    pub(crate) fn factor(&self, geo: Option<&str>) -> Factor {
        let found = geo.and_then(|geo| self.geo.iter().find(|(name, _)| name.eq_ignore_ascii_case(geo)));
        found.map_or(Factor::ONE, |(_, factor)| *factor)
    }

    /// The fee for one unit that depends on the size of the search context, if any does.
    pub(crate) fn fee_by_size(&self, dimension: Dimension, size: Option<&str>) -> Option<Rate> {
        let fees = self.fees_by_size.iter().find(|fees| fees.dimension == dimension)?;
        let named = size.and_then(|size| SEARCH_SIZES.iter().position(|name| name.eq_ignore_ascii_case(size)));
        Some(fees.fees[named.unwrap_or(fees.default)])
    }
}

impl Steps {
    /// The table for a request of this many input tokens, cached ones included.
    pub(crate) fn table(&self, input: u64) -> Option<&Table> {
        self.0.iter().rev().find(|(from, _)| *from <= input).map(|(_, table)| table)
    }
}

impl Window {
    fn holds_at(&self, unix_ns: i64) -> bool {
        let seconds = unix_ns.div_euclid(SECOND);
        // 1970-01-01 was a Thursday.
        let weekday = (seconds.div_euclid(DAY_S) + 3).rem_euclid(7);
        let second_of_day = seconds.rem_euclid(DAY_S);
        self.days & (1 << weekday) != 0
            && second_of_day >= i64::from(self.from_s)
            && second_of_day < i64::from(self.until_s)
    }
}
