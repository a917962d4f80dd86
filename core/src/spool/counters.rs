//! What writers gave up, by the number of the reason. A writer's numbers only grow, so of two frames the greater is right,
//! and a torn one does no harm while the one before it is there.

use super::disk::DiskFile;
use super::frame::{self, Frames, KIND_COUNTERS, PREFIX};
use std::io;

/// Reasons are a closed list of a few; this is room for more.
const REASONS: usize = 16;
/// The frame has always the same length, so that two of them can take turns in the same places.
pub(super) const FRAME: u64 = (PREFIX + REASONS * 8) as u64;
/// More than a writer's file ever holds.
const MAX_BYTES: u64 = 128 * 1024;

/// How many events were given up, for each reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Dropped([u64; REASONS]);

impl Dropped {
    pub(super) fn raise(&mut self, reason: u8, count: u64) {
        if let Some(known) = self.0.get_mut(usize::from(reason)) {
            *known = count.max(*known);
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(count);
        }
    }

    pub(super) fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// The reasons that occurred.
    pub(super) fn counts(&self) -> Vec<(u8, u64)> {
        (0..).zip(self.0).filter(|(_, count)| *count > 0).collect()
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        // As short as it is, it fits.
        frame::write(&mut out, KIND_COUNTERS, |out| out.extend(self.0.iter().flat_map(|count| count.to_le_bytes())));
        out
    }

    /// Reads a writer's file.
    pub(super) fn read(file: &dyn DiskFile) -> io::Result<Self> {
        let bytes = file.read(MAX_BYTES)?;
        let mut dropped = Self::default();
        for frame in Frames::new(&bytes).filter(|frame| frame.kind == KIND_COUNTERS) {
            for (reason, count) in (0..).zip(frame.payload.as_chunks().0) {
                dropped.raise(reason, u64::from_le_bytes(*count));
            }
        }
        Ok(dropped)
    }
}
