//! Which scope this thread is in.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use crate::scope::{Instrumented, Scope};

thread_local! {
    /// Those that were entered and not left, the innermost last. A list, because guards may be dropped in any order.
    static ENTERED: RefCell<Vec<Arc<Scope>>> = const { RefCell::new(Vec::new()) };
}

/// The scope that this thread is in, the innermost of those it has entered; `None` outside of all, and while the thread is
/// torn down.
///
/// ```
/// # let home = tempfile::tempdir().unwrap();
/// # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
/// use llmlab::scope;
///
/// assert!(scope::current().is_none());
/// let search = lab.track().feature("search").enter();
/// assert_eq!(scope::current().unwrap().attribution().feature.as_deref(), Some("search"));
/// drop(search);
/// assert!(scope::current().is_none());
/// # Ok::<(), llmlab::Error>(())
/// ```
pub fn current() -> Option<Arc<Scope>> {
    ENTERED.try_with(|entered| entered.borrow().last().cloned()).ok().flatten()
}

/// A future that has the scope in which this is called, wherever it is polled: what is spawned starts outside of every
/// scope otherwise. Without a scope it is the same future.
///
/// ```
/// # let home = tempfile::tempdir().unwrap();
/// # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
/// # let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
/// use llmlab::scope;
///
/// async fn feature() -> Option<String> {
///     scope::current()?.attribution().feature.clone()
/// }
///
/// let search = lab.track().feature("search").enter();
/// let (with, without) = (runtime.spawn(scope::inherit(feature())), runtime.spawn(feature()));
/// drop(search);
/// assert_eq!(runtime.block_on(with).unwrap().as_deref(), Some("search"));
/// assert_eq!(runtime.block_on(without).unwrap(), None);
/// # Ok::<(), llmlab::Error>(())
/// ```
pub fn inherit<F: Future>(future: F) -> Instrumented<F> {
    Instrumented::new(current(), future)
}

impl Scope {
    /// Enters the scope on this thread, until the guard is dropped.
    ///
    /// The guard must not be held over an `.await`: the thread would stay in the scope while it runs other tasks. The
    /// compiler refuses it in a future that is spawned, because the guard is not `Send`; use [`Scope::instrument`].
    ///
    /// ```
    /// # let home = tempfile::tempdir().unwrap();
    /// # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
    /// let search = lab.track().feature("search").open();
    /// {
    ///     let _entered = search.enter();
    ///     lab.track_call("openai", "gpt-4o-mini").input_tokens(1_000).record();
    /// }
    /// lab.track_call("openai", "gpt-4o-mini").input_tokens(1_000).record();
    /// assert_eq!(search.calls(), 1);
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    #[must_use = "the scope is left when the guard is dropped"]
    pub fn enter(self: &Arc<Self>) -> Entered {
        let _ = ENTERED.try_with(|entered| entered.borrow_mut().push(Arc::clone(self)));
        Entered { scope: Arc::clone(self), stays_here: PhantomData }
    }

    /// Runs `work` inside the scope; it is left even by a panic. Also the way into another thread:
    ///
    /// ```
    /// # let home = tempfile::tempdir().unwrap();
    /// # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
    /// let search = lab.track().feature("search").open();
    /// std::thread::scope(|threads| {
    ///     threads.spawn(|| search.in_scope(|| lab.track_call("openai", "gpt-4o-mini").input_tokens(1_000).record()));
    /// });
    /// assert_eq!(search.calls(), 1);
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    pub fn in_scope<T>(self: &Arc<Self>, work: impl FnOnce() -> T) -> T {
        let _entered = self.enter();
        work()
    }

    /// A future that enters the scope whenever it is polled, on whatever thread and by whatever executor.
    ///
    /// ```
    /// # let home = tempfile::tempdir().unwrap();
    /// # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
    /// # let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    /// let search = lab.track().feature("search").open();
    /// let of_task = lab.clone();
    /// let task = search.instrument(async move { of_task.track_call("openai", "gpt-4o-mini").input_tokens(1).record() });
    /// runtime.block_on(runtime.spawn(task)).unwrap();
    /// assert_eq!(search.calls(), 1);
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    pub fn instrument<F: Future>(self: &Arc<Self>, future: F) -> Instrumented<F> {
        Instrumented::new(Some(Arc::clone(self)), future)
    }
}

/// A scope that this thread has entered; dropped, it is left. Reads as the scope itself.
///
/// ```compile_fail,E0277
/// fn is_sent<T: Send>() {}
/// is_sent::<llmlab::scope::Entered>();
/// ```
#[must_use = "the scope is left when the guard is dropped"]
pub struct Entered {
    scope: Arc<Scope>,
    /// It must be dropped by the thread that entered.
    stays_here: PhantomData<*mut ()>,
}

impl Deref for Entered {
    type Target = Arc<Scope>;

    fn deref(&self) -> &Arc<Scope> {
        &self.scope
    }
}

impl fmt::Debug for Entered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Entered").field(&self.scope).finish()
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // The list is let go first: what is dropped with a scope may be a client, which does much at its end.
        let _left = ENTERED.try_with(|entered| {
            let mut entered = entered.borrow_mut();
            let place = entered.iter().rposition(|scope| Arc::ptr_eq(scope, &self.scope))?;
            Some(entered.remove(place))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::Labels;

    fn scope() -> Arc<Scope> {
        Scope::open(None, &Arc::default(), &Labels::default())
    }

    fn is_current(scope: &Arc<Scope>) -> bool {
        current().is_some_and(|current| Arc::ptr_eq(&current, scope))
    }

    #[test]
    fn the_innermost_scope_is_current_until_it_is_left() {
        let (outer, inner) = (scope(), scope());
        outer.in_scope(|| {
            inner.in_scope(|| assert!(is_current(&inner)));
            assert!(is_current(&outer));
        });
        assert!(current().is_none());
    }

    // Sabotage: a guard that restores what was current when it was made.
    #[test]
    fn guards_may_be_dropped_in_any_order() {
        let (first, second) = (scope(), scope());
        let (one, two, again) = (first.enter(), second.enter(), first.enter());
        drop(one);
        drop(two);
        assert!(is_current(&first));
        drop(again);
        assert!(current().is_none());
    }

    #[test]
    fn a_panic_leaves_the_scope() {
        let scope = scope();
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| scope.in_scope(|| panic!("inside"))));
        assert!(panic.is_err());
        assert!(current().is_none());
        assert_eq!(Arc::strong_count(&scope), 1);
    }

    #[test]
    fn another_thread_is_in_no_scope() {
        let scope = scope();
        let _entered = scope.enter();
        std::thread::scope(|threads| {
            threads.spawn(|| assert!(current().is_none()));
        });
    }
}
