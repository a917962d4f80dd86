//! A future in a scope.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::scope::Scope;

pin_project_lite::pin_project! {
    /// A future that is in a scope whenever it is polled: what [`Scope::instrument`] and [`inherit`](crate::scope::inherit)
    /// give. It depends on no executor.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are polled"]
    pub struct Instrumented<F> {
        #[pin]
        future: F,
        scope: Option<Arc<Scope>>,
    }
}

impl<F: Future> Instrumented<F> {
    pub(crate) const fn new(scope: Option<Arc<Scope>>, future: F) -> Self {
        Self { future, scope }
    }

    /// The scope; `None` where there was none to inherit.
    pub const fn scope(&self) -> Option<&Arc<Scope>> {
        self.scope.as_ref()
    }
}

impl<F: Future> Future for Instrumented<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.scope.as_ref().map(Scope::enter);
        this.future.poll(context)
    }
}
