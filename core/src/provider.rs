//! Providers as values: their names, where they are reached, and how their answers are read.
//!
//! A provider with a wire of its own is one value in one file of this folder, beside the tests of its rules. To add one of
//! a known wire family: write its value, list it below, and add a file of vectors to `conformance/usage/`.

use crate::event::Operation;

mod anthropic;
mod bedrock;
mod cohere;
pub(crate) mod dialect;
mod google;
mod openai;
mod registry;
pub(crate) mod shape;

use dialect::Dialect;
pub use registry::{by_name, owner_of};
pub(crate) use registry::{host_and_path, locate};

/// Somebody who sells calls to models.
pub struct Provider {
    /// The id in events, the catalogue and every language.
    pub id: &'static str,
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

/// A billable operation of a provider, told by the end of the path.
pub(crate) struct Endpoint {
    pub(crate) path_end: &'static str,
    pub(crate) operation: Operation,
    pub(crate) dialect: &'static Dialect,
    /// The model stands between the last slash and this end.
    pub(crate) model_in_path: bool,
    /// Every answer is a stream; else the request's `stream` tells.
    pub(crate) streams: bool,
    /// On a host we do not know, the path end alone is too common a word: the request must also name a model and have
    /// this member.
    pub(crate) request_member: Option<&'static str>,
}

impl Endpoint {
    const fn new(path_end: &'static str, operation: Operation, dialect: &'static Dialect) -> Self {
        Self { path_end, operation, dialect, model_in_path: false, streams: false, request_member: None }
    }

    const fn if_request_has(mut self, member: &'static str) -> Self {
        self.request_member = Some(member);
        self
    }
}

/// How a provider's usage block differs from its dialect's.
#[derive(Clone, Copy)]
pub(crate) struct Counting {
    /// Reasoning tokens of chat completions come on top of the completion tokens.
    pub(crate) reasoning_outside: bool,
    /// So do the `reasoning_tokens` and `citation_tokens` that stand beside them.
    pub(crate) research_outside: bool,
    /// Tokens that only the total counts are reasoning.
    pub(crate) reasoning_in_total: bool,
}

impl Counting {
    /// As the dialect says.
    pub(crate) const PLAIN: Self =
        Self { reasoning_outside: false, research_outside: false, reasoning_in_total: false };
}

macro_rules! providers {
    ($(wire $wired:path;)* $($id:literal aliases $aliases:expr, owns $owns:expr; $(counting $counting:expr;)?)*) => {
        /// Every provider that the catalogue prices.
        pub static PROVIDERS: &[Provider] = &[
            $($wired,)*
            $(Provider {
                id: $id,
                aliases: &$aliases,
                owns: &$owns,
                hosts: &[],
                endpoints: &[],
                counting: { let _plain = Counting::PLAIN; $(let _plain = $counting;)? _plain },
            }),*
        ];
    };
}

providers! {
    wire openai::OPENAI;
    wire anthropic::ANTHROPIC;
    wire google::GOOGLE;
    "vertex" aliases ["gcp.vertex_ai", "vertex_ai", "google-vertex"], owns [];
    "azure" aliases ["azure.ai.openai", "azure_openai", "azure_ai", "azure.ai.inference", "azure-openai"], owns [];
    "bedrock" aliases ["aws.bedrock", "aws", "bedrock_converse", "amazon-bedrock"], owns ["arn:aws:bedrock:"];
    "mistral" aliases ["mistral_ai", "mistralai"], owns [];
    "cohere" aliases ["cohere_chat"], owns ["rerank-v"];
    "groq" aliases [], owns [];
    "deepseek" aliases [], owns [];
    "xai" aliases ["x_ai", "x-ai"], owns ["grok-"];
        // https://docs.x.ai/docs/guides/reasoning: total_tokens adds them up. Its responses API counts them inside.
        counting Counting { reasoning_outside: true, ..Counting::PLAIN };
    "together" aliases ["together_ai"], owns [];
    "fireworks" aliases ["fireworks_ai"], owns [];
    "perplexity" aliases [], owns ["sonar"];
        // https://docs.perplexity.ai/getting-started/pricing: deep research bills both, and neither is in the total.
        counting Counting { research_outside: true, ..Counting::PLAIN };
    "cerebras" aliases [], owns [];
    "moonshot" aliases ["moonshotai"], owns [];
    "zai" aliases [], owns [];
    "minimax" aliases [], owns [];
    "voyage" aliases ["voyageai"], owns ["voyage-"];
    "openrouter" aliases [], owns [];
}
