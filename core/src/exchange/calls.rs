//! What an exchange turned out to be: one call mostly, none, or as many as a batch had.

use std::borrow::Cow;
use std::vec;

use crate::event::{Facts, Status, Subject};
use crate::provider::Provider;
use crate::provider::dialect::Answer;

/// The calls of an exchange.
pub struct Calls {
    one: Option<Facts>,
    results: vec::IntoIter<Answer>,
    provider: Option<&'static Provider>,
    unix_ns: i64,
}

impl Calls {
    pub(super) fn none() -> Self {
        Self::of_results(Vec::new(), None, 0)
    }

    pub(super) fn one(facts: Facts) -> Self {
        Self { one: Some(facts), ..Self::none() }
    }

    /// Those of a batch, whose results were downloaded at `unix_ns`: when each was made, nobody tells.
    pub(super) fn of_results(results: Vec<Answer>, provider: Option<&'static Provider>, unix_ns: i64) -> Self {
        Self { one: None, results: results.into_iter(), provider, unix_ns }
    }
}

impl Iterator for Calls {
    type Item = Facts;

    fn next(&mut self) -> Option<Facts> {
        self.one.take().or_else(|| {
            let Answer { mut call, failed, error_type, .. } = self.results.next()?;
            call.provider = self.provider.map(|provider| Cow::Borrowed(provider.id));
            let status = if failed { Status::Error } else { Status::Ok };
            let (unix_ns, latency_ns) = (self.unix_ns, None);
            Some(Facts { unix_ns, latency_ns, status, error_type, subject: Subject::Call(call) })
        })
    }
}
