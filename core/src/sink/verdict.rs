//! What a status means, the same for every sink behind HTTP.

use super::{Answer, Verdict};

/// The verdict of a status that is no success; `None` for 2xx, whose body decides.
#[expect(dead_code, reason = "the sinks behind HTTP come next")]
pub(crate) fn of_status(_answer: &Answer, _now_unix_ns: i64) -> Option<Verdict> {
    None
}
