//! How long to wait before the next try: full jitter, so that a fleet that failed together does not return together.

/// The longest wait that is our own idea.
pub(crate) const LONGEST_NS: u64 = 300 * SECOND_NS;
pub(crate) const SECOND_NS: u64 = 1_000_000_000;

/// After so many failures in a row (at least one), somewhere between nothing and `1 s · 2ⁿ`, at most 300 s. `random` is
/// any number, all equally likely.
pub(crate) fn wait_ns(failures: u32, random: u64) -> u64 {
    let doublings = failures.saturating_sub(1).min(16);
    fraction_ns((SECOND_NS << doublings).min(LONGEST_NS), random)
}

/// Evenly between nothing and the whole, which is included.
pub(crate) fn fraction_ns(whole_ns: u64, random: u64) -> u64 {
    // The high half of the product: a multiplication where a remainder would prefer small numbers.
    let product = u128::from(random) * (u128::from(whole_ns) + 1);
    u64::try_from(product >> 64).unwrap_or(whole_ns)
}

/// Numbers for the jitter (`SplitMix64`). They need to differ between processes, and to be nobody's secret.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_wait_is_within_its_doubling_and_never_longer_than_five_minutes(failures in 1..100_u32, random: u64) {
            let wait = wait_ns(failures, random);
            prop_assert!(wait <= LONGEST_NS);
            if failures < 9 {
                prop_assert!(wait <= SECOND_NS << (failures - 1));
            }
        }
    }

    #[test]
    fn the_jitter_is_full() {
        assert_eq!((wait_ns(1, 0), wait_ns(1, u64::MAX)), (0, SECOND_NS));
        assert_eq!((wait_ns(4, 1 << 63), wait_ns(4, u64::MAX)), (4 * SECOND_NS, 8 * SECOND_NS));
        assert_eq!(wait_ns(9, u64::MAX), 256 * SECOND_NS);
        assert_eq!((wait_ns(10, u64::MAX), wait_ns(u32::MAX, u64::MAX)), (LONGEST_NS, LONGEST_NS));
        let mut random = Random(7);
        let mean = (0..1_000).map(|_| wait_ns(10, random.next()) / 1_000).sum::<u64>();
        assert!((140 * SECOND_NS..160 * SECOND_NS).contains(&mean), "{mean}");
    }
}
