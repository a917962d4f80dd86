//! Azure: models of `OpenAI` and of others in Microsoft Foundry.

use crate::event::Operation;
use crate::provider::{Counting, Endpoint, Provider, anthropic, cohere, openai};

/// <https://learn.microsoft.com/azure/ai-foundry/openai/reference>. What is asked for is a *deployment*, a name that the
/// customer gave; the answer names the model. Hosts end by the kind of the resource and by the cloud.
pub(super) const AZURE: Provider = Provider {
    id: "azure",
    title: "Azure OpenAI and Microsoft Foundry",
    docs: "https://learn.microsoft.com/azure/ai-foundry/openai/reference",
    aliases: &["azure.ai.openai", "azure_openai", "azure_ai", "azure.ai.inference", "azure-openai"],
    owns: &[],
    hosts: &[
        ".openai.azure.com",
        ".cognitiveservices.azure.com",
        ".services.ai.azure.com",
        // Serverless endpoints: https://learn.microsoft.com/azure/ai-foundry/how-to/deploy-models-serverless
        ".models.ai.azure.com",
        ".openai.azure.us",
        ".openai.azure.cn",
    ],
    endpoints: &[
        deployment("/chat/completions", Operation::Chat).usage_if_asked(knows_stream_options),
        Endpoint::new("/responses", Operation::Chat, &openai::RESPONSES),
        // https://learn.microsoft.com/azure/foundry/reference/rest/compactconversation
        Endpoint::new("/responses/compact", Operation::Chat, &openai::RESPONSES),
        deployment("/completions", Operation::TextCompletion).usage_if_asked(knows_stream_options),
        deployment("/embeddings", Operation::Embeddings),
        // https://learn.microsoft.com/azure/ai-foundry/foundry-models/how-to/use-foundry-models-claude
        Endpoint::new("/anthropic/v1/messages", Operation::Chat, &anthropic::MESSAGES),
        Endpoint { dialect: &openai::IMAGES, ..deployment("/images/generations", Operation::ImageGeneration) },
        Endpoint { dialect: &openai::IMAGES, ..deployment("/images/edits", Operation::ImageGeneration) },
        Endpoint { dialect: &openai::SPEECH, ..deployment("/audio/speech", Operation::Speech) },
        Endpoint { dialect: &openai::TRANSCRIPTION, ..deployment("/audio/transcriptions", Operation::Transcription) },
        Endpoint { dialect: &openai::TRANSCRIPTION, ..deployment("/audio/translations", Operation::Transcription) },
        // Models of Cohere: https://learn.microsoft.com/azure/ai-foundry/foundry-models/concepts/models-sold-directly-by-azure
        Endpoint::new("/rerank", Operation::Rerank, &cohere::BILLED).at_home(),
        Endpoint::results("/content", &openai::BATCH).below("/files/"),
    ],
    counting: Counting::PLAIN,
};

/// `/openai/deployments/{deployment}/…` names the deployment in the path, `/openai/v1/…` and `/models/…` in the body.
const fn deployment(path_end: &'static str, operation: Operation) -> Endpoint {
    Endpoint { model_after: Some("/deployments/"), ..Endpoint::new(path_end, operation, &openai::CHAT) }
}

/// `stream_options` came with the version `2024-09-01-preview` and is settled since `2024-10-21`; an older one refuses it
/// (<https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle>). The path `/openai/v1/` has no versions, and
/// `/models/` has models of others, of which that is not known.
fn knows_stream_options(url: &str) -> bool {
    let version = url.split(['?', '&']).find_map(|part| part.strip_prefix("api-version="));
    if url.contains("/openai/v1/") {
        return true;
    }
    url.contains("/openai/deployments/") && version.is_some_and(|version| version.get(..10) >= Some("2024-10-21"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_asked_for_its_usage_only_where_the_version_knows_the_option() {
        for (path, knows) in [
            ("openai/deployments/d/chat/completions?api-version=2024-08-01-preview", false),
            ("openai/deployments/d/chat/completions?api-version=2024-10-01-preview", false),
            ("openai/deployments/d/chat/completions?api-version=2024-10-21", true),
            ("openai/deployments/d/chat/completions?x=1&api-version=2025-04-01-preview", true),
            ("openai/deployments/d/chat/completions", false),
            ("openai/v1/chat/completions", true),
            ("models/chat/completions?api-version=2024-05-01-preview", false),
        ] {
            assert_eq!(knows_stream_options(&format!("https://r.openai.azure.com/{path}")), knows, "{path}");
        }
    }
}
