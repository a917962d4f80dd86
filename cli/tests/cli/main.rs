//! The real command, in a home of its own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not as it should be")]

mod conformance;
mod demo;
mod export;
mod home;
mod init;
mod mistakes;
mod node;
mod price;
mod prices;
mod providers;
mod providers_page;
mod prune;
mod python;
mod reprice;
mod run;
#[cfg(unix)]
mod siblings;
mod spool;
mod status;
#[cfg(unix)]
mod torture;
