//! What calls cost in this client, as its user may change it.

use std::sync::Arc;

use crate::catalogue::{Catalogue, Tariff};
use crate::config::Config;
use crate::engine::Llmlab;
use crate::error::{Error, ErrorCode, Result};
use crate::price::{Cost, Query};
use crate::pricelist;
use crate::provider;
use crate::usage::Usage;

impl Llmlab {
    /// The prices as they are now.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.core.catalogue.load_full()
    }

    /// Sets what a model costs in this client, such as a negotiated price, from now on: [`Llmlab::cost`] and every later
    /// event see it, events that are recorded keep their cost. It replaces the price that the model had, unless it
    /// [starts](Tariff::starting) at an instant. The provider may be one that the library does not know. Safe from any thread.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use llmlab::{Config, Dimension, Llmlab, Options, Usage, clock::SystemClock, price::Query};
    /// use llmlab::catalogue::Tariff;
    /// # let lab = Llmlab::plain(Config::fallback(&|_| None), Arc::new(SystemClock));
    /// lab.set_price("openai", "gpt-4o-mini", &Tariff::of([(Dimension::Input, "0.1"), (Dimension::Output, "0.5")])?)?;
    /// let usage = Usage::new().with(Dimension::Input, 1_000_000);
    /// let cost = lab.cost(&Query::new("openai", "gpt-4o-mini", &usage, lab.now().unix_ns))?;
    /// assert_eq!(cost.total.unwrap().to_string(), "0.1");
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorCode::InvalidPrices`] where the provider or the model has no name.
    pub fn set_price(&self, provider: &str, model: &str, price: &Tariff) -> Result<()> {
        self.change_catalogue(|catalogue| catalogue.with_price(provider, model, price))
    }

    /// Tells which model is behind a name of the user's: a deployment, the ARN of a provisioned model or of an application's
    /// inference profile, an alias of a gateway. Calls of that name have the price of `model` in this client from now on, and
    /// nothing else of them changes. `model` is one of the same provider, or `PROVIDER/MODEL`. Safe from any thread.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use llmlab::{Config, Llmlab, clock::SystemClock};
    /// # let lab = Llmlab::plain(Config::fallback(&|_| None), Arc::new(SystemClock));
    /// lab.set_model("azure", "my-deployment", "gpt-4o-mini")?;
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorCode::InvalidPrices`] where that model has no price, naming those most like it.
    pub fn set_model(&self, provider: &str, name: &str, model: &str) -> Result<()> {
        self.change_catalogue(|catalogue| catalogue.with_name(provider, name, model))
    }

    fn change_catalogue(&self, change: impl Fn(&Catalogue) -> Result<Catalogue>) -> Result<()> {
        loop {
            let before = self.core.catalogue.load();
            let after = Arc::new(change(&before)?);
            // Another thread may have been quicker: its change must not get lost.
            if Arc::ptr_eq(&self.core.catalogue.compare_and_swap(&*before, after), &before) {
                return Ok(());
            }
        }
    }

    /// The models of a provider that have a price, sorted. The provider is taken in any spelling.
    ///
    /// ```
    /// # let home = tempfile::tempdir().unwrap();
    /// # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
    /// assert!(lab.models("openai")?.contains(&"gpt-4o-mini".to_owned()));
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorCode::UnknownProvider`], naming those that are known.
    pub fn models(&self, provider: &str) -> Result<Vec<String>> {
        self.catalogue().models(provider).ok_or_else(|| {
            let known: Vec<&str> = provider::all().into_iter().map(|provider| provider.id).collect();
            let message = format!("unknown provider {provider:?}; known are {}", known.join(", "));
            Error::new(ErrorCode::UnknownProvider, message)
        })
    }

    /// What a standard call would cost now, line by line.
    ///
    /// ```
    /// # let home = tempfile::tempdir().unwrap();
    /// # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
    /// use llmlab::{Dimension, Usage};
    ///
    /// let usage = Usage::new().with(Dimension::Input, 1_000).with(Dimension::Output, 500);
    /// let cost = lab.cost_of("openai", "gpt-4o-mini", &usage)?;
    /// assert_eq!(cost.total.unwrap().to_string(), "0.00045");
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Llmlab::cost`].
    pub fn cost_of(&self, provider: &str, model: &str, usage: &Usage) -> Result<Cost> {
        self.cost(&Query::new(provider, model, usage, self.now().unix_ns))
    }

    /// What a call would cost, line by line, with all that decides a price.
    ///
    /// ```
    /// # let home = tempfile::tempdir().unwrap();
    /// # let lab = llmlab::Llmlab::builder().home(home.path()).build()?;
    /// use llmlab::price::Query;
    /// use llmlab::{Dimension, Usage};
    ///
    /// let usage = Usage::new().with(Dimension::Input, 1_000_000).with(Dimension::CacheRead, 400_000);
    /// let query = Query { service_tier: Some("batch"), ..Query::new("openai", "gpt-4o-mini", &usage, lab.now().unix_ns) };
    /// let cost = lab.cost(&query)?;
    /// assert_eq!(cost.lines.len(), 2);
    /// assert!(cost.total < lab.cost_of("openai", "gpt-4o-mini", &usage)?.total);
    /// # Ok::<(), llmlab::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorCode::InvalidUsage`]. An unknown model is no error but an unpriced cost.
    pub fn cost(&self, query: &Query<'_>) -> Result<Cost> {
        self.core.catalogue.load().cost(query)
    }
}

/// The user's own prices before the list of the home, and that one before what is compiled in.
pub(super) fn listed(config: &mut Config, own: &str) -> Result<Arc<Catalogue>> {
    let (list, warning) = if config.disabled { (None, None) } else { pricelist::in_force(&config.home) };
    config.warnings.extend(warning);
    match (list, own) {
        (None, "") => Ok(Catalogue::embedded()),
        (list, own) => Catalogue::of(list, own).map(Arc::new),
    }
}
