//! The client, as JavaScript holds it.

use std::borrow::Cow;
use std::sync::Arc;

use napi::JsString;
use napi::bindgen_prelude::{AsyncTask, ClassInstance, Either, Function, Uint8Array};
use napi_derive::napi;

use llmlab::clock::SystemClock;
use llmlab::config::environment_variable;
use llmlab::engine::Response;
use llmlab::event::Status;
use llmlab::exchange::{self, Request};
use llmlab::ledger::Filter;
use llmlab::price::Query;
use llmlab::report::{GroupBy, SummaryQuery};
use llmlab::{Config, Error, ErrorCode, Llmlab, Options, moment, provider};

use crate::call::Given;
use crate::configuration;
use crate::convert::usage;
use crate::cost;
use crate::cost::Terms;
use crate::errors::{Result, fault, thrown_with};
use crate::exchange::{Exchange, Open};
use crate::exit;
use crate::global;
use crate::global::{Held, Told};
use crate::guard::{answered, guarded};
use crate::lab::{Handed, Lab};
use crate::scope::{Labels, Scope};
use crate::stats::Stats;
use crate::tasks::{Ask, Finish};
use crate::usage::bytes;

/// A client. What records never throws; what answers may.
#[napi]
pub struct Client {
    /// `None` is the global client, whichever that is by then.
    own: Option<Held>,
}

#[napi]
impl Client {
    /// A client of options in JSON, which the environment and the config file complete. `hand` is called with the name of a
    /// function among the sinks, a ticket and events in JSON, after the first record.
    #[napi(constructor)]
    pub fn new(options: String, functions: Vec<String>, hand: Option<Function<'_, Handed, ()>>) -> Result<Self> {
        let core = answered(|| open(&options).and_then(|lab| lab.check().map(|()| lab)))?;
        let build = |hand: Function<'_, Handed, ()>| hand.build_threadsafe_function().weak::<true>().build();
        let hand = hand.map(build).transpose().map_err(|_| fault())?;
        let lab = exit::watched(Lab::with_functions(core, functions, hand));
        Ok(Self { own: Some(Held { lab, problem: None }) })
    }

    /// The global client; at first, one of the environment and the config file, of what can be used of them. Never fails.
    #[napi]
    pub fn global() -> Client {
        Self { own: None }
    }

    /// Makes this client the global one, and gives the one before, and what it cannot be told of what that was told.
    #[napi]
    pub fn become_global(&self) -> Replaced {
        let (before, problems) = global::replace(self.held());
        Replaced { before: before.map(|held| Self { own: Some(held) }), problems }
    }

    /// Why the configuration could not be used; `None` if it could.
    #[napi(getter)]
    pub fn problem(&self) -> Option<String> {
        self.held().problem.map(|(_, message)| message)
    }

    /// Begins an exchange; `None` if it is none of a provider, and then the body was not looked at.
    #[napi]
    pub fn begin(&self, method: String, url: String, body: Option<Either<JsString<'_>, &[u8]>>) -> Option<Exchange> {
        let lab = self.lab();
        if lab.config().disabled || !guarded(|| exchange::concerns(&method, &url)).unwrap_or(false) {
            return None;
        }
        let text;
        let body = match body {
            None => &[][..],
            Some(Either::A(string)) => {
                text = string.into_utf8().ok()?;
                text.as_slice()
            }
            Some(Either::B(bytes)) => bytes,
        };
        let request = Request { method: &method, url: &url, body };
        let exchange = guarded(|| exchange::Exchange::begin_at(&request, || lab.now())).flatten()?;
        Some(Exchange::new(Open { exchange, lab, scope: None }))
    }

    /// Opens a scope.
    #[napi]
    pub fn scope(&self, parent: Option<ClassInstance<'_, Scope>>, labels: &Labels) -> Scope {
        let parent = parent.as_ref().map(|parent| &parent.0);
        Scope(llmlab::scope::Scope::open(parent, self.lab().base(), &labels.0))
    }

