//! Providers as values: their names, where they are reached, and how their answers are read.
//!
//! A provider with rules of its own is one value in one file of this folder, beside the tests of its rules; those that speak
//! `OpenAI`'s dialect and differ in data only are the table in `compatible.rs`. To add one of these: write its value there,
//! and add a file of vectors to `conformance/usage/`.

use crate::event::Operation;

mod anthropic;
mod azure;
mod bedrock;
mod cohere;
mod compatible;
pub(crate) mod custom;
mod definition;
pub(crate) mod dialect;
mod google;
mod hosted;
mod mistral;
mod ollama;
mod openai;
mod registered;
mod registry;
pub(crate) mod shape;
mod tail;
mod vertex;

use custom::Paths;
pub use definition::Definition;
use dialect::Dialect;
pub use registered::{all, hosts_of, register};
use registry::builtin;
pub use registry::{by_name, owner_of};
pub(crate) use registry::{host_and_path, locate};
use tail::Tail;

/// Somebody who sells calls to models.
#[derive(Clone, Copy)]
pub struct Provider {
    /// The id in events, the catalogue and every language.
    pub id: &'static str,
    /// The name that people know.
    pub title: &'static str,
    /// Where it documents what its answers say of usage.
    pub docs: &'static str,
    /// Other spellings: OpenTelemetry's and `LiteLLM`'s.
    pub aliases: &'static [&'static str],
    /// Beginnings of model names that nobody else sells under. Open weights have no owner: whoever serves them sells them.
    pub owns: &'static [&'static str],
    /// Where it is reached; with a dot in front, every host below that name.
    pub(crate) hosts: &'static [&'static str],
    /// What it charges for. A path that ends like none of these leaves no event.
    pub(crate) endpoints: &'static [Endpoint],
    /// How its counts differ from those of its dialect.
    pub(crate) counting: Counting,
}

impl Provider {
    fn is_called(&self, name: &str) -> bool {
        self.id.eq_ignore_ascii_case(name) || self.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
    }

    /// What is asked of it, each once.
    pub fn operations(&self) -> Vec<Operation> {
        let billed = self.endpoints.iter().filter(|endpoint| endpoint.kind != Kind::Free);
        let mut operations: Vec<_> = billed.map(|endpoint| endpoint.operation).collect();
        operations.sort_unstable();
        operations.dedup();
        operations
    }

    /// The providers whose wires it speaks, each once; `openai` is what everybody speaks. Empty where the user said where
    /// to look.
    pub fn wires(&self) -> Vec<&'static str> {
        let endpoints = self.endpoints.iter().filter(|_| self.counting.paths.is_none());
        let mut wires: Vec<_> = endpoints.map(|endpoint| endpoint.dialect.native_to.unwrap_or("openai")).collect();
        wires.sort_unstable();
        wires.dedup();
        wires
    }
}

/// A billable operation of a provider, told by the end of the path.
#[derive(Clone, Copy)]
pub(crate) struct Endpoint {
    pub(crate) path_end: &'static str,
    /// Of that end.
    tail: Tail,
    /// This stands somewhere before it.
    pub(crate) path_has: Option<&'static str>,
    /// Nobody else serves such a path: on a host we do not know, it tells the provider of this id. Where the request must
    /// have a member besides, the answer must be one of this provider, too.
    pub(crate) sole: Option<&'static str>,
    pub(crate) kind: Kind,
    pub(crate) operation: Operation,
    pub(crate) dialect: &'static Dialect,
    /// The model stands between the last slash and this end.
    pub(crate) model_in_path: bool,
    /// Where the path has this part, the model is what follows it.
    pub(crate) model_after: Option<&'static str>,
    /// An answer is a stream unless the request says otherwise.
    pub(crate) streams: bool,
    /// On a host we do not know, the path end alone is too common a word: the request must also name a model and have
    /// this member.
    pub(crate) request_member: Option<&'static str>,
    /// The path end is so common a word that it means nothing on any other host.
    pub(crate) only_at_home: bool,
    /// Whether a stream at this URL is known to tell its usage if `stream_options.include_usage` asks for it, and to tell
    /// none otherwise.
    pub(crate) usage_if_asked: fn(&str) -> bool,
}

/// What comes of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A call.
    Call,
    /// A call, if the answer tells a model or usage: the path end says too little.
    CallIfItShows,
    /// Nothing: it is free.
    Free,
    /// The results of a batch, by a `GET`: a call each.
    Results,
}

