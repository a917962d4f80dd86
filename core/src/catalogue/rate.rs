//! One price: atto-dollars for a number of units, so that even a price per hour is exact for a second.

use std::num::NonZeroU32;

use crate::money::{ATTO_PER_USD, Money};

/// `atto` atto-dollars for `per` units, in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    atto: u64,
    per: NonZeroU32,
}

/// A rational number near 1 by which the charges for tokens are multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Factor {
    numerator: u32,
    denominator: NonZeroU32,
}

impl Factor {
    pub(crate) const ONE: Self = Self { numerator: 1, denominator: NonZeroU32::MIN };

    /// Reads a decimal number such as `1.1`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let refuse = || format!("a multiplier is a decimal number with at most 6 decimals, got {text:?}");
        let atto = text.parse::<Money>().map_err(|_| refuse())?.atto();
        let (numerator, denominator) = lowest(u128::try_from(atto).map_err(|_| refuse())?, 10_u128.pow(18));
        let numerator = u32::try_from(numerator).map_err(|_| refuse())?;
        let denominator = u32::try_from(denominator).ok().and_then(NonZeroU32::new).ok_or_else(refuse)?;
        if denominator.get() > 1_000_000 { Err(refuse()) } else { Ok(Self { numerator, denominator }) }
    }
}

impl Factor {
    /// The decimal number.
    pub(crate) fn stated(self) -> Money {
        // The denominator divides a million.
        Money::from_atto(i128::from(self.numerator) * (ATTO_PER_USD / i128::from(self.denominator.get())))
    }
}

impl Rate {
    /// Reads `2.5` (dollars for `default_per` units) or `0.111/3600` (dollars for that many units).
    pub(crate) fn parse(text: &str, default_per: u32) -> Result<Self, String> {
        let refuse = |why: &str| {
            format!("a rate is dollars such as \"2.5\", or dollars for units such as \"10/1000\": {why}, got {text:?}")
        };
        let (price, per) = match text.split_once('/') {
            Some((price, per)) => (price, per.parse().map_err(|_| refuse("units are a whole number"))?),
            None => (text, default_per),
        };
        let price: Money = price.parse().map_err(|_| refuse("dollars are a decimal number"))?;
        let atto = u128::try_from(price.atto()).map_err(|_| refuse("dollars are not negative"))?;
        if per == 0 {
            return Err(refuse("units are at least 1"));
        }
        let (atto, per) = lowest(atto, u128::from(per));
        match (u64::try_from(atto), u32::try_from(per).ok().and_then(NonZeroU32::new)) {
            (Ok(atto), Some(per)) => Ok(Self { atto, per }),
            _ => Err(refuse("more than 18.44 dollars a unit does not fit")),
        }
    }

    /// The charge for `count` units: exact, or rounded once, half to even, where it does not terminate.
    #[inline]
    pub(crate) fn charge(self, count: u64, factor: Factor) -> Money {
        // Two 64-bit factors fit; a third one saturates near 10²⁰ dollars instead of wrapping.
        let atto = (u128::from(count) * u128::from(self.atto)).saturating_mul(u128::from(factor.numerator));
        let per = u128::from(u64::from(self.per.get()) * u64::from(factor.denominator.get()));
        let atto = if per == 1 { atto } else { divide_half_even(atto, per) };
        Money::from_atto(i128::try_from(atto).unwrap_or(i128::MAX))
    }

    /// Dollars for a number of units, as a price file has them: for `default_per` units where that terminates.
    pub(crate) fn stated(self, default_per: u32) -> (Money, u32) {
        let of = |units: u32| {
            let atto = u128::from(self.atto) * u128::from(units);
            let per = u128::from(self.per.get());
            (atto % per == 0).then(|| (Money::from_atto(i128::try_from(atto / per).unwrap_or(i128::MAX)), units))
        };
        // By the thousand and by the hour is how the others are sold.
        [default_per, 1_000, 3_600]
            .into_iter()
            .find_map(of)
            .unwrap_or_else(|| (Money::from_atto(i128::from(self.atto)), self.per.get()))
    }