    /// Opens the scope of a step.
    #[napi]
    pub fn step(&self, parent: Option<ClassInstance<'_, Scope>>, labels: &Labels, name: String, kind: String) -> Scope {
        let kind = match &*kind {
            "agent" => Cow::Borrowed("agent"),
            "tool" => Cow::Borrowed("tool"),
            "function" => Cow::Borrowed("function"),
            _ => Cow::Owned(kind),
        };
        let parent = parent.as_ref().map(|parent| &parent.0);
        let lab = self.lab();
        let (ids, now) = (lab.new_ids(), lab.now());
        Scope(llmlab::scope::Scope::open_step(parent, lab.base(), &labels.0, (name, kind), ids, now))
    }

    /// Records the end of a step: `error_type` names what was thrown inside, if anything was. Gives what the user should
    /// be told, if anything.
    #[napi]
    pub fn end_step(&self, scope: &Scope, error_type: Option<String>, cancelled: bool) -> Option<Vec<String>> {
        let status = match (&error_type, cancelled) {
            (_, true) => Status::Cancelled,
            (Some(_), false) => Status::Error,
            (None, false) => Status::Ok,
        };
        let lab = self.lab();
        guarded(|| lab.record_step(&scope.0, status, error_type));
        lab.after_record()
    }

    /// Records a call by hand. Gives what the user should be told, if anything.
    #[napi]
    pub fn record_call(
        &self,
        given: Given,
        counts: &[f64],
        scope: Option<ClassInstance<'_, Scope>>,
    ) -> Option<Vec<String>> {
        let lab = self.lab();
        if lab.config().disabled {
            return None;
        }
        guarded(|| given.record(&lab, counts, scope.as_ref()));
        lab.after_record()
    }

    /// Records a response that the host holds, in JSON. Whether a call was recorded; `takeNotices` is to be asked next.
    #[napi]
    pub fn record_response(
        &self,
        body: Either<String, Uint8Array>,
        provider: Option<String>,
        model: Option<String>,
        api: Option<String>,
        scope: Option<ClassInstance<'_, Scope>>,
    ) -> bool {
        let (provider, model, api) = (provider.as_deref(), model.as_deref(), api.as_deref());
        let response = Response { provider, model, api, body: bytes(&body), start: None };
        let scope = scope.as_ref().map(|scope| &scope.0);
        let lab = self.lab();
        let is_recorded = guarded(|| lab.record_response(&response, scope)).flatten().is_some();
        if is_recorded {
            lab.start();
        }
        is_recorded
    }

    /// What a call would cost, in the words of `cost::to_text`.
    #[napi]
    pub fn cost(&self, provider: String, model: String, counts: &[f64], terms: Option<Terms>) -> Result<String> {
        let lab = self.usable()?;
        let usage = usage(counts);
        let terms = terms.unwrap_or_default();
        answered(|| {
            let cost = lab.cost(&Query {
                provider: &provider,
                model: &model,
                usage: &usage,
                unix_ns: terms.at.map_or_else(|| Ok(lab.now().unix_ns), |at| moment::parse_rfc3339(&at))?,
                service_tier: terms.service_tier.as_deref(),
                inference_geo: terms.inference_geo.as_deref(),
                speed: terms.speed.as_deref(),
                search_context_size: terms.search_context_size.as_deref(),
            })?;
            Ok(cost::to_text(&cost))
        })
    }

    /// The models of a provider that have a price.
    #[napi]
    pub fn models(&self, provider: String) -> Result<Vec<String>> {
        let lab = self.usable()?;
        answered(|| {
            lab.catalogue().models(&provider).ok_or_else(|| {
                let known: Vec<&str> = provider::all().into_iter().map(|provider| provider.id).collect();
                let message = format!("unknown provider {provider:?}; known are {}", known.join(", "));
                Error::new(ErrorCode::UnknownProvider, message)
            })
        })
    }

    /// Sets what a model costs, in JSON by the words of a price file.
    #[napi]
    pub fn set_price(&self, provider: String, model: String, rates: String) -> Result<()> {
        let starts = serde_json::from_str(&rates).ok().and_then(|rates: serde_json::Value| {
            let starts = rates.get("starts")?;
            Some(starts.to_string())
        });
        self.tell(Told::Price { provider, model, starts, rates })
    }

