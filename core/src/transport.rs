//! Taps, one file for each kind of HTTP client. A tap observes a client; it understands no provider.
//!
//! | client | feature | tap |
//! |---|---|---|
//! | `reqwest` behind `reqwest-middleware` | `reqwest-middleware` | [`reqwest::Tap`] |
//! | any `tower` service of HTTP requests, such as hyper-util's client | `tower` | [`tower::TapLayer`] |
//! | any other | | [`Llmlab::exchange`](crate::Llmlab::exchange), by hand |
//!
//! What both do:
//!
//! - The application receives what it would have received: status, headers, version and extensions are untouched, the body
//!   passes as it comes, frame by frame, and errors pass as they are.
//! - Every request that passes is an exchange of its own, so a tap goes *below* what retries: last of the middlewares,
//!   innermost of the layers. A redirect is no answer of a provider, and a request that never left is no call. Of two taps
//!   of a kind, one above the other, the upper one counts.
//! - A call belongs to the scope that is open where the request is made, and to that scope's client; else to the client
//!   that the tap was made with.
//! - A body that is dropped before its end is an aborted call, a request that is dropped before there is an answer a
//!   cancelled one. A stream that never told its usage is recorded without a cost, as unpriced.
//! - A stream that tells its usage only if it is asked, is asked, where the provider is known to accept it and the request
//!   is in memory and not signed: see [`StreamUsage`](crate::config::StreamUsage). What that adds to the answer stays
//!   behind. A layer below the tap that records or plays back requests would see the question: switch it off there.
//! - Requests that are no calls pass as they are, after a look at their method and URL.

mod asking;
mod body;
mod fault;
#[cfg(feature = "tower")]
mod in_memory;
mod observed;
#[cfg(feature = "reqwest-middleware")]
pub mod reqwest;
#[cfg(feature = "tower")]
pub mod tower;

pub use body::ObservedBody;
