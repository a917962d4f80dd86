//! Providers that speak `OpenAI`'s dialect and differ in data only: what they are called, where they are reached, what they
//! count in another way. One that needs a rule of its own has its own file.

use crate::event::Operation;
use crate::provider::{Counting, Endpoint, Provider, Reasoning, anthropic, openai};

/// What a host of this family may serve; one that does not have an endpoint is not asked for it. Models, files, tuning,
/// moderation and the management of batches are free, and are not listed.
pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::new("/chat/completions", Operation::Chat, &openai::CHAT),
    Endpoint::new("/responses", Operation::Chat, &openai::RESPONSES),
    // https://vercel.com/docs/ai-gateway/sdks-and-apis/responses/compaction
    Endpoint::new("/responses/compact", Operation::Chat, &openai::RESPONSES),
    Endpoint::new("/completions", Operation::TextCompletion, &openai::CHAT),
    Endpoint::new("/embeddings", Operation::Embeddings, &openai::CHAT),
    Endpoint::new("/rerank", Operation::Rerank, &openai::CHAT),
    // Claude's own dialect, as DeepSeek, Moonshot, Z.ai, MiniMax, OpenRouter, Vercel and vLLM serve it too.
    Endpoint::new("/v1/messages", Operation::Chat, &anthropic::MESSAGES),
    Endpoint::new("/images/generations", Operation::ImageGeneration, &openai::IMAGES),
    Endpoint::new("/images/edits", Operation::ImageGeneration, &openai::IMAGES),
    Endpoint::new("/audio/speech", Operation::Speech, &openai::SPEECH),
    Endpoint::new("/audio/transcriptions", Operation::Transcription, &openai::TRANSCRIPTION),
    Endpoint::new("/audio/translations", Operation::Transcription, &openai::TRANSCRIPTION),
    Endpoint::results("/content", &openai::BATCH).below("/files/"),
];

/// A provider as `OpenAI` counts. `docs` is where it says what it counts.
const fn named(id: &'static str, title: &'static str, docs: &'static str) -> Provider {
    Provider { id, title, docs, aliases: &[], owns: &[], hosts: &[], endpoints: ENDPOINTS, counting: Counting::PLAIN }
}