    /// Tells which model is behind a name.
    #[napi]
    pub fn set_model(&self, provider: String, name: String, model: String) -> Result<()> {
        self.tell(Told::Model { provider, name, model })
    }

    /// What was spent. Times are RFC 3339 text.
    #[napi]
    pub fn summary(
        &self,
        since: Option<String>,
        until: Option<String>,
        group_by: Vec<String>,
        project: Option<String>,
        run_id: Option<String>,
    ) -> Result<AsyncTask<Ask>> {
        let lab = self.usable()?;
        let query = answered(|| {
            Ok(SummaryQuery {
                filter: Filter {
                    since_ns: since.as_deref().map(moment::parse_rfc3339).transpose()?,
                    until_ns: until.as_deref().map(moment::parse_rfc3339).transpose()?,
                    project,
                    run_id,
                },
                group_by: group_by.iter().map(|axis| GroupBy::from_name(axis)).collect::<llmlab::Result<_>>()?,
            })
        })?;
        Ok(AsyncTask::new(Ask { lab, query }))
    }

    /// Delivers what was recorded, for a time at most.
    #[napi]
    pub fn flush(&self, timeout_s: f64) -> AsyncTask<Finish> {
        Finish::task(self.lab(), timeout_s, Llmlab::flush)
    }

    /// The same, and ends the I/O thread.
    #[napi]
    pub fn shutdown(&self, timeout_s: f64) -> AsyncTask<Finish> {
        let lab = self.lab();
        lab.close();
        Finish::task(lab, timeout_s, Llmlab::shutdown)
    }

    /// Counters by name.
    #[napi]
    pub fn stats(&self) -> Stats {
        let lab = self.lab();
        guarded(|| lab.stats()).unwrap_or_default().into()
    }

    /// What the user should be told since the last time, if anything.
    #[napi]
    pub fn take_notices(&self) -> Option<Vec<String>> {
        self.lab().notices()
    }

    /// Says what became of a batch: `None` if the function took it, else why not.
    #[napi]
    pub fn settle_batch(&self, ticket: i64, problem: Option<String>) {
        let (lab, ticket) = (self.lab(), u64::try_from(ticket).unwrap_or_default());
        guarded(|| lab.settle(ticket, &problem.map_or(Ok(()), Err)));
    }

    /// What is in force, but for secrets, in JSON.
    #[napi]
    pub fn configuration(&self) -> String {
        configuration::to_json(self.lab().config())
    }
}

/// What was the global client.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Replaced {
    pub before: Option<Client>,
    pub problems: Vec<String>,
}

impl Client {
    fn held(&self) -> Held {
        self.own.clone().unwrap_or_else(|| global::held(lenient))
    }

    fn lab(&self) -> Arc<Lab> {
        self.held().lab
    }

    fn usable(&self) -> Result<Arc<Lab>> {
        let Held { lab, problem } = self.held();
        problem.map_or(Ok(lab), |(code, message)| Err(thrown_with(code, message)))
    }

    fn tell(&self, told: Told) -> Result<()> {
        answered(|| told.tell(&self.lab()))?;
        if self.own.is_none() {
            global::note(told);
        }
        Ok(())
    }
}

fn lenient() -> Held {
    let (lab, problem) = match guarded(|| open("{}")) {
        Some(Ok(lab)) => (lab, None),
        Some(Err(error)) => (fallback(), Some((error.code(), error.to_string()))),
        None => (fallback(), None),
    };
    Held { lab: exit::watched(Lab::new(lab)), problem }
}

fn open(options: &str) -> llmlab::Result<Llmlab> {
    Llmlab::new(Config::load(Options::from_json(options)?)?, Arc::new(SystemClock))
}

fn fallback() -> Llmlab {
    Llmlab::plain(Config::fallback(&environment_variable), Arc::new(SystemClock))
}
