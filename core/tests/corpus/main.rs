//! Recorded traffic of real services, through the exchange and through HTTP clients.
//!
//! The recordings are not part of the project: `LLMLAB_CORPUS` names the folder that has them, by default
//! `../shared/corpus` beside the workspace. Where there is none, these tests say so and the vectors in
//! `conformance/usage/` stand for them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(
    clippy::print_stderr,
    reason = "a figure that nobody sees, and a test that is skipped in silence, help nobody"
)]
#![expect(clippy::disallowed_methods, reason = "a test may read the environment")]

mod exchange;
mod expectation;
mod recording;
mod reqwest;
