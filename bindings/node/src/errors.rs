//! The core's error as JavaScript's, with the same code and text.

use llmlab::{Error, ErrorCode};

/// An error whose status is its `code`.
pub(crate) type JsError = napi::Error<&'static str>;
pub(crate) type Result<T> = napi::Result<T, &'static str>;

/// What JavaScript is thrown for an error of the core.
pub(crate) fn thrown(error: &Error) -> JsError {
    thrown_with(error.code(), error.to_string())
}

/// The same from the parts of an error.
pub(crate) fn thrown_with(code: ErrorCode, message: impl Into<String>) -> JsError {
    JsError::new(code.as_str(), message.into())
}

/// What JavaScript is thrown when the core had a fault of its own, where a call may throw at all.
pub(crate) fn fault() -> JsError {
    JsError::new("internal", "a fault inside llmlab; please report it with what LLMLAB_DEBUG=1 prints".to_owned())
}
