//! How much larger a body became by decoding.

/// A body that is larger than this, and more than this many times its encoded size, is a bomb.
const MAX_UNSUSPECTED_BYTES: u64 = 16 << 20;
const MAX_TIMES: u64 = 4096;

#[derive(Default)]
pub(crate) struct Expansion {
    pub(super) encoded_bytes: u64,
    /// Of all codings together, where there are several.
    pub(super) decoded_bytes: u64,
}

impl Expansion {
    pub(super) const fn is_of_a_bomb(&self) -> bool {
        self.decoded_bytes > MAX_UNSUSPECTED_BYTES && self.decoded_bytes / MAX_TIMES > self.encoded_bytes
    }
}
