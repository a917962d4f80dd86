//! Amounts and counts as people read them. Only integers: the exact figures are in `--json`.

use llmlab::Money;
use llmlab::money::ATTO_PER_USD;

const DECIMALS: usize = 18;
const DECIMALS_FROM_ONE_DOLLAR: usize = 2;
const DECIMALS_BELOW_ONE_DOLLAR: usize = 4;

/// `$1,234.50`, `$0.0834`, `$0.000002`: cents from one dollar up, four decimals below, and more where two digits other
/// than 0 would not be seen, so that no amount is rounded to nothing. Half-even.
pub(crate) fn dollars(amount: Money) -> String {
    let per_usd = ATTO_PER_USD.unsigned_abs();
    let rounded = rounded(amount.atto().unsigned_abs());
    let fraction = format!("{:018}", rounded % per_usd);
    let decimals = if rounded >= per_usd || rounded == 0 {
        DECIMALS_FROM_ONE_DOLLAR
    } else {
        fraction.trim_end_matches('0').len().max(DECIMALS_BELOW_ONE_DOLLAR)
    };
    let sign = if amount < Money::ZERO { "-" } else { "" };
    format!("{sign}${}.{}", grouped(rounded / per_usd), &fraction[..decimals])
}

/// The atto-dollars that are shown.
fn rounded(atto: u128) -> u128 {
    let decimals = if atto >= ATTO_PER_USD.unsigned_abs() {
        DECIMALS_FROM_ONE_DOLLAR
    } else {
        let leading_zeros = DECIMALS - 1 - atto.checked_ilog10().unwrap_or(0) as usize;
        (leading_zeros + 2).clamp(DECIMALS_BELOW_ONE_DOLLAR, DECIMALS)
    };
    let step = 10_u128.pow(u32::try_from(DECIMALS - decimals).unwrap_or(0));
    let (whole, rest) = (atto / step, atto % step);
    let up = rest > step / 2 || (rest == step / 2 && step > 1 && whole % 2 == 1);
    (whole + u128::from(up)) * step
}

/// `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    grouped(u128::from(number))
}

fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 call`, `2 calls`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_rounded_for_people_and_never_to_nothing() {
        for (exact, shown) in [
            ("0", "$0.00"),
            ("0.0834", "$0.0834"),
            ("0.05", "$0.0500"),
            ("0.08345", "$0.0834"),
            ("0.08355", "$0.0836"),
            ("0.083451", "$0.0835"),
            ("12.4", "$12.40"),
            ("12.405", "$12.40"),
            ("1234567.899", "$1,234,567.90"),
            ("999.999", "$1,000.00"),
            ("0.99996", "$1.00"),
            ("0.000002", "$0.000002"),
            ("0.0000023456", "$0.0000023"),
            ("0.00009996", "$0.0001"),
            ("0.000000000000000001", "$0.000000000000000001"),
            ("-0.5", "-$0.5000"),
        ] {
            assert_eq!(dollars(exact.parse().unwrap()), shown, "{exact}");
        }
    }

    #[test]
    fn the_largest_amount_has_a_form() {
        assert_eq!(dollars(Money::from_atto(i128::MIN)), "-$170,141,183,460,469,231,731.69");
    }

    #[test]
    fn counts_have_separators() {
        assert_eq!([0, 999, 1_000, u64::MAX].map(count), ["0", "999", "1,000", "18,446,744,073,709,551,615"]);
        assert_eq!([1, 2].map(|number| counted(number, "call")), ["1 call", "2 calls"]);
    }
}
