//! A list that a publisher offers: fetched, found to be the publisher's and whole, and weighed against what is in force.

use std::fmt;
use std::path::Path;

use super::in_force;
use super::kept::{Kept, Lists};
use super::signature::PublicKey;
use crate::catalogue::{Catalogue, Difference, List};
use crate::error::{Error, ErrorCode, Result};
use crate::http::Http;
use crate::sink::{Answer, Endpoint, Failure};

const MAX_SIGNATURE_BYTES: usize = 1024;
/// Of the models in force, so many of a hundred must be in a list: a list that was cut off loses most of them.
const LEAST_MODELS_PERCENT: usize = 90;

/// A list that is signed and can be read.
#[derive(Debug)]
pub struct Offer {
    text: String,
    from: String,
    /// Its version.
    pub version: u64,
}

/// A list, and what speaks against it.
#[derive(Debug)]
pub struct Weighed {
    offer: Offer,
    expected: Option<u64>,
    /// What would change.
    pub difference: Difference,
    /// It is in force already, byte for byte.
    pub is_in_force: bool,
    /// Why it should not be taken.
    pub objections: Vec<Objection>,
}

/// Why a list should not be taken unless the user says so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Objection {
    /// It is not newer than what is in force: an old list, played again, would bring old prices back.
    NotNewer {
        /// The version in force.
        current: u64,
        /// That of the list.
        offered: u64,
    },
    /// It has fewer than nine of ten models.
    FewerModels {
        /// Models in force.
        current: usize,
        /// Models of the list.
        offered: usize,
    },
    /// Prices change by more than a hundred times, to nothing, or become unknown.
    Leaps(usize),
}

impl Objection {
    /// `--force` answers it; the others are answered by `--accept-changes`.
    pub const fn is_about_version(&self) -> bool {
        matches!(self, Self::NotNewer { .. })
    }
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNewer { current, offered } => write!(
                f,
                "the list is of version {offered} and {current} is in force: an old list would bring old prices back; \
                 give --force if that is wanted"
            ),
            Self::FewerModels { current, offered } => write!(
                f,
                "the list has {offered} models and {current} are in force: it looks cut off; look at the difference, and \
                 give --accept-changes if it is right"
            ),
            Self::Leaps(count) => write!(
                f,
                "{count} price{} by more than a hundred times, to nothing or to unknown; look at the difference, and \
                 give --accept-changes if it is right",
                if *count == 1 { " changes" } else { "s change" }
            ),
        }
    }
}

impl Offer {
    /// Asks a server for a list and for its signature, which is beside it under the same address with `.sig` at the end.
    /// Blocks, for two minutes at most. Redirects are not followed.
    ///
    /// # Errors
    /// [`ErrorCode::Unreachable`] where no list came; [`ErrorCode::InvalidPrices`] where its signature is not that of the
    /// key, or something in it cannot be used.
    pub fn fetch(endpoint: &Endpoint, key: &PublicKey) -> Result<Self> {
        let http = Http::for_downloads(endpoint)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|cause| Error::new(ErrorCode::Unreachable, "no request can be made").caused_by(cause))?;
        let get = |url: &str, max_bytes| body(url, runtime.block_on(http.get(url, max_bytes)));
        let list = get(&endpoint.url, List::MAX_BYTES)?;
        let signature = get(&format!("{}.sig", endpoint.url), MAX_SIGNATURE_BYTES)?;
        key.verify(&list, &signature)?;
        Self::of(list, &endpoint.url)
    }

    /// Reads a list that is known to be the publisher's.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidPrices`].
    pub(super) fn of(list: Vec<u8>, from: &str) -> Result<Self> {
        let text = String::from_utf8(list)
            .map_err(|cause| Error::new(ErrorCode::InvalidPrices, "the price list is no text").caused_by(cause))?;
        let version = List::read(&text)?.version();
        Ok(Self { text, from: from.to_owned(), version })
    }

    /// Compares the list with what is in force in a home.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidPrices`].
    pub fn weigh(self, home: &Path) -> Result<Weighed> {
        self.weigh_against(&Lists::of(home), in_force(home).0)
    }

    pub(super) fn weigh_against(self, lists: &Lists, current: Option<List>) -> Result<Weighed> {
        let told = lists.told().unwrap_or_default().0;
        let (old, new) = (Catalogue::of(current, "")?, Catalogue::of(Some(List::read(&self.text)?), "")?);
        let difference = old.difference(&new);
        let mut objections = Vec::new();
        if new.version() <= old.version() {
            objections.push(Objection::NotNewer { current: old.version(), offered: new.version() });
        }
        let (current, offered) = (difference.old_models, difference.new_models);
        if offered * 100 < current * LEAST_MODELS_PERCENT {
            objections.push(Objection::FewerModels { current, offered });
        }
        let leaps = difference.changed.iter().filter(|changed| changed.is_leap).count();
        if leaps > 0 {
            objections.push(Objection::Leaps(leaps));
        }
        let same = Kept::new(&self.text, self.version, "", 0, false).sha256;
        let is_in_force = old.version() == new.version() && told.as_ref().is_some_and(|kept| kept.sha256 == same);
        let expected = told.map(|kept| kept.version);
        Ok(Weighed { offer: self, expected, difference, is_in_force, objections })
    }
}

impl Weighed {
    /// Takes the list: every client that is made from now on uses it. What was in force stays on disk as the one before.
    /// Objections are the caller's to heed.
    ///
    /// # Errors
    /// [`ErrorCode::Storage`]; then what was in force is so still.
    pub fn take(&self, home: &Path, now_unix_ns: i64) -> Result<()> {
        self.take_into(&Lists::of(home), now_unix_ns)
    }

    pub(super) fn take_into(&self, lists: &Lists, now_unix_ns: i64) -> Result<()> {
        let Offer { text, from, version } = &self.offer;
        let pinned = self.objections.iter().any(Objection::is_about_version);
        lists.take(text, Kept::new(text, *version, from, now_unix_ns, pinned), self.expected)
    }
}

fn body(url: &str, answer: std::result::Result<Answer, Failure>) -> Result<Vec<u8>> {
    let unreachable = |why: &str| Err(Error::new(ErrorCode::Unreachable, format!("{url} cannot be fetched: {why}")));
    match answer {
        Ok(Answer { status: 200, body, .. }) => Ok(body),
        Ok(Answer { status: status @ 300..400, .. }) => {
            unreachable(&format!("it answers {status}, and redirects are not followed; give the address itself"))
        }
        Ok(Answer { status, .. }) => unreachable(&format!("it answers {status}")),
        Err(Failure::Transient(why) | Failure::Refused(why)) => unreachable(&why),
    }
}