    /// Whether this is more than so many times the other.
    pub(crate) fn is_more_than(self, times: u32, other: Self) -> bool {
        let (mine, its) = (u128::from(self.atto), u128::from(other.atto));
        mine * u128::from(other.per.get()) > (its * u128::from(self.per.get())).saturating_mul(u128::from(times))
    }

    pub(crate) const fn is_nothing(self) -> bool {
        self.atto == 0
    }

    /// The price of one unit, where it terminates within an atto-dollar.
    pub(crate) fn of_one(self, factor: Factor) -> Option<Money> {
        let atto = u128::from(self.atto) * u128::from(factor.numerator);
        let per = u128::from(u64::from(self.per.get()) * u64::from(factor.denominator.get()));
        if atto % per == 0 { i128::try_from(atto / per).ok().map(Money::from_atto) } else { None }
    }
}

fn divide_half_even(numerator: u128, denominator: u128) -> u128 {
    let (quotient, rest) = (numerator / denominator, numerator % denominator);
    let up = match (rest * 2).cmp(&denominator) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => quotient % 2,
        std::cmp::Ordering::Greater => 1,
    };
    quotient + up
}

const fn lowest(numerator: u128, denominator: u128) -> (u128, u128) {
    let (mut a, mut b) = (numerator, denominator);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (numerator / a, denominator / a)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(rate: &str, count: u64, factor: &str) -> String {
        Rate::parse(rate, 1_000_000).unwrap().charge(count, Factor::parse(factor).unwrap()).to_string()
    }

    #[test]
    fn a_charge_is_exact_where_it_terminates() {
        assert_eq!(charge("2.5", 1482, "1"), "0.003705");
        assert_eq!(charge("10/1000", 5, "1"), "0.05");
        assert_eq!(charge("0.111/3600", 9000, "1"), "0.2775");
        assert_eq!(charge("2.5", 3, "1.1"), "0.00000825");
    }

    #[test]
    fn what_does_not_terminate_is_rounded_once_and_half_to_even() {
        assert_eq!(charge("0.111/3600", 1, "1"), "0.000030833333333333");
        assert_eq!(charge("0.000000000000000001/2", 1, "1"), "0");
        assert_eq!(charge("0.000000000000000001/2", 3, "1"), "0.000000000000000002");
        assert_eq!(charge("0.000000000000000001/2", 5, "1"), "0.000000000000000002");
    }

    #[test]
    fn the_largest_count_at_the_largest_rate_neither_wraps_nor_panics() {
        assert_eq!(charge("18.446744073709551615/1", u64::MAX, "4294"), Money::from_atto(i128::MAX).to_string());
    }

    #[test]
    fn a_rate_is_stated_as_it_is_sold() {
        let stated = |text: &str, per| {
            let (price, units) = Rate::parse(text, per).unwrap().stated(per);
            format!("{price}/{units}")
        };
        assert_eq!(stated("2.5", 1_000_000), "2.5/1000000");
        assert_eq!(stated("10/1000", 1), "0.01/1");
        assert_eq!(stated("0.111/3600", 1), "0.111/3600");
        assert_eq!(stated("1/7", 1), "1/7");
        assert_eq!(Factor::parse("1.1").unwrap().stated().to_string(), "1.1");
    }

    #[test]
    fn rates_of_different_units_are_compared_exactly() {
        let rate = |text| Rate::parse(text, 1).unwrap();
        assert!(rate("1/3").is_more_than(100, rate("1/301")));
        assert!(!rate("1/3").is_more_than(100, rate("1/300")));
        assert!(rate("0.1").is_more_than(100, rate("0")) && !rate("0").is_more_than(100, rate("0")));
    }

    #[test]
    fn what_is_no_rate_is_refused_by_value() {
        for text in ["", "-1", "1/0", "1/x", "1e-7", "18446744073710", "1/99999999999"] {
            assert!(Rate::parse(text, 1_000_000).unwrap_err().contains(&format!("{text:?}")), "{text}");
        }
        for text in ["", "-1", "x", "1.0000001"] {
            assert!(Factor::parse(text).unwrap_err().contains(&format!("{text:?}")), "{text}");
        }
    }
}
