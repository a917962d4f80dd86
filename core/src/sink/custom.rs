//! A sink of the application's: a value that implements [`Sink`], or a function.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::error::{Error, ErrorCode, Result};
use crate::lock::Lock;
use crate::sink::{Batch, Guarantee, Receipt, Sink};

/// A sink of the application's on its way to the client that takes it. Equal to every other one of its name, which is its
/// destination.
#[derive(Clone)]
pub struct CustomSink {
    name: String,
    guarantee: Guarantee,
    sink: Arc<Lock<Option<Box<dyn Sink>>>>,
}

impl CustomSink {
    /// A value, under its own name.
    pub fn new(sink: impl Sink + 'static) -> Self {
        let (name, guarantee) = (sink.name().to_owned(), sink.guarantee());
        Self { name, guarantee, sink: Arc::new(Lock::new(Some(Box::new(Careful(sink))))) }
    }

    /// A function that is called with every batch, and takes all of it or none.
    pub fn function<E: fmt::Display>(
        name: &'static str,
        deliver: impl FnMut(&Batch) -> std::result::Result<(), E> + Send + 'static,
    ) -> Self {
        Self::new(Function { name, deliver })
    }

    /// Its name in configuration and statistics.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) const fn guarantee(&self) -> Guarantee {
        self.guarantee
    }

    /// The sink itself, once.
    pub(crate) fn take(&self) -> Option<Box<dyn Sink>> {
        self.sink.try_lock()?.take()
    }
}

impl PartialEq for CustomSink {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for CustomSink {}

impl fmt::Debug for CustomSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomSink").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A panic of the application's sink ends neither the thread nor the deliveries to other sinks.
struct Careful<S>(S);

impl<S: Sink> Sink for Careful<S> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn guarantee(&self) -> Guarantee {
        self.0.guarantee()
    }

    fn deliver(&mut self, batches: &[Batch]) -> Result<Vec<Receipt>> {
        let name = self.0.name();
        catch_unwind(AssertUnwindSafe(|| self.0.deliver(batches)))
            .unwrap_or_else(|_| Err(Error::new(ErrorCode::Storage, format!("the sink {name} panicked"))))
    }
}

struct Function<F> {
    name: &'static str,
    deliver: F,
}

impl<E: fmt::Display, F: FnMut(&Batch) -> std::result::Result<(), E> + Send> Sink for Function<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce
    }

    fn deliver(&mut self, batches: &[Batch]) -> Result<Vec<Receipt>> {
        let mut receipts = Vec::new();
        for batch in batches {
            match (self.deliver)(batch) {
                Ok(()) => receipts.push(Receipt { stored: batch.events.len() as u64, ..Receipt::default() }),
                // Those before it are delivered; it comes again, and those behind it.
                Err(_) if !receipts.is_empty() => break,
                Err(error) => return Err(Error::new(ErrorCode::Storage, error.to_string())),
            }
        }
        Ok(receipts)
    }
}
