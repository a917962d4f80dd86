//! What the events of a segment share, written once at its beginning.

use std::sync::Arc;

use super::field::{Fields, Malformed, put_bytes, put_number, put_text};
use crate::event::Origin;

/// The version of the format of a segment. A reader leaves a newer one alone.
const VERSION: u64 = 1;

/// Tags are stored: append, never renumber.
mod tag {
    pub(super) const VERSION: u8 = 1;
    pub(super) const WRITER: u8 = 2;
    pub(super) const PROJECT: u8 = 3;
    pub(super) const RUN_ID: u8 = 4;
    pub(super) const ENVIRONMENT: u8 = 5;
    pub(super) const SERVICE: u8 = 6;
    pub(super) const DESTINATION: u8 = 7;
}

/// What the events of a segment share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) writer: [u8; 16],
    pub(crate) origin: Arc<Origin>,
    /// Where the segment goes, so that whoever finds it after its writer's death knows. Empty in a segment of version 0.1,
    /// which knew no other destination than the ledger.
    pub(crate) destinations: Arc<[String]>,
}

/// Why a header cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderError {
    /// A newer llmlab wrote the segment, in this version of the format.
    Newer(u64),
    Malformed,
}

impl From<Malformed> for HeaderError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

pub(super) fn encode(header: &Header, out: &mut Vec<u8>) {
    put_number(out, tag::VERSION, VERSION);
    put_bytes(out, tag::WRITER, &header.writer);
    put_bytes(out, tag::PROJECT, header.origin.project.as_bytes());
    put_text(out, tag::RUN_ID, header.origin.run_id.as_deref());
    put_text(out, tag::ENVIRONMENT, header.origin.environment.as_deref());
    put_text(out, tag::SERVICE, header.origin.service.as_deref());
    for destination in &*header.destinations {
        put_bytes(out, tag::DESTINATION, destination.as_bytes());
    }
}

pub(super) fn decode(payload: &[u8]) -> Result<Header, HeaderError> {
    let (mut writer, mut origin, mut destinations) = (None, Origin::default(), Vec::new());
    for field in Fields(payload) {
        let (tag, value) = field?;
        match u8::try_from(tag).unwrap_or(0) {
            tag::VERSION if value.number()? > VERSION => return Err(HeaderError::Newer(value.number()?)),
            tag::WRITER => writer = Some(value.array()?),
            tag::PROJECT => value.text()?.clone_into(&mut origin.project),
            tag::RUN_ID => origin.run_id = Some(value.text()?.to_owned()),
            tag::ENVIRONMENT => origin.environment = Some(value.text()?.to_owned()),
            tag::SERVICE => origin.service = Some(value.text()?.to_owned()),
            tag::DESTINATION => destinations.push(value.text()?.to_owned()),
            _ => {}
        }
    }
    Ok(Header {
        writer: writer.ok_or(HeaderError::Malformed)?,
        origin: Arc::new(origin),
        destinations: destinations.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::testing::header;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_a_header_or_an_error_and_never_a_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn a_header_round_trips_and_a_newer_one_is_told_apart() {
        let mut payload = Vec::new();
        encode(&header(), &mut payload);
        assert_eq!(decode(&payload), Ok(header()));
        put_number(&mut payload, tag::VERSION, VERSION + 1);
        assert_eq!(decode(&payload), Err(HeaderError::Newer(VERSION + 1)));
    }
}
