//! What is at the end of the way to a sink.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use super::handoff::Handoff;
use crate::error::Result;
use crate::fork;
use crate::http::Http;
use crate::sink::{self, Answer, Endpoint, Failure, Guarantee, Message, Remote, Sink, SinkSettings};

pub(super) enum Outlet {
    /// Stores on the spot.
    Local(Box<dyn Sink>),
    /// A server: what to say, and how it is reached.
    Remote(Box<dyn Remote>, Route),
    /// A function of the host.
    Host(Arc<Handoff>),
    /// Whose events are left to another process.
    Elsewhere(Guarantee),
}

/// How a server is reached.
pub(super) enum Route {
    /// The client is made with the first batch.
    Unopened(Endpoint),
    Open(Arc<dyn Courier>),
}

pub(super) type Delivery = Pin<Box<dyn Future<Output = std::result::Result<Answer, Failure>> + Send>>;

/// Carries a message to a server and brings the answer.
pub(super) trait Courier: Send + Sync {
    fn send(self: Arc<Self>, message: Message, is_compressed: bool) -> Delivery;
}

impl Courier for Http {
    fn send(self: Arc<Self>, message: Message, is_compressed: bool) -> Delivery {
        Box::pin(async move { Self::send(&self, &message, is_compressed).await })
    }
}

impl Outlet {
    /// No effects: files, connections and the ledger are opened with the first batch.
    pub(super) fn of(settings: &SinkSettings, home: &Path) -> Self {
        // The ledger and what asks it are SQLite's, whose locks a thread of the parent may have held at the fork.
        let needs_ledger = matches!(settings, SinkSettings::Ledger | SinkSettings::Traces(_));
        if needs_ledger && fork::is_child() {
            return Self::Elsewhere(Guarantee::ExactlyOnce);
        }
        // The value is its process's, where a thread may have been using it at the fork; and the first client's that took it.
        if let SinkSettings::Custom(custom) = settings {
            let sink = if fork::is_child() { None } else { custom.take() };
            return sink.map_or(Self::Elsewhere(custom.guarantee()), Self::Local);
        }
        if let Some(sink) = sink::local(settings, home) {
            return Self::Local(sink);
        }
        match (settings, sink::remote(settings, home)) {
            (
                SinkSettings::Llmlab(endpoint)
                | SinkSettings::Traces(endpoint)
                | SinkSettings::Otlp(endpoint)
                | SinkSettings::Track(endpoint, _),
                Some(remote),
            ) => Self::Remote(remote, Route::Unopened(endpoint.clone())),
            (settings, _) => Self::Host(Arc::new(Handoff::new(settings.place().unwrap_or_default()))),
        }
    }

    pub(super) fn guarantee(&self) -> Guarantee {
        match self {
            Self::Local(sink) => sink.guarantee(),
            Self::Remote(remote, _) => remote.guarantee(),
            Self::Host(_) => Guarantee::AtLeastOnce,
            Self::Elsewhere(guarantee) => *guarantee,
        }
    }

    /// On this machine, and quick.
    pub(super) const fn is_local(&self) -> bool {
        !matches!(self, Self::Remote(..))
    }
}

impl Route {
    pub(super) fn courier(&mut self) -> Result<Arc<dyn Courier>> {
        if let Self::Unopened(endpoint) = self {
            *self = Self::Open(Arc::new(Http::new(endpoint)?));
        }
        match self {
            Self::Open(courier) => Ok(Arc::clone(courier)),
            Self::Unopened(endpoint) => Ok(Arc::new(Http::new(endpoint)?)),
        }
    }
}
