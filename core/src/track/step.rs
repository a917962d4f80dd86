//! The steps of a program: agents, tools, functions.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::engine::Llmlab;
use crate::event::{SpanId, Status, TraceId};
use crate::scope::{self, Entered, Scope};
use crate::track::Track;

/// A step that is to be begun: what [`Llmlab::trace`] gives. Each of [`start`](Trace::start), [`in_scope`](Trace::in_scope),
/// [`try_in_scope`](Trace::try_in_scope), [`instrument`](Trace::instrument) and [`try_instrument`](Trace::try_instrument)
/// begins one.
#[derive(Debug)]
#[must_use = "no step begins until it is started"]
pub struct Trace {
    name: String,
    kind: Cow<'static, str>,
    track: Track,
}

impl Llmlab {
    /// Records what a function, a tool or an agent did: when it began, how long it took, how it ended. What is recorded
    /// inside are its children.
    ///
    /// ```
    /// # let home = tempfile::tempdir().unwrap();
    /// # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
    /// fn search(query: &str) -> Result<u32, std::num::ParseIntError> {
    ///     query.parse()
    /// }
    ///
    /// let found = lab.trace("search").kind("tool").try_in_scope(|| search("no number"));
    /// assert!(found.is_err());
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    pub fn trace(&self, name: impl Into<String>) -> Trace {
        Trace { name: name.into(), kind: Cow::Borrowed("function"), track: self.track() }
    }
}

impl Trace {
    /// `agent`, `tool`, `function`, or a word of your own; `function` if not given.
    pub fn kind(mut self, kind: impl Into<Cow<'static, str>>) -> Self {
        self.kind = kind.into();
        self
    }

    /// Anything else of the step, and of what is inside.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.track = self.track.tag(key, value);
        self
    }

    /// Several tags.
    pub fn tags<K: Into<String>, V: Into<String>>(mut self, tags: impl IntoIterator<Item = (K, V)>) -> Self {
        self.track = self.track.tags(tags);
        self
    }

    /// Joins a trace that somebody else keeps. See [`Track::in_trace`].
    pub fn in_trace(mut self, trace: TraceId, parent: Option<SpanId>) -> Self {
        self.track = self.track.in_trace(trace, parent);
        self
    }

    /// Begins the step, within the [current scope](scope::current). It ends when it is dropped, at the latest.
    pub fn start(&self) -> Step {
        let (lab, labels) = (&self.track.lab, &self.track.labels);
        let parent = scope::current();
        let what = (self.name.clone(), self.kind.clone());
        let scope = Scope::step_of(lab, parent.as_ref(), &self.track.surroundings(parent.as_ref()), labels, what);
        Step { lab: lab.clone(), scope: Arc::new(scope), otherwise: Some(Ending::OK) }
    }

    /// Does `work` as a step, which is an error if it panics.
    pub fn in_scope<T>(&self, work: impl FnOnce() -> T) -> T {
        let step = self.start();
        step.scope.in_scope(work)
    }

    /// Does `work` as a step, which is an error if it gives one: the type of the error is recorded, never its message.
    ///
    /// # Errors
    /// What `work` gives.
    pub fn try_in_scope<T, E>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let step = self.start();
        let result = step.scope.in_scope(work);
        step.end_as(&result);
        result
    }

    /// A future that is a step: it begins now, ends when the future is ready, and is cancelled if the future is dropped
    /// before.
    ///
    /// ```
    /// # let home = tempfile::tempdir().unwrap();
    /// # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// let answer = runtime.block_on(lab.trace("agent").kind("agent").instrument(async {
    ///     let found = lab.trace("search").kind("tool").try_instrument(async { "42".parse::<u32>() }).await;
    ///     found.unwrap_or_default()
    /// }));
    /// assert_eq!((answer, lab.stats().events.recorded), (42, 2));
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    pub fn instrument<F: Future>(&self, future: F) -> Traced<F> {
        Traced { future, step: Some(self.start().cancelled_otherwise()) }
    }

    /// The same, and an error if the future gives one.
    pub fn try_instrument<T, E, F: Future<Output = Result<T, E>>>(&self, future: F) -> TryTraced<F> {
        TryTraced { traced: self.instrument(future) }
    }
}

/// A step that is under way. Dropped, it ends: as it should, or as an error if that is by a panic.
///
/// ```
/// # let home = tempfile::tempdir().unwrap();
/// # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
/// let step = lab.trace("search").start();
/// step.scope().in_scope(|| lab.track_call("openai", "gpt-4o-mini").input_tokens(1_000).record());
/// assert_eq!(step.scope().calls(), 1);
/// step.fail("timeout");
/// # Ok::<(), llmlab::Error>(())
/// ```
#[must_use = "the step ends when it is dropped"]
pub struct Step {
    lab: Llmlab,
    scope: Arc<Scope>,
    /// How it ended, if nobody says anything else; `None` once it is recorded.
    otherwise: Option<Ending>,
}

