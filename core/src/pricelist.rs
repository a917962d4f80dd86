//! The price list of a home: a published catalogue in the place of the built-in one, taken over when the user asks for it
//! and never by itself.
//!
//! What is signed are the bytes of the file as they are. The signature is checked when a list is taken; what is on disk
//! afterwards is known by a checksum, which is what a program that starts has time for. Whoever can write to the home can
//! set prices anyway (`config.json`), so nothing is lost by that.

use std::path::Path;

use crate::catalogue::{Catalogue, List};

mod kept;
mod offer;
mod signature;
#[cfg(test)]
mod tests;

pub use kept::{Kept, Lists};
pub use offer::{Objection, Offer, Weighed};
pub use signature::{PublicKey, SigningKey};

/// The list of a home, where one is in force, and what the user should know where one cannot be used. An older one than
/// the built-in prices is not in force, unless the user went back to it.
pub(crate) fn in_force(home: &Path) -> (Option<List>, Option<String>) {
    match Lists::of(home).current() {
        Ok(Some((kept, list))) if kept.pinned || list.version() > Catalogue::embedded().version() => (Some(list), None),
        Ok(_) => (None, None),
        Err(why) => {
            (None, Some(format!("{why}; the built-in prices are used until `llmlab prices update` or `--rollback`")))
        }
    }
}

/// The catalogue of a home under the user's own prices, JSON lines.
///
/// # Errors
/// [`crate::ErrorCode::InvalidPrices`] where one of the lines cannot be used.
pub fn catalogue(home: &Path, own: &str) -> crate::Result<Catalogue> {
    Catalogue::of(in_force(home).0, own)
}
