//! Memory for events whose disk is slow or full: bounded by bytes, in the order in which they came.

use std::collections::VecDeque;

/// What it may hold.
pub(crate) const RING_BYTES: usize = 4 * 1024 * 1024;
/// Memory that an empty ring keeps; what it needed beyond in a bad moment is given back.
const KEPT_BYTES: usize = 64 * 1024;
const LENGTH_BYTES: usize = 4;

/// Frames, one behind the other, each behind its length. The bytes move and are not allocated one by one.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    bytes: VecDeque<u8>,
    frames: u64,
}

impl Ring {
    /// Takes a frame in. `false`: there is no room for it.
    pub(crate) fn push(&mut self, frame: &[u8]) -> bool {
        let Ok(length) = u32::try_from(frame.len()) else { return false };
        if self.bytes.len() + LENGTH_BYTES + frame.len() > RING_BYTES {
            return false;
        }
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend(frame);
        self.frames += 1;
        true
    }

    /// Copies the oldest frame, replacing what `frame` held. `false`: there is none.
    pub(crate) fn peek(&self, frame: &mut Vec<u8>) -> bool {
        frame.clear();
        let Some(length) = self.first_length() else { return false };
        let (front, back) = self.bytes.as_slices();
        let end = LENGTH_BYTES + length;
        frame.extend_from_slice(&front[LENGTH_BYTES.min(front.len())..end.min(front.len())]);
        frame.extend_from_slice(&back[LENGTH_BYTES.saturating_sub(front.len())..end.saturating_sub(front.len())]);
        true
    }

    /// Removes the oldest frame.
    pub(crate) fn pop(&mut self) {
        let Some(length) = self.first_length() else { return };
        self.bytes.drain(..LENGTH_BYTES + length);
        self.frames -= 1;
        if self.frames == 0 {
            self.bytes.shrink_to(KEPT_BYTES);
        }
    }

    pub(crate) const fn frames(&self) -> u64 {
        self.frames
    }

    fn first_length(&self) -> Option<usize> {
        let mut length = [0; LENGTH_BYTES];
        for (index, byte) in length.iter_mut().enumerate() {
            *byte = *self.bytes.get(index)?;
        }
        usize::try_from(u32::from_le_bytes(length)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        // Sabotage: a `peek` that reads the first slice only, or a `pop` that forgets the length.
        #[test]
        fn frames_come_out_as_they_went_in_wherever_the_memory_wraps(steps in prop::collection::vec(prop::option::of(0..3_000_usize), 1..400)) {
            let (mut ring, mut model, mut frame) = (Ring::default(), VecDeque::new(), Vec::new());
            for (index, step) in steps.into_iter().enumerate() {
                if let Some(length) = step {
                    let pushed = vec![u8::try_from(index % 251).unwrap(); length];
                    prop_assert!(ring.push(&pushed));
                    model.push_back(pushed);
                } else {
                    prop_assert_eq!(ring.peek(&mut frame), !model.is_empty());
                    prop_assert_eq!(&frame, &model.pop_front().unwrap_or_default());
                    ring.pop();
                }
                prop_assert_eq!(ring.frames(), model.len() as u64);
            }
        }
    }

    #[test]
    fn it_is_bounded_by_bytes_and_gives_its_memory_back() {
        let mut ring = Ring::default();
        let frame = vec![7; 1_020];
        let mut taken = 0;
        while ring.push(&frame) {
            taken += 1;
        }
        assert_eq!(taken, RING_BYTES / 1_024);
        assert!(!ring.push(&frame) && ring.frames() == taken as u64);
        for _ in 0..taken {
            ring.pop();
        }
        assert!(ring.frames() == 0 && ring.bytes.capacity() <= KEPT_BYTES);
    }
}
