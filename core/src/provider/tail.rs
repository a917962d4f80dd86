//! The last bytes of a name, to tell most names apart without reading them.

/// The last eight bytes of the end of a name, fewer if it is shorter. Letters of either case are the same.
#[derive(Clone, Copy)]
pub(super) struct Tail {
    bytes: u64,
    mask: u64,
}

/// In ASCII, lower case is this bit, and the digits, dots and slashes of a name have it.
const LOWER: u64 = u64::from_ne_bytes([0x20; 8]);

impl Tail {
    pub(super) const fn of(end: &str) -> Self {
        let bytes = end.as_bytes();
        let (mut tail, mut mask, mut at) = (0, 0, bytes.len().saturating_sub(8));
        while at < bytes.len() {
            tail = tail << 8 | bytes[at] as u64;
            mask = mask << 8 | 0xFF;
            at += 1;
        }
        Self { bytes: (tail | LOWER) & mask, mask }
    }

    /// Whether a name may end like this; if not, it does not. A name of fewer than eight bytes may always.
    pub(super) fn may_end(self, name: &str) -> bool {
        name.as_bytes().last_chunk().is_none_or(|last| (u64::from_be_bytes(*last) | LOWER) & self.mask == self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn another_end_is_told_by_eight_bytes() {
        assert!(!Tail::of("/chat/completions").may_end("/subscriptions"));
        assert!(!Tail::of("/ocr").may_end("/v1/docs"));
        assert!(Tail::of("/ocr").may_end("/prefix/v1/ocr"));
        assert!(Tail::of(".openai.azure.com").may_end("shop.OpenAI.Azure.COM"));
    }

    proptest! {
        #[test]
        fn no_name_that_ends_like_it_is_missed(start in ".{0,9}", end in "[ -~]{0,12}") {
            prop_assert!(Tail::of(&end).may_end(&(start.clone() + &end)));
            prop_assert!(Tail::of(&end).may_end(&(start + &end.to_ascii_uppercase())));
        }
    }
}
