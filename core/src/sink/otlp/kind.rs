//! What kind of thing a span is, in the words of those who ask.

use super::attributes::Attributes;
use crate::event::Operation;

pub(super) struct Kind {
    openinference: &'static str,
    langfuse: &'static str,
    mlflow: &'static str,
}

impl Kind {
    const LLM: Self = Self { openinference: "LLM", langfuse: "generation", mlflow: "CHAT_MODEL" };
    const EMBEDDING: Self = Self { openinference: "EMBEDDING", langfuse: "embedding", mlflow: "EMBEDDING" };
    /// Langfuse knows costs of generations and embeddings only.
    const RERANKER: Self = Self { openinference: "RERANKER", langfuse: "generation", mlflow: "RERANKER" };
    const AGENT: Self = Self { openinference: "AGENT", langfuse: "agent", mlflow: "AGENT" };
    const TOOL: Self = Self { openinference: "TOOL", langfuse: "tool", mlflow: "TOOL" };
    pub(super) const CHAIN: Self = Self { openinference: "CHAIN", langfuse: "span", mlflow: "CHAIN" };

    pub(super) const fn of_operation(operation: Operation) -> Self {
        match operation {
            Operation::Embeddings => Self::EMBEDDING,
            Operation::Rerank => Self::RERANKER,
            Operation::Chat
            | Operation::TextCompletion
            | Operation::GenerateContent
            | Operation::ImageGeneration
            | Operation::Speech
            | Operation::Transcription => Self::LLM,
        }
    }

    pub(super) fn of_step(kind: &str) -> Self {
        match kind {
            "agent" => Self::AGENT,
            "tool" => Self::TOOL,
            _ => Self::CHAIN,
        }
    }

    pub(super) fn describe(&self, attributes: &mut Attributes) {
        attributes.text(&["openinference.span.kind"], Some(self.openinference));
        attributes.text(&["langfuse.observation.type"], Some(self.langfuse));
        attributes.text(&["mlflow.spanType"], Some(self.mlflow));
    }
}
