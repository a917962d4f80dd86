//! The body of a response as the application reads it: the client's own, seen by an exchange.

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::transport::fault::Fault;
use crate::transport::observed::Observed;

pin_project! {
    /// A body that passes frame by frame, unbuffered, and is shown to an exchange on the way if it answers a call.
    ///
    /// Data, trailers, errors and the size hint are those of the body inside. Only a stream that was asked for its usage
    /// has fewer bytes: each of its events passes when it has ended, without what the question added.
    pub struct ObservedBody<B: Body> {
        #[pin]
        inner: B,
        observed: Option<Box<Observed>>,
        // Trailers, an error or the end, behind what was held back.
        waiting: Option<Option<Result<Frame<Bytes>, B::Error>>>,
    }
}

impl<B: Body> ObservedBody<B> {
    pub(super) fn new(inner: B, mut observed: Option<Box<Observed>>) -> Self {
        // Nobody polls a body that is over already.
        if inner.is_end_stream() {
            complete(&mut observed);
        }
        Self { inner, observed, waiting: None }
    }
}

impl<B: Body> Body for ObservedBody<B>
where
    B::Error: 'static,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        if let Some(waiting) = this.waiting.take() {
            return Poll::Ready(waiting);
        }
        loop {
            let next = ready!(this.inner.as_mut().poll_frame(context));
            // Free of charge where the data are `Bytes`, as those of most clients.
            let next =
                next.map(|frame| frame.map(|frame| frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))));
            let Some(observed) = this.observed.as_mut() else { return Poll::Ready(next) };
            let (rest, last) = match next.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => {
                    let is_empty = data.is_empty();
                    let mut passed = observed.passed(data);
                    // Who knows that it was the last one asks for no more.
                    if this.inner.is_end_stream() {
                        passed = joined(passed, &observed.rest());
                        complete(this.observed);
                    }
                    if passed.is_empty() && !is_empty {
                        continue;
                    }
                    return Poll::Ready(Some(Ok(Frame::data(passed))));
                }
                Some(Ok(Err(trailers))) => {
                    let rest = observed.rest();
                    if this.inner.is_end_stream() {
                        complete(this.observed);
                    }
                    (rest, Some(Ok(trailers)))
                }
                Some(Err(error)) => {
                    let rest = observed.rest();
                    if let Some(observed) = this.observed.take() {
                        observed.broke_off(Fault::of(&error as &dyn Any));
                    }
                    (rest, Some(Err(error)))
                }
                None => {
                    let rest = observed.rest();
                    complete(this.observed);
                    (rest, None)
                }
            };
            if rest.is_empty() {
                return Poll::Ready(last);
            }
            *this.waiting = Some(last);
            return Poll::Ready(Some(Ok(Frame::data(rest))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.observed.is_none() && self.waiting.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.observed {
            Some(observed) if observed.is_asked() => SizeHint::new(),
            _ => self.inner.size_hint(),
        }
    }
}

fn complete(observed: &mut Option<Box<Observed>>) {
    if let Some(observed) = observed.take() {
        observed.complete();
    }
}

fn joined(first: Bytes, second: &Bytes) -> Bytes {
    if second.is_empty() {
        return first;
    }
    let mut both = BytesMut::from(first);
    both.extend_from_slice(second);
    both.freeze()
}

impl<B: Body + fmt::Debug> fmt::Debug for ObservedBody<B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("ObservedBody").field(&self.inner).finish()
    }
}
