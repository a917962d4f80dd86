//! The ingest protocol, version 1: docs/protocol.md, which is its contract. Pure: [`crate::http`] sends.

use crate::error::{Error, ErrorCode, Result};

mod receipt;
mod request;

pub(crate) use receipt::read_receipt;
pub(crate) use request::{Dropped, encode};

/// The version that a request names.
pub const VERSION: u32 = 1;
/// The most events of one request.
pub const MAX_EVENTS: usize = 1_000;
/// The most bytes of a request's body on the wire.
pub const MAX_ENCODED_BYTES: usize = 1 << 20;
/// The most bytes of a request's body once it is unpacked.
pub const MAX_DECODED_BYTES: usize = 8 << 20;

/// Where a project's events go: `{backend}/v1/projects/{project}/events`.
///
/// ```
/// let url = llmlab::protocol::events_url("https://cost.example", "shop/back end")?;
/// assert_eq!(url, "https://cost.example/v1/projects/shop%2Fback%20end/events");
/// # Ok::<(), llmlab::Error>(())
/// ```
///
/// # Errors
/// [`ErrorCode::InvalidConfig`] for the names `.` and `..`, which no address can hold.
pub fn events_url(backend: &str, project: &str) -> Result<String> {
    project_url(backend, project, "events")
}

/// The address of something of a project.
pub(crate) fn project_url(backend: &str, project: &str, what: &str) -> Result<String> {
    if project == "." || project == ".." {
        let message = format!("the project {project:?} cannot be part of an address; give it another name");
        return Err(Error::new(ErrorCode::InvalidConfig, message));
    }
    let mut url = format!("{backend}/v1/projects/");
    for byte in project.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push('%');
            url.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])));
        }
    }
    Ok(format!("{url}/{what}"))
}

#[cfg(test)]
mod tests;