impl Endpoint {
    const fn new(path_end: &'static str, operation: Operation, dialect: &'static Dialect) -> Self {
        Self {
            path_end,
            tail: Tail::of(path_end),
            path_has: None,
            sole: None,
            kind: Kind::Call,
            operation,
            dialect,
            model_in_path: false,
            model_after: None,
            streams: false,
            request_member: None,
            only_at_home: false,
            usage_if_asked: |_| false,
        }
    }

    const fn results(path_end: &'static str, dialect: &'static Dialect) -> Self {
        Self { kind: Kind::Results, ..Self::new(path_end, Operation::Chat, dialect).at_home() }
    }

    const fn at_home(mut self) -> Self {
        self.only_at_home = true;
        self
    }

    /// Whether it is what a path asks for.
    pub(crate) fn takes(&self, path: &str) -> bool {
        self.tail.may_end(path) && path.ends_with(self.path_end) && self.path_has.is_none_or(|part| path.contains(part))
    }

    /// What was asked of a model. Where models of every kind share a path, their names tell.
    pub(crate) fn operation_of(&self, model: &str) -> Operation {
        let is = |words: &[&str]| words.iter().any(|word| model.contains(word));
        match self.operation {
            Operation::Chat | Operation::ImageGeneration if !self.model_in_path => self.operation,
            Operation::Chat | Operation::ImageGeneration if is(&["embed"]) => Operation::Embeddings,
            Operation::Chat if is(&["rerank"]) => Operation::Rerank,
            Operation::Chat if is(&["image", "canvas", "stability."]) => Operation::ImageGeneration,
            operation => operation,
        }
    }

    const fn free(mut self) -> Self {
        self.kind = Kind::Free;
        self
    }

    const fn below(mut self, part: &'static str) -> Self {
        self.path_has = Some(part);
        self
    }

    const fn only_of(mut self, id: &'static str) -> Self {
        self.sole = Some(id);
        self
    }

    const fn of_the_path(mut self) -> Self {
        self.model_in_path = true;
        self
    }

    const fn streaming(mut self) -> Self {
        self.streams = true;
        self
    }

    const fn usage_if_asked(mut self, rule: fn(&str) -> bool) -> Self {
        self.usage_if_asked = rule;
        self
    }

    const fn if_it_shows(mut self) -> Self {
        self.kind = Kind::CallIfItShows;
        self
    }

    const fn if_request_has(mut self, member: &'static str) -> Self {
        self.request_member = Some(member);
        self
    }
}

/// How a provider's usage block differs from its dialect's.
#[derive(Clone, Copy)]
pub(crate) struct Counting {
    pub(crate) reasoning: Reasoning,
    /// A request that reports the size of its search context has a fee of its own.
    pub(crate) has_request_fee: bool,
    /// Shorter audio is billed as audio of that many seconds.
    pub(crate) shortest_audio_s: u64,
    /// Where its counts are, if the user said so.
    pub(crate) paths: Option<&'static Paths>,
}

/// Where the reasoning tokens of chat completions are counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reasoning {
    /// Among the completion tokens.
    Inside,
    /// On top of the completion tokens.
    Outside,
    /// On top, and so are citation tokens; they stand beside the completion tokens and not in their details.
    Research,
    /// In the total, and nowhere else.
    InTotal,
}

impl Counting {
    /// As the dialect says.
    pub(crate) const PLAIN: Self =
        Self { reasoning: Reasoning::Inside, has_request_fee: false, shortest_audio_s: 0, paths: None };
}

/// Those with a file of their own.
pub(crate) const OWN: &[Provider] = &[
    openai::OPENAI,
    anthropic::ANTHROPIC,
    google::GOOGLE,
    vertex::VERTEX,
    azure::AZURE,
    bedrock::BEDROCK,
    mistral::MISTRAL,
    cohere::COHERE,
    ollama::OLLAMA,
];

/// Every provider.
pub static PROVIDERS: &[Provider] = &joined(OWN, compatible::PROVIDERS);

const fn joined(own: &[Provider], compatible: &[Provider]) -> [Provider; OWN.len() + compatible::PROVIDERS.len()] {
    let mut all = [own[0]; OWN.len() + compatible::PROVIDERS.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < own.len() { own[at] } else { compatible[at - own.len()] };
        at += 1;
    }
    all
}
