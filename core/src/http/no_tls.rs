//! Without the feature `https`: a client as it is. No address that would need more gets past the configuration.

use std::path::Path;

use reqwest::ClientBuilder;

use crate::error::Result;

#[expect(clippy::unnecessary_wraps, reason = "with TLS it can fail")]
pub(super) fn equipped(client: ClientBuilder, _ca_file: Option<&Path>) -> Result<ClientBuilder> {
    Ok(client)
}

pub(super) fn is_refused_certificate(_error: &reqwest::Error) -> bool {
    false
}
