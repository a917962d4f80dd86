//! The taps on HTTP clients, in front of a real server.
//!
//! The server is found under the names of the providers, so that host, path and query of a request are the real ones. TLS
//! is missing, and the port is the server's.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod answers;
mod asked;
mod broken;
mod client;
mod provider;
mod record;
mod retries;
mod sdk;
mod tasks;
