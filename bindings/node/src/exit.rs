//! The end of the process, and of its threads: what has to be done for every client that lives then.
//!
//! JavaScript calls `leave` when the main thread exits. A program may use the library in workers only, and they may be
//! terminated, which no JavaScript hears of; so the last thread that goes does the same.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use napi::Env;

use crate::exchange;
use crate::global;
use crate::guard::guarded;
use crate::lab::Lab;

static LIVING: Mutex<Vec<Weak<Lab>>> = Mutex::new(Vec::new());
/// How many threads have loaded the addon and not ended.
static THREADS: AtomicUsize = AtomicUsize::new(0);
/// The process exits, and the main thread has waited long enough for deliveries.
static IS_LEFT: AtomicBool = AtomicBool::new(false);

/// Ends a client when the process exits, if it lives until then.
pub(crate) fn watched(lab: Lab) -> Arc<Lab> {
    let lab = Arc::new(lab);
    let mut living = LIVING.lock().unwrap_or_else(PoisonError::into_inner);
    living.retain(|lab| lab.strong_count() > 0);
    living.push(Arc::downgrade(&lab));
    lab
}

/// The process exits: the main thread says so.
pub(crate) fn leave() {
    IS_LEFT.store(true, Ordering::SeqCst);
    deliver();
}

/// What is left to do when nobody comes any more: exchanges under way are recorded, and what was recorded is delivered as far
/// as `exit_flush` lets it wait. What is recorded afterwards is still kept on disk.
fn deliver() {
    exchange::abandon_all();
    let living = LIVING.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for lab in living.iter().filter_map(Weak::upgrade) {
        guarded(|| lab.leave());
    }
}

/// A thread has loaded the addon.
pub(crate) fn enter(env: Env) {
    THREADS.fetch_add(1, Ordering::SeqCst);
    // Without the hook the threads never become none, and the events stay in their files.
    let _ = env.add_env_cleanup_hook((), |()| {
        if THREADS.fetch_sub(1, Ordering::SeqCst) == 1 && !IS_LEFT.load(Ordering::SeqCst) {
            // It ends here; a thread that comes later makes another one.
            let _held = global::forget();
            deliver();
        }
    });
}