/// In the order of their ids.
pub(super) const PROVIDERS: &[Provider] = &[
    Provider {
        // No answer names a model.
        hosts: &["api.ai21.com"],
        ..named("ai21", "AI21 Labs", "https://docs.ai21.com/reference/jamba-1-6-api-ref")
    },
    Provider {
        aliases: &["dashscope"],
        hosts: &["dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com", "dashscope-us.aliyuncs.com"],
        ..named(
            "alibaba",
            "Alibaba Cloud Model Studio",
            "https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope",
        )
    },
    Provider {
        hosts: &["inference.baseten.co"],
        ..named("baseten", "Baseten", "https://docs.baseten.co/reference/inference-api/chat-completions")
    },
    Provider {
        hosts: &["api.cerebras.ai"],
        ..named("cerebras", "Cerebras", "https://inference-docs.cerebras.ai/api-reference/chat-completions")
    },
    Provider {
        // Its gateway, `gateway.ai.cloudflare.com`, is nobody's: the model tells whom it calls.
        hosts: &["api.cloudflare.com"],
        ..named(
            "cloudflare",
            "Cloudflare Workers AI",
            "https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility/",
        )
    },
    Provider {
        hosts: &[".cloud.databricks.com", ".azuredatabricks.net", ".gcp.databricks.com"],
        endpoints: &[
            Endpoint::new("/chat/completions", Operation::Chat, &openai::CHAT),
            Endpoint::new("/responses", Operation::Chat, &openai::RESPONSES),
            Endpoint::new("/completions", Operation::TextCompletion, &openai::CHAT),
            Endpoint::new("/embeddings", Operation::Embeddings, &openai::CHAT),
            Endpoint::new("/v1/messages", Operation::Chat, &anthropic::MESSAGES),
            // A model of any kind may be behind it: one that does not chat reports no usage, and is no call.
            Endpoint::new("/invocations", Operation::Chat, &openai::CHAT).of_the_path().if_it_shows(),
        ],
        ..named(
            "databricks",
            "Databricks",
            "https://docs.databricks.com/aws/en/machine-learning/foundation-model-apis/api-reference",
        )
    },
    Provider {
        // `usage.estimated_cost` is its own statement.
        hosts: &["api.deepinfra.com"],
        ..named("deepinfra", "DeepInfra", "https://deepinfra.com/docs/openai_api")
    },
    Provider {
        // `prompt_cache_hit_tokens` are part of `prompt_tokens`.
        hosts: &["api.deepseek.com"],
        ..named("deepseek", "DeepSeek", "https://api-docs.deepseek.com/api/create-chat-completion")
    },
    Provider {
        aliases: &["fireworks_ai"],
        hosts: &["api.fireworks.ai"],
        ..named("fireworks", "Fireworks AI", "https://docs.fireworks.ai/api-reference/post-chatcompletions")
    },
    Provider {
        aliases: &["friendliai"],
        hosts: &["api.friendli.ai"],
        ..named("friendli", "Friendli", "https://friendli.ai/docs/openapi/model-apis/chat-completions")
    },
    Provider {
        aliases: &["github_models"],
        hosts: &["models.github.ai", "models.inference.ai.azure.com"],
        ..named("github", "GitHub Models", "https://docs.github.com/en/rest/models/inference")
    },
    Provider {
        // In a stream the usage is in `x_groq`.
        hosts: &["api.groq.com"],
        // https://console.groq.com/docs/speech-to-text: a request is billed for at least ten seconds.
        counting: Counting { shortest_audio_s: 10, ..Counting::PLAIN },
        ..named("groq", "Groq", "https://console.groq.com/docs/api-reference#chat-create")
    },
    Provider {
        aliases: &["hf", "hugging_face"],
        hosts: &["router.huggingface.co", "api-inference.huggingface.co", ".endpoints.huggingface.cloud"],
        ..named("huggingface", "Hugging Face", "https://huggingface.co/docs/inference-providers/tasks/chat-completion")
    },
    Provider {
        hosts: &["api.hyperbolic.xyz"],
        ..named("hyperbolic", "Hyperbolic", "https://docs.hyperbolic.xyz/docs/rest-api")
    },
    Provider {
        aliases: &["jina_ai"],
        hosts: &["api.jina.ai", "deepsearch.jina.ai"],
        ..named("jina", "Jina AI", "https://api.jina.ai/redoc")
    },
    Provider {
        // A failure is a `base_resp` in an answer of status 200.
        hosts: &["api.minimax.io", "api.minimaxi.com", "api.minimax.chat"],
        endpoints: &[
            Endpoint::new("/chat/completions", Operation::Chat, &openai::CHAT),
            Endpoint::new("/text/chatcompletion_v2", Operation::Chat, &openai::CHAT),
            Endpoint::new("/responses", Operation::Chat, &openai::RESPONSES),
            Endpoint::new("/v1/messages", Operation::Chat, &anthropic::MESSAGES),
            Endpoint::new("/t2a_v2", Operation::Speech, &openai::SPEECH),
        ],
        ..named("minimax", "MiniMax", "https://platform.minimax.io/docs/api-reference/text-post")
    },
    Provider {
        // The last chunk of a stream has its usage in its choice.
        aliases: &["moonshotai", "moonshot_ai"],
        hosts: &["api.moonshot.ai", "api.moonshot.cn"],
        ..named("moonshot", "Moonshot AI", "https://platform.moonshot.ai/docs/api/chat")
    },
    Provider {
        hosts: &["api.studio.nebius.ai", "api.studio.nebius.com", ".tokenfactory.nebius.com"],
        ..named("nebius", "Nebius Token Factory", "https://docs.tokenfactory.nebius.com/api-reference")
    },
    Provider {
        hosts: &["api.novita.ai"],
        ..named("novita", "Novita AI", "https://novita.ai/docs/api-reference/model-apis-llm-create-chat-completion")
    },
    Provider {
        aliases: &["nvidia_nim"],
        hosts: &["integrate.api.nvidia.com", "ai.api.nvidia.com"],
        ..named("nvidia", "NVIDIA NIM", "https://docs.api.nvidia.com/nim/reference/llm-apis")
    },
    Provider {
        // Its own statement: `usage.cost`, and with the user's own key `cost_details.upstream_inference_cost` besides.
        hosts: &["openrouter.ai", ".openrouter.ai"],
        ..named("openrouter", "OpenRouter", "https://openrouter.ai/docs/use-cases/usage-accounting")
    },
    Provider {
        aliases: &["perplexity_ai"],
        owns: &["sonar"],
        hosts: &["api.perplexity.ai"],
        endpoints: &[
            Endpoint::new("/chat/completions", Operation::Chat, &openai::CHAT),
            // It begins a job, whose answer is fetched.
            Endpoint::new("/async/chat/completions", Operation::Chat, &openai::CHAT).free(),
            Endpoint::new("/responses", Operation::Chat, &openai::RESPONSES),
            Endpoint::new("/v1/sonar", Operation::Chat, &openai::CHAT),
            Endpoint::new("/async/sonar", Operation::Chat, &openai::CHAT).free(),
            Endpoint::new("/agent", Operation::Chat, &openai::RESPONSES),
            Endpoint::new("/embeddings", Operation::Embeddings, &openai::CHAT),
        ],
        // https://docs.perplexity.ai/getting-started/pricing: deep research bills reasoning and citations, and neither is
        // in the total. The others have a fee for each request, by the size of the search context.
        counting: Counting { reasoning: Reasoning::Research, has_request_fee: true, ..Counting::PLAIN },
        ..named("perplexity", "Perplexity", "https://docs.perplexity.ai/api-reference/chat-completions-post")
    },
    Provider {
        hosts: &["api.sambanova.ai"],
        ..named("sambanova", "SambaNova", "https://docs.sambanova.ai/cloud/api-reference/endpoints/chat")
    },
    Provider {
        hosts: &["api.siliconflow.com", "api.siliconflow.cn"],
        ..named(
            "siliconflow",
            "SiliconFlow",
            "https://docs.siliconflow.com/en/api-reference/chat-completions/chat-completions",
        )
    },
    Provider {
        hosts: &[".snowflakecomputing.com"],
        endpoints: &[
            Endpoint::new("/chat/completions", Operation::Chat, &openai::CHAT),
            Endpoint::new("/v1/messages", Operation::Chat, &anthropic::MESSAGES),
            Endpoint::new("/inference:complete", Operation::Chat, &openai::CHAT),
            Endpoint::new("/inference:embed", Operation::Embeddings, &openai::CHAT),
        ],
        ..named(
            "snowflake",
            "Snowflake Cortex",
            "https://docs.snowflake.com/en/user-guide/snowflake-cortex/cortex-rest-api",
        )
    },
    Provider {
        aliases: &["together_ai", "togetherai"],
        hosts: &["api.together.xyz", "api.together.ai"],
        ..named("together", "Together AI", "https://docs.together.ai/reference/chat-completions-1")
    },
    Provider {
        // Its own statement: `usage.cost`, or `provider_metadata.gateway.cost`.
        aliases: &["vercel-gateway", "vercel_ai_gateway"],
        hosts: &["ai-gateway.vercel.sh"],
        ..named("vercel", "Vercel AI Gateway", "https://vercel.com/docs/ai-gateway/openai-compat")
    },
    Provider {
        aliases: &["voyageai"],
        owns: &["voyage-"],
        hosts: &["api.voyageai.com"],
        endpoints: &[
            Endpoint::new("/embeddings", Operation::Embeddings, &openai::CHAT),
            Endpoint::new("/multimodalembeddings", Operation::Embeddings, &openai::CHAT),
            Endpoint::new("/contextualizedembeddings", Operation::Embeddings, &openai::CHAT),
            Endpoint::new("/rerank", Operation::Rerank, &openai::CHAT),
        ],
        ..named("voyage", "Voyage AI", "https://docs.voyageai.com/reference/embeddings-api")
    },
    Provider {
        hosts: &["api.writer.com"],
        endpoints: &[
            Endpoint::new("/v1/chat", Operation::Chat, &openai::CHAT).at_home(),
            Endpoint::new("/chat/completions", Operation::Chat, &openai::CHAT),
            Endpoint::new("/v1/completions", Operation::TextCompletion, &openai::CHAT),
        ],
        ..named("writer", "Writer", "https://dev.writer.com/api-reference/completion-api/chat-completion")
    },
    Provider {
        aliases: &["x_ai", "x-ai"],
        owns: &["grok-"],
        hosts: &["api.x.ai", ".api.x.ai"],
        // https://docs.x.ai/docs/guides/reasoning: total_tokens adds them up. Its responses API counts them inside.
        counting: Counting { reasoning: Reasoning::Outside, ..Counting::PLAIN },
        ..named("xai", "xAI", "https://docs.x.ai/docs/api-reference")
    },
    Provider {
        aliases: &["z_ai", "z.ai", "zhipu", "zhipuai"],
        hosts: &["api.z.ai", "open.bigmodel.cn"],
        ..named("zai", "Z.ai", "https://docs.z.ai/api-reference/llm/chat-completion")
    },
];
