//! Reading the usage of a response without recording it.

use napi::bindgen_prelude::{Either, Uint8Array};
use napi_derive::napi;

use llmlab::Usage;
use llmlab::exchange;

use crate::convert::number;
use crate::errors::{Result, fault};
use crate::guard::guarded;

/// A dimension and its count.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Count {
    pub dimension: &'static str,
    pub count: i64,
}

pub(crate) fn counts(usage: &Usage) -> Vec<Count> {
    usage.iter().map(|(dimension, count)| Count { dimension: dimension.name(), count: number(count) }).collect()
}

pub(crate) fn bytes(body: &Either<String, Uint8Array>) -> &[u8] {
    match body {
        Either::A(text) => text.as_bytes(),
        Either::B(bytes) => bytes,
    }
}

pub(crate) fn read(
    provider: Option<&str>,
    body: &Either<String, Uint8Array>,
    api: Option<&str>,
) -> Result<Option<Vec<Count>>> {
    let call = guarded(|| exchange::read_response(provider, api, bytes(body))).ok_or_else(fault)?;
    Ok(call.filter(|call| !call.usage.is_empty()).map(|call| counts(&call.usage)))
}
