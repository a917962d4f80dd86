//! The native half of the Node package: translation between JavaScript's values and the core's, and nothing else.
//!
//! Every entry survives a panic of the core: it is caught, counted and never reaches the host.

#![expect(clippy::needless_pass_by_value, reason = "napi hands over what it has read")]
#![expect(clippy::missing_errors_doc, reason = "the errors are the core's; the package documents them")]

mod call;
mod client;
mod configuration;
mod convert;
mod cost;
mod errors;
mod exchange;
mod exit;
mod global;
mod guard;
mod lab;
mod scope;
mod stats;
mod summary;
mod tasks;
mod usage;

use napi::Env;
use napi::bindgen_prelude::{Either, Object, Uint8Array};
use napi_derive::napi;

use errors::Result;

/// The version of the library.
#[napi]
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Whether `LLMLAB_DISABLED` turns everything into no-ops.
#[napi]
pub fn is_disabled() -> bool {
    llmlab::config::is_disabled(&llmlab::config::environment_variable)
}

/// How many faults of the core were caught at this boundary.
#[napi]
pub fn faults() -> i64 {
    convert::number(guard::faults())
}

/// The words of the inclusive vocabulary, in the order in which arrays of counts have them.
#[napi]
pub fn dimensions() -> Vec<&'static str> {
    llmlab::Dimension::ALL.iter().map(|dimension| dimension.name()).collect()
}

/// What calls do, by their words.
#[napi]
pub fn operations() -> Vec<&'static str> {
    llmlab::event::Operation::ALL.iter().map(|operation| operation.as_str()).collect()
}

/// The members of a response that no reader needs: what was said.
#[napi]
pub fn unread_members() -> Vec<&'static str> {
    llmlab::exchange::UNREAD_MEMBERS.to_vec()
}

/// Whether a request may be a billable call: what a transport asks that would have to keep the body as it passes.
#[napi]
pub fn concerns(method: String, url: String) -> bool {
    guard::guarded(|| llmlab::exchange::concerns(&method, &url)).unwrap_or(false)
}

/// The names, in lower case, of the headers that tell something of a call: no others need cross.
#[napi]
pub fn telling_headers() -> Vec<&'static str> {
    llmlab::exchange::TELLING_HEADERS.to_vec()
}

/// Makes a provider known to the process, by its definition in JSON.
#[napi]
pub fn register_provider(definition: String) -> Result<()> {
    guard::answered(|| llmlab::provider::Definition::from_json(&definition).and_then(llmlab::provider::register))
        .map(drop)
}

/// Runs the `llmlab` command with its arguments, of which the first is the program's name, and gives the exit code.
#[napi]
pub fn cli(arguments: Vec<String>) -> i32 {
    llmlab_cli::run(arguments.into_iter().map(Into::into))
}

/// The usage in a response body, by the inclusive vocabulary; `None` where there is none.
#[napi]
pub fn read_usage(
    provider: Option<String>,
    body: Either<String, Uint8Array>,
    api: Option<String>,
) -> Result<Option<Vec<usage::Count>>> {
    usage::read(provider.as_deref(), &body, api.as_deref())
}

/// What is left to do when the process exits, for every client, within the limits of `exit_flush`. It waits.
#[napi]
pub fn leave() {
    exit::leave();
}

/// Node loads the addon into a thread.
#[napi(module_exports)]
pub fn enter(_: Object<'_>, env: Env) -> napi::Result<()> {
    exit::enter(env);
    Ok(())
}
