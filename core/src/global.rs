//! The client of the process, for code that is given none.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::engine::Llmlab;
#[cfg(feature = "macros")]
use crate::scope::{self, Instrumented};
#[cfg(feature = "macros")]
use crate::track::Track;

static GLOBAL: ArcSwapOption<Llmlab> = ArcSwapOption::const_empty();

/// The client of the process; `None` until [`Builder::init`](crate::Builder::init) or [`set_global`] has given one. For
/// functions deep inside, and the attribute `track_cost`; whoever can be given a client needs none. From any thread, without a
/// lock.
///
/// ```
/// # let home = tempfile::tempdir().unwrap();
/// use llmlab::Llmlab;
///
/// Llmlab::builder().home(home.path()).project("shop").init()?;
/// assert_eq!(llmlab::global().unwrap().config().project, "shop");
/// # Ok::<(), llmlab::Error>(())
/// ```
pub fn global() -> Option<Llmlab> {
    GLOBAL.load().as_deref().cloned()
}

/// Makes a client that of the process, and gives the one before. A static is not dropped at the end of a program: see
/// [`Llmlab::exit_guard`].
pub fn set_global(lab: Llmlab) -> Option<Llmlab> {
    GLOBAL.swap(Some(Arc::new(lab))).as_deref().cloned()
}

/// The labels of a place that names no client.
#[cfg(feature = "macros")]
pub fn ambient_track() -> Option<Track> {
    let of_scope = scope::current().and_then(|scope| scope.lab().cloned());
    of_scope.or_else(global).map(|lab| lab.track())
}

/// The body of an async function, in a scope of its own where there is a client. `T` is written out by the macro, so that
/// `?` inside knows what it gives.
#[cfg(feature = "macros")]
pub fn scoped<T, F: Future<Output = T>>(track: Option<&Track>, body: F) -> Instrumented<F> {
    Instrumented::new(track.map(Track::open), body)
}
