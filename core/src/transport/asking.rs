//! Whether a request may be changed so that a stream tells its usage.

use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};

/// Parts of the names of headers that depend on the body (RFC 9421, RFC 9530, AWS, webhooks).
const SIGNS: [&str; 5] = ["signature", "digest", "content-md5", "sha256", "hmac"];
/// How such an `authorization` begins.
const SIGNED: [&[u8]; 3] = [b"aws4-", b"hmac", b"signature"];

/// Whether the headers of a request may tell something of its body beside its length.
pub(super) fn is_signed(headers: &HeaderMap) -> bool {
    let begins_as_signed = |value: &HeaderValue| {
        SIGNED
            .iter()
            .any(|sign| value.as_bytes().get(..sign.len()).is_some_and(|start| start.eq_ignore_ascii_case(sign)))
    };
    // The names are in lower case.
    headers.keys().any(|name| SIGNS.iter().any(|sign| name.as_str().contains(sign)))
        || headers.get_all(AUTHORIZATION).iter().any(begins_as_signed)
}

/// Where the length of the body is told at all, it has to be the new one's.
pub(super) fn fit_length(headers: &mut HeaderMap, bytes: usize) {
    if let Some(length) = headers.get_mut(CONTENT_LENGTH) {
        *length = HeaderValue::from(bytes);
    }
}

/// A stream that says how long it is, says it of what the question added as well.
pub(super) fn forget_length(headers: &mut HeaderMap) {
    if headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream")) {
        headers.remove(CONTENT_LENGTH);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_static(value))])
    }

    #[test]
    fn whatever_may_depend_on_the_body_counts_as_signed() {
        for (name, value) in [
            ("x-amz-content-sha256", "e3b0"),
            ("content-digest", "sha-256=:x:"),
            ("signature-input", "sig1=()"),
            ("authorization", "AWS4-HMAC-SHA256 Credential=x"),
            ("authorization", "Hmac x"),
        ] {
            assert!(is_signed(&headers(name, value)), "{name}: {value}");
        }
        for (name, value) in [("authorization", "Bearer aws4-x"), ("x-request-id", "hmac"), ("authorization", "")] {
            assert!(!is_signed(&headers(name, value)), "{name}: {value}");
        }
    }

    #[test]
    fn a_length_is_corrected_and_none_is_added() {
        let mut told = headers("content-length", "9");
        fit_length(&mut told, 77);
        assert_eq!(told[CONTENT_LENGTH], "77");
        let mut untold = HeaderMap::new();
        fit_length(&mut untold, 77);
        assert!(untold.is_empty());
    }
}