#[derive(Clone, Copy)]
struct Ending {
    status: Status,
    error_type: Option<&'static str>,
}

impl Ending {
    const OK: Self = Self { status: Status::Ok, error_type: None };
    const CANCELLED: Self = Self { status: Status::Cancelled, error_type: None };
    const PANIC: Self = Self { status: Status::Error, error_type: Some("panic") };
}

impl Step {
    /// The scope inside, to be entered, and to be asked for what was spent.
    pub const fn scope(&self) -> &Arc<Scope> {
        &self.scope
    }

    /// Enters the scope on this thread. See [`Scope::enter`].
    pub fn enter(&self) -> Entered {
        self.scope.enter()
    }

    /// Ends it as an error. `error_type` is the class or the code of the error, never its message: messages echo prompts and
    /// keys.
    pub fn fail(mut self, error_type: impl Into<String>) {
        self.record(Status::Error, Some(error_type.into()));
    }

    /// Ends it as cancelled.
    pub fn cancel(mut self) {
        self.record(Status::Cancelled, None);
    }

    /// Ends it as a result says.
    fn end_as<T, E>(mut self, result: &Result<T, E>) {
        match result {
            Ok(_) => self.record(Status::Ok, None),
            Err(_) => self.record(Status::Error, Some(type_of::<E>().to_owned())),
        }
    }

    const fn cancelled_otherwise(mut self) -> Self {
        self.otherwise = Some(Ending::CANCELLED);
        self
    }

    fn record(&mut self, status: Status, error_type: Option<String>) {
        if self.otherwise.take().is_some() {
            self.lab.record_step(&self.scope, status, error_type);
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        let otherwise = if std::thread::panicking() { Some(Ending::PANIC) } else { self.otherwise };
        if let Some(ending) = otherwise {
            self.record(ending.status, ending.error_type.map(str::to_owned));
        }
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step").field("scope", &self.scope).finish_non_exhaustive()
    }
}

pin_project_lite::pin_project! {
    /// A future that is a step: what [`Trace::instrument`] gives. It depends on no executor.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are polled"]
    pub struct Traced<F> {
        // Dropped before the step, so that what ends with it is inside.
        #[pin]
        future: F,
        step: Option<Step>,
    }
}

impl<F: Future> Traced<F> {
    /// Gives the step back once the future is ready.
    fn poll_step(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<(F::Output, Option<Step>)> {
        let this = self.project();
        let mut step = this.step.take();
        if let Some(step) = &mut step {
            step.otherwise = Some(Ending::PANIC);
        }
        let polled = {
            let _entered = step.as_ref().map(Step::enter);
            this.future.poll(context)
        };
        let step = step.map(Step::cancelled_otherwise);
        match polled {
            Poll::Ready(output) => Poll::Ready((output, step)),
            Poll::Pending => {
                *this.step = step;
                Poll::Pending
            }
        }
    }
}

impl<F: Future> Future for Traced<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let (output, step) = ready!(self.poll_step(context));
        if let Some(mut step) = step {
            step.record(Status::Ok, None);
        }
        Poll::Ready(output)
    }
}

pin_project_lite::pin_project! {
    /// A future that is a step, and an error where it gives one: what [`Trace::try_instrument`] gives.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are polled"]
    pub struct TryTraced<F> {
        #[pin]
        traced: Traced<F>,
    }
}

impl<T, E, F: Future<Output = Result<T, E>>> Future for TryTraced<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let (output, step) = ready!(self.project().traced.poll_step(context));
        if let Some(step) = step {
            step.end_as(&output);
        }
        Poll::Ready(output)
    }
}

/// The name of a type without the modules it lies in, without what it is generic over, and of a box or a reference what is
/// inside.
fn type_of<E: ?Sized>() -> &'static str {
    const AROUND: [&str; 6] = ["", "Box", "Arc", "Rc", "dyn", "mut"];
    let name = std::any::type_name::<E>();
    let mut words = name.split(['<', '>', ' ', '&']).map(|word| word.rsplit("::").next().unwrap_or(word));
    words.find(|word| !AROUND.contains(word)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::type_of;

    #[test]
    fn an_error_is_named_by_its_own_type() {
        type Boxed = Box<dyn std::error::Error + Send + Sync>;
        assert_eq!(type_of::<std::io::Error>(), "Error");
        assert_eq!(type_of::<std::num::ParseIntError>(), "ParseIntError");
        assert_eq!(type_of::<Boxed>(), "Error");
        assert_eq!(type_of::<&std::sync::Arc<std::fmt::Error>>(), "Error");
        assert_eq!(type_of::<Option<u8>>(), "Option");
    }
}
