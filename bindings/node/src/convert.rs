//! Numbers, counts and amounts as they cross.

use llmlab::{Dimension, Money, Usage};

/// A count as JavaScript's number: exact up to 2^53, and no count of ours is larger.
pub(crate) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The counts of an array that has a place for each dimension, in the order of [`Dimension::ALL`], and behind them as many
/// for how many times 2^32 is to be added; what is negative or no number is absent. The other side has checked what the
/// host gave.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the other side passes whole numbers")]
pub(crate) fn usage(counts: &[f64]) -> Usage {
    let (low, high) = counts.split_at(counts.len() / 2);
    let given = Dimension::ALL.iter().zip(low.iter().zip(high)).filter(|(_, (low, _))| **low >= 0.0);
    // In place: to hand so many counts on by value, as a fold does, takes longer than to price them.
    let mut usage = Usage::new();
    for (dimension, (low, high)) in given {
        usage.set(*dimension, (*low as u64).saturating_add((*high as u64) << 32));
    }
    usage
}

/// An amount as exact decimal text, and beside it the nearest number.
pub(crate) fn amount(amount: Money) -> (String, f64) {
    let text = amount.to_string();
    let number = text.parse().unwrap_or(f64::NAN);
    (text, number)
}
