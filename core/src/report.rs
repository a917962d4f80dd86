//! Questions asked of a ledger.

mod summary;

pub use crate::ledger::{GroupBy, Key, Totals};
pub use summary::{Group, Summary, SummaryQuery};
