//! Bodies of requests that are in memory as a whole. Every other one is the application's to produce, and nobody else's to
//! read.

use std::any::Any;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::Body;
use http_body_util::Full;

/// The bytes of a body, if it has them all.
pub(super) fn bytes(body: &dyn Any) -> Option<Bytes> {
    if let Some(body) = body.downcast_ref::<Full<Bytes>>() {
        return whole(body.clone());
    }
    if let Some(body) = body.downcast_ref::<reqwest::Body>() {
        return body.as_bytes().map(Bytes::copy_from_slice);
    }
    body.downcast_ref::<String>().map(|text| Bytes::copy_from_slice(text.as_bytes()))
}

/// Puts other bytes in the place of those that [`bytes`] gave.
pub(super) fn replace(body: &mut dyn Any, bytes: Bytes) {
    if let Some(body) = body.downcast_mut::<Full<Bytes>>() {
        *body = Full::new(bytes);
    } else if let Some(body) = body.downcast_mut::<reqwest::Body>() {
        *body = bytes.into();
    } else if let Some(body) = body.downcast_mut::<String>() {
        *body = String::from_utf8_lossy(&bytes).into_owned();
    }
}

/// The one frame of a full body is there at once; that of an empty one never comes.
fn whole(body: Full<Bytes>) -> Option<Bytes> {
    match pin!(body).poll_frame(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Some(Ok(frame))) => frame.into_data().ok(),
        _ => None,
    }
}
