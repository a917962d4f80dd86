//! Reading bodies: bytes in, slices out. Nothing here knows a provider.
//!
//! The host waits while we read, and bodies come from servers we do not control: nothing here recurses, panics, or keeps
//! more than a bound of what it sees.

pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod eventstream;
pub(crate) mod json;
pub(crate) mod sse;
pub(crate) mod texts;
pub(crate) mod value;
