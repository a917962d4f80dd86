//! What an error of a client tells of the request that it ended.

use std::any::Any;
use std::error::Error;
use std::io;

/// How far a request had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing was sent, or the answer was none of a provider: no call.
    Unsent,
    /// It may have been answered, and billed. With the word for it.
    Lost(&'static str),
}

type Boxed = Box<dyn Error + Send + Sync>;

impl Fault {
    /// Of whatever type a client has for its errors; a box is no error itself, so no trait says what is in it.
    pub(super) fn of(error: &dyn Any) -> Self {
        let error: Option<&(dyn Error + 'static)> = if let Some(boxed) = error.downcast_ref::<Boxed>() {
            Some(&**boxed)
        } else if let Some(error) = error.downcast_ref::<reqwest::Error>() {
            Some(error)
        } else if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
            Some(error)
        } else {
            error.downcast_ref::<io::Error>().map(|error| error as _)
        };
        error.map_or(Self::Lost(CONNECTION), Self::of_error)
    }

    /// The nearest of its sources that tells something.
    pub(super) fn of_error(error: &(dyn Error + 'static)) -> Self {
        let mut sources = std::iter::successors(Some(error), |&error| error.source());
        sources.find_map(told).unwrap_or(Self::Lost(CONNECTION))
    }

    /// The word for what went wrong.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Unsent => CONNECTION,
            Self::Lost(word) => word,
        }
    }
}

const CONNECTION: &str = "connection_error";
const TIMEOUT: &str = "timeout";

fn told(error: &(dyn Error + 'static)) -> Option<Fault> {
    if let Some(error) = error.downcast_ref::<reqwest::Error>() {
        if error.is_connect() || error.is_builder() || error.is_redirect() {
            return Some(Fault::Unsent);
        }
        return error.is_timeout().then_some(Fault::Lost(TIMEOUT));
    }
    if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
        return error.is_connect().then_some(Fault::Unsent);
    }
    let error = error.downcast_ref::<io::Error>()?;
    if error.kind() == io::ErrorKind::TimedOut {
        return Some(Fault::Lost(TIMEOUT));
    }
    // What it wraps is none of its sources.
    error.get_ref().and_then(|inner| told(inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_was_lost() {
        let boxed: Boxed = "a word".into();
        for error in [&7_u32 as &dyn Any, &boxed, &io::Error::from(io::ErrorKind::ConnectionReset)] {
            assert_eq!(Fault::of(error), Fault::Lost("connection_error"));
        }
    }

    #[test]
    fn a_timeout_is_found_below_what_wraps_it() {
        let timeout = io::Error::from(io::ErrorKind::TimedOut);
        let boxed: Boxed = io::Error::other(timeout).into();
        assert_eq!(Fault::of(&boxed), Fault::Lost("timeout"));
    }
}
