//! Providers as other vocabularies call them.

/// A provider in `gen_ai.provider.name`: the well-known values of the semantic conventions, else our own word.
pub(super) fn gen_ai_provider(provider: &str) -> &str {
    match provider {
        "azure" => "azure.ai.openai",
        "bedrock" => "aws.bedrock",
        "google" => "gcp.gemini",
        "mistral" => "mistral_ai",
        "moonshot" => "moonshot_ai",
        "vertex" => "gcp.vertex_ai",
        "xai" => "x_ai",
        other => other,
    }
}

/// A provider in `llm.provider`: the values of `OpenInference`, which has one for each company.
pub(super) fn openinference_provider(provider: &str) -> &str {
    match provider {
        "bedrock" => "aws",
        "mistral" => "mistralai",
        "vertex" => "google",
        other => other,
    }
}
