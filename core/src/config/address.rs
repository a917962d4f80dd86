//! The address of a server, checked before anything is sent there.

use reqwest::Url;

use crate::config::invalid;
use crate::error::Result;
use crate::http::is_this_machine;

/// An absolute address without a slash at its end: `https`, or `http` to this machine, or to any where that is allowed.
pub(super) fn checked(option: &str, text: &str, allow_insecure: bool) -> Result<String> {
    let shown = without_secrets(text);
    let refused = |why: &str| {
        invalid(format!("{option} must be an address such as https://llmlab.example.com, got {shown:?}{why}"))
    };
    let url = Url::parse(text.trim()).map_err(|cause| refused("").caused_by(cause))?;
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else { return Err(refused("")) };
    if !matches!(url.scheme(), "https" | "http") {
        return Err(refused("; http and https are spoken"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("; a user and a password do not belong in it, give them as `headers`"));
    }
    if url.query().is_some() {
        return Err(refused("; a query does not belong in it, give keys as `headers`"));
    }
    if url.fragment().is_some() {
        return Err(refused("; a fragment does not belong in it"));
    }
    if url.scheme() == "http" && !is_this_machine(host) && !allow_insecure {
        return Err(invalid(format!(
            "{option} is {shown:?}, where anybody on the way could read the key and the events; use https, or say \
             \"allow_insecure\": true beside the url"
        )));
    }
    if url.scheme() == "https" && cfg!(not(feature = "https")) {
        return Err(invalid(format!(
            "{option} is {shown:?}, and this program is built without https; turn on the feature `https` of the crate \
             llmlab (cargo add llmlab --features https)"
        )));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// The same for what is only read: `https`, or `http` to this machine, whatever is allowed elsewhere.
pub(super) fn encrypted(option: &str, text: &str) -> Result<String> {
    let url = checked(option, text, true)?;
    let is_near = Url::parse(&url).is_ok_and(|url| url.host_str().is_some_and(is_this_machine));
    if url.starts_with("http://") && !is_near {
        return Err(invalid(format!("{option} must be https, or http to this machine, got {url:?}")));
    }
    Ok(url)
}

/// What may be shown of an address, even of one that is none: no user, no password, no query.
fn without_secrets(text: &str) -> String {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let (scheme, rest) = text[..end].split_once("://").map_or(("", &text[..end]), |(scheme, rest)| (scheme, rest));
    let Some((_, place)) = rest.rsplit_once('@') else { return text[..end].to_owned() };
    format!("{scheme}://***@{place}")
}
