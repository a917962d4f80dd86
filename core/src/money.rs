//! Exact money: integer atto-dollars.
//!
//! One atto-dollar is 10⁻¹⁸ USD, so an amount is exactly a `DECIMAL(38,18)`. Sums are integer additions: exact, and the
//! same in any order. Floats were refused: the sum of a million calls in `f64` depends on the order of the addends.

use std::fmt::{self, Write};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::error::{Error, ErrorCode};

/// Atto-dollars in one dollar.
pub const ATTO_PER_USD: i128 = 1_000_000_000_000_000_000;
/// Atto-dollars in one nano-dollar.
pub const ATTO_PER_NANO: i128 = 1_000_000_000;
const DECIMALS: usize = 18;

/// An amount of US dollars, exact to 10⁻¹⁸.
///
/// Addition saturates at ±1.7 × 10²⁰ USD instead of wrapping or panicking.
///
/// ```
/// use llmlab::Money;
/// let price: Money = "0.0116235".parse()?;
/// assert_eq!((price + price).to_string(), "0.023247");
/// # Ok::<(), llmlab::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i128);

impl Money {
    /// No money at all. An unknown amount is `None`, never this.
    pub const ZERO: Self = Self(0);

    /// An amount counted in atto-dollars.
    pub const fn from_atto(atto: i128) -> Self {
        Self(atto)
    }

    /// The amount in atto-dollars.
    pub const fn atto(self) -> i128 {
        self.0
    }

    /// The amount as whole nano-dollars and the atto-dollars left over (0..10⁹), the two integers in which the ledger
    /// stores it. `None` beyond ±9.2 billion USD, where the nano-dollars leave an `i64`.
    pub fn to_nano_atto(self) -> Option<(i64, i64)> {
        let nano = i64::try_from(self.0.div_euclid(ATTO_PER_NANO)).ok()?;
        let rest = i64::try_from(self.0.rem_euclid(ATTO_PER_NANO)).ok()?;
        Some((nano, rest))
    }

    /// Whole dollars.
    pub(crate) fn from_usd(usd: i64) -> Self {
        Self(i128::from(usd) * ATTO_PER_USD)
    }

    /// Sums of the two integers of [`Money::to_nano_atto`] make the sum of the amounts.
    pub fn from_nano_atto(nano: i64, atto: i64) -> Self {
        Self(i128::from(nano) * ATTO_PER_NANO + i128::from(atto))
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// The exact decimal number, without trailing zeros: `0.0116235`, `12`, `-0.5`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const PER_USD: u64 = 1_000_000_000_000_000_000;
        const _: () = assert!(PER_USD as i128 == ATTO_PER_USD);
        let magnitude = self.0.unsigned_abs();
        let (whole, mut rest) = if let Ok(small) = u64::try_from(magnitude) {
            // What a call costs: dividing 128 bits would take longer than all the rest.
            (u128::from(small / PER_USD), small % PER_USD)
        } else {
            let per_usd = u128::from(PER_USD);
            (magnitude / per_usd, u64::try_from(magnitude % per_usd).unwrap_or(0))
        };
        if self.0 < 0 {
            f.write_char('-')?;
        }
        write!(f, "{whole}")?;
        if rest == 0 {
            return Ok(());
        }
        let mut fraction = [b'0'; DECIMALS];
        let mut places = DECIMALS;
        for (place, byte) in fraction.iter_mut().enumerate().rev() {
            if rest % 10 == 0 && places == place + 1 {
                places = place;
            }
            *byte += (rest % 10).to_le_bytes()[0];
            rest /= 10;
        }
        f.write_char('.')?;
        f.write_str(std::str::from_utf8(&fraction[..places]).unwrap_or_default())
    }
}

impl FromStr for Money {
    type Err = Error;

    /// Reads a plain decimal number (`-12.5`); refuses exponents, blanks and more than 18 decimals.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::new(
                ErrorCode::InvalidMoney,
                format!("an amount is a decimal number with at most 18 decimals, got {text:?}"),
            )
        };
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || fraction.len() > DECIMALS || !all_digits(whole) || !all_digits(fraction) {
            return Err(wrong());
        }
        let padded = format!("{whole}{fraction:0<DECIMALS$}");
        let atto: i128 = padded.parse().map_err(|_| wrong())?;
        Ok(Self(if negative { -atto } else { atto }))
    }
}

/// A JSON number with every digit, because a JSON string is no number and a float is not exact.
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.to_string()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// A JSON number or a decimal string.
impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <Box<RawValue>>::deserialize(deserializer)?;
        raw.get().trim_matches('"').parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_to_the_atto() {
        for text in ["0", "1", "-0.5", "0.000000000000000001", "1480046039.86260645", "170141183460469231731"] {
            let amount: Money = text.parse().unwrap();
            assert_eq!(amount.to_string(), text);
        }
        assert_eq!("0.10".parse::<Money>().unwrap(), "0.1".parse().unwrap());
    }

    #[test]
    fn what_is_no_decimal_number_is_refused_by_value() {
        for text in ["", "-", ".5", "1e3", " 1", "1,5", "NaN", "0.0000000000000000001", "999999999999999999999"] {
            let error = text.parse::<Money>().unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidMoney);
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
    }

    #[test]
    fn the_two_integers_of_the_ledger_add_up_exactly() {
        let amounts: Vec<Money> =
            ["0.000000000999999999", "-0.000000000000000001", "12.5"].map(|text| text.parse().unwrap()).into();
        let (nano, atto) = amounts
            .iter()
            .map(|amount| amount.to_nano_atto().unwrap())
            .fold((0, 0), |(nanos, attos), (nano, atto)| (nanos + nano, attos + atto));
        assert_eq!(Money::from_nano_atto(nano, atto), amounts.into_iter().sum());
    }

    #[test]
    fn json_is_an_exact_number_both_ways() {
        let amount: Money = "0.000000000000000001".parse().unwrap();
        let json = serde_json::to_string(&amount).unwrap();
        assert_eq!(json, "0.000000000000000001");
        assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), amount);
        assert_eq!(serde_json::from_str::<Money>("\"2.5\"").unwrap().to_string(), "2.5");
    }
}
