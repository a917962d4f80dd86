//! Finding a provider: by its name, by a model's name, by a URL.

use memchr::{memchr, memchr2, memchr3, memrchr};

use crate::provider::tail::Tail;
use crate::provider::{Endpoint, Kind, OWN, PROVIDERS, Provider, registered};

/// Open weights under a name like its maker's closed ones: whoever serves them sells them.
const OPEN_WEIGHTS: [&str; 1] = ["gpt-oss"];

/// The provider of an id or another spelling, whatever its case; also a registered one.
pub fn by_name(name: &str) -> Option<&'static Provider> {
    builtin(name).or_else(|| registered::by_name(name))
}

/// The provider of a name, of those that the library knows.
pub(super) fn builtin(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.is_called(name))
}

/// The provider that a model's name alone tells, for a call whose provider is unknown.
pub fn owner_of(model: &str) -> Option<&'static Provider> {
    let begins = |start: &&str| model.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    if OPEN_WEIGHTS.iter().any(begins) {
        return None;
    }
    PROVIDERS.iter().find(|provider| provider.owns.iter().any(begins))
}

/// What a URL asks for, and of whom: `None` for the provider of a host that is nobody's.
pub(crate) fn locate(url: &str) -> Option<(Option<&'static Provider>, &'static Endpoint)> {
    if let Some((provider, endpoint)) = registered::locate(url) {
        return (endpoint.kind != Kind::Free).then_some((Some(provider), endpoint));
    }
    // Nearly every request of an application is no call: look at the end of the path before anything else.
    let end = memchr2(b'?', b'#', url.as_bytes()).unwrap_or(url.len());
    if !LAST_BYTES.may_end(&url.as_bytes()[..end]) {
        return None;
    }
    let (host, path) = host_and_path(url)?;
    let provider = HOSTS.iter().find(|known| known.is(host)).map(|known| &PROVIDERS[known.provider]);
    let endpoint = match provider {
        Some(provider) => closest(provider.endpoints.iter(), path)?,
        // All others serve the same paths.
        None => closest(OWN.iter().flat_map(|own| own.endpoints).filter(|endpoint| !endpoint.only_at_home), path)?,
    };
    (endpoint.kind != Kind::Free).then_some((provider, endpoint))
}

/// The endpoint that says most of the path; of several, the first.
pub(super) fn closest(endpoints: impl Iterator<Item = &'static Endpoint>, path: &str) -> Option<&'static Endpoint> {
    let longer = |one: &'static Endpoint, other: &'static Endpoint| {
        if other.path_end.len() > one.path_end.len() { other } else { one }
    };
    endpoints.filter(|endpoint| endpoint.takes(path)).reduce(longer)
}

/// The last two bytes of every endpoint's path.
struct LastBytes([[u64; 4]; 256]);

static LAST_BYTES: LastBytes = LastBytes::of(PROVIDERS);

impl LastBytes {
    const fn of(providers: &[Provider]) -> Self {
        let mut set = [[0; 4]; 256];
        let mut provider = 0;
        while provider < providers.len() {
            let endpoints = providers[provider].endpoints;
            let mut at = 0;
            while at < endpoints.len() {
                let end = endpoints[at].path_end.as_bytes();
                let (before, last) = (end[end.len() - 2], end[end.len() - 1]);
                set[last as usize][before as usize / 64] |= 1 << (before % 64);
                at += 1;
            }
            provider += 1;
        }
        Self(set)
    }

    fn may_end(&self, path: &[u8]) -> bool {
        let Some(&[before, last]) = path.last_chunk::<2>() else { return false };
        self.0[usize::from(last)][usize::from(before) / 64] >> (before % 64) & 1 == 1
    }
}

/// Where a provider is reached.
#[derive(Clone, Copy)]
struct Host {
    tail: Tail,
    pattern: &'static str,
    /// In the list of them.
    provider: usize,
}

/// Every host of every provider, in one row: a request whose path ends like a call's is compared with all of them.
static HOSTS: [Host; Host::COUNT] = Host::all(PROVIDERS);

impl Host {
    const COUNT: usize = {
        let (mut count, mut provider) = (0, 0);
        while provider < PROVIDERS.len() {
            count += PROVIDERS[provider].hosts.len();
            provider += 1;
        }
        count
    };

    const fn all(providers: &[Provider]) -> [Self; Self::COUNT] {
        let mut all = [Self { tail: Tail::of(""), pattern: "", provider: 0 }; Self::COUNT];
        let (mut count, mut provider) = (0, 0);
        while provider < providers.len() {
            let patterns = providers[provider].hosts;
            let mut at = 0;
            while at < patterns.len() {
                all[count] = Self { tail: Tail::of(end_of(patterns[at])), pattern: patterns[at], provider };
                count += 1;
                at += 1;
            }
            provider += 1;
        }
        all
    }

    fn is(&self, host: &str) -> bool {
        self.tail.may_end(host) && host_is(host, self.pattern)
    }
}

/// What of a pattern stands behind its last star.
const fn end_of(pattern: &str) -> &str {
    let mut at = pattern.len();
    while at > 0 && pattern.as_bytes()[at - 1] != b'*' {
        at -= 1;
    }
    pattern.split_at(at).1
}

/// The host without credentials and port, and the path without query.
pub(crate) fn host_and_path(url: &str) -> Option<(&str, &str)> {
    let (host, path) = authority_and_path(url)?;
    let port = host.rfind(':').filter(|&colon| host[colon + 1..].bytes().all(|byte| byte.is_ascii_digit()));
    Some((port.map_or(host, |colon| &host[..colon]), path))
}

/// The host and the port without credentials, and the path without query.
pub(super) fn authority_and_path(url: &str) -> Option<(&str, &str)> {
    let rest = url[memchr(b':', url.as_bytes())? + 1..].strip_prefix("//")?;
    let (authority, path) = rest.split_at(memchr3(b'/', b'?', b'#', rest.as_bytes())?);
    let path = memchr2(b'?', b'#', path.as_bytes()).map_or(path, |end| &path[..end]);
    Some((memrchr(b'@', authority.as_bytes()).map_or(authority, |at| &authority[at + 1..]), path))
}

/// A pattern is a name, a dot and the end of one, or the parts of one with stars between them.
pub(super) fn host_is(host: &str, pattern: &str) -> bool {
    let Some((head, mut others)) = pattern.split_once('*') else {
        let start = if pattern.starts_with('.') { host.len().saturating_sub(pattern.len()) } else { 0 };
        return host.get(start..).is_some_and(|host| host.eq_ignore_ascii_case(pattern));
    };
    let is = |part: &[u8], wanted: &str| part.eq_ignore_ascii_case(wanted.as_bytes());
    let mut rest = match host.as_bytes().split_at_checked(head.len()) {
        Some((begin, rest)) if is(begin, head) => rest,
        _ => return false,
    };
    while let Some((part, further)) = others.split_once('*') {
        let Some(at) = rest.windows(part.len().max(1)).position(|window| is(window, part)) else { return false };
        rest = &rest[at + part.len()..];
        others = further;
    }
    rest.len().checked_sub(others.len()).is_some_and(|end| is(&rest[end..], others))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Operation;

    fn found(url: &str) -> Option<(Option<&'static str>, Operation)> {
        locate(url).map(|(provider, endpoint)| (provider.map(|provider| provider.id), endpoint.operation))
    }

    #[test]
    fn names_are_found_in_any_spelling_and_are_unique() {
        assert_eq!(by_name("GCP.Gemini").unwrap().id, "google");
        let mut names: Vec<_> = PROVIDERS.iter().flat_map(|p| p.aliases.iter().chain([&p.id])).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_name_tells_its_owner_unless_anybody_may_serve_it() {
        for (model, owner) in [
            ("gpt-5-mini", Some("openai")),
            ("GPT-4o", Some("openai")),
            ("claude-sonnet-4-6", Some("anthropic")),
            ("gpt-oss-20b", None),
            ("mistral-7b", None),
            ("é", None),
        ] {
            assert_eq!(owner_of(model).map(|provider| provider.id), owner, "{model}");
        }
    }

    #[test]
    fn a_host_tells_the_provider_whatever_its_case_port_and_credentials() {
        for url in [
            "https://api.openai.com/v1/chat/completions",
            "https://API.OpenAI.com:443/v1/chat/completions?x=/v1/models",
            "https://user:pass@eu.api.openai.com/v1/chat/completions#there",
        ] {
            assert_eq!(found(url), Some((Some("openai"), Operation::Chat)), "{url}");
        }
    }

    #[test]
    fn a_star_stands_for_the_middle_of_a_host() {
        for (host, pattern, expected) in [
            ("bedrock-runtime.eu-west-1.amazonaws.com", "bedrock-runtime.*.amazonaws.com", true),
            ("BEDROCK-runtime.eu-west-1.Amazonaws.com", "bedrock-runtime.*.amazonaws.com", true),
            ("us-east5-aiplatform.googleapis.com", "*-aiplatform.googleapis.com", true),
            ("bedrock-runtime.eu-west-1.amazonaws.com.evil.example", "bedrock-runtime.*.amazonaws.com", false),
            ("my-bedrock-runtime.eu-west-1.amazonaws.com", "bedrock-runtime.*.amazonaws.com", false),
            ("ab.cd", "ab.*b.cd", false),
            (
                "vpce-1.bedrock-runtime.eu-west-1.vpce.amazonaws.com",
                "vpce-*.bedrock-runtime.*.vpce.amazonaws.com",
                true,
            ),
            ("vpce-1.execute-api.eu-west-1.vpce.amazonaws.com", "vpce-*.bedrock-runtime.*.vpce.amazonaws.com", false),
            ("xapi.openai.com", ".api.openai.com", false),
            ("openai.com", ".api.openai.com", false),
            ("é", "a*b", false),
        ] {
            assert_eq!(host_is(host, pattern), expected, "{host} {pattern}");
        }
    }

    #[test]
    fn a_pattern_is_found_by_what_stands_behind_its_last_star() {
        for (pattern, end) in [("a.*.b.*.c", ".c"), ("*-x.com", "-x.com"), ("api.x.com", "api.x.com"), ("x.*", "")] {
            assert_eq!(end_of(pattern), end);
        }
        for known in &HOSTS {
            assert!(
                known
                    .is(&format!("x{}", known.pattern.replace('*', "x"))
                        [usize::from(!known.pattern.starts_with('.'))..])
            );
        }
    }

    #[test]
    fn a_host_that_only_looks_like_one_is_unknown() {
        for host in ["api.openai.com.evil.example", "evilapi.openai.com", "127.0.0.1:4000", "[::1]:8080", "é.com"] {
            let url = format!("http://{host}/prefix/v1/chat/completions");
            assert_eq!(found(&url), Some((None, Operation::Chat)), "{url}");
        }
    }

    #[test]
    fn free_operations_and_other_sites_are_no_calls() {
        for url in [
            "https://api.openai.com/v1/models",
            "https://api.openai.com/v1/moderations",
            "https://api.openai.com/v1/responses/resp_1/input_items",
            "https://api.openai.com/v1/messages",
            "https://api.anthropic.com/v1/messages/count_tokens?beta=true",
            "https://api.anthropic.com/v1/messages/batches",
            "https://api.anthropic.com/v1/messages/batches/b_1",
            "https://api.openai.com/v1/files",
            "https://api.openai.com/v1/batches",
            "https://api.openai.com/v1/fine_tuning/jobs",
            "https://api.openai.com/v1/threads/t_1/runs",
            "https://api.openai.com/v1/threads/t_1/messages",
            "https://api.openai.com/v1/vector_stores/v_1/search",
            "https://api.openai.com/health",
            "https://files.example.com/v1/files/f/content",
            "https://example.com/v1/ocr",
            "https://api.mistral.ai/v1/models",
            "https://api.mistral.ai/v1/moderations",
            "https://api.mistral.ai/v1/chat/moderations",
            "https://api.mistral.ai/v1/batch/jobs",
            "https://api.voyageai.com/v1/files",
            "https://openrouter.ai/api/v1/generation?id=gen-1",
            "https://openrouter.ai/api/v1/key",
            "https://api.deepseek.com/user/balance",
            "https://x.openai.azure.com/openai/deployments?api-version=2024-10-21",
            "https://x.openai.azure.com/openai/v1/models",
            "https://x.cognitiveservices.azure.com/vision/v3.2/analyze",
            "https://a.snowflakecomputing.com/api/v2/statements",
            "https://a.cloud.databricks.com/api/2.0/serving-endpoints",
            "https://api.writer.com/v1/graphs/question",
            "https://api.moonshot.ai/v1/tokenizers/estimate-token-count",
            "https://api.x.ai/v1/tokenize-text",
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-3-pro:countTokens",
            "https://generativelanguage.googleapis.com/v1beta/cachedContents",
            "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict",
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google/models/gemini-3-pro:countTokens",
            "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/endpoints/17:predict",
            "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/count-tokens",
            "https://bedrock-runtime.us-east-1.amazonaws.com/guardrail/g/version/1/apply",
            "https://bedrock-runtime.us-east-1.amazonaws.com/async-invoke",
            "https://api.cohere.com/v1/tokenize",
            "https://api.cohere.com/v1/models",
            "http://localhost:11434/api/tags",
            "http://localhost:11434/api/pull",
            "https://example.com/",
            "https://example.com",
            "/v1/chat/completions",
            "",
            "://",
        ] {
            assert!(found(url).is_none(), "{url}");
        }
    }

    #[test]
    fn every_provider_is_reached_at_its_hosts() {
        for (url, provider, operation) in [
            (
                "https://a.openai.azure.com/openai/deployments/d/chat/completions?api-version=1",
                "azure",
                Operation::Chat,
            ),
            ("https://a.services.ai.azure.com/openai/v1/responses", "azure", Operation::Chat),
            ("https://a.services.ai.azure.com/models/chat/completions?api-version=1", "azure", Operation::Chat),
            ("https://a.services.ai.azure.com/anthropic/v1/messages", "azure", Operation::Chat),
            (
                "https://a.cognitiveservices.azure.com/openai/deployments/w/audio/transcriptions",
                "azure",
                Operation::Transcription,
            ),
            ("https://models.inference.ai.azure.com/chat/completions", "github", Operation::Chat),
            ("https://codestral.mistral.ai/v1/fim/completions", "mistral", Operation::TextCompletion),
            ("https://api.mistral.ai/v1/agents/completions", "mistral", Operation::Chat),
            ("https://api.mistral.ai/v1/ocr", "mistral", Operation::Transcription),
            ("https://api.groq.com/openai/v1/audio/speech", "groq", Operation::Speech),
            ("https://api.together.xyz/v1/rerank", "together", Operation::Rerank),
            ("https://api.jina.ai/v1/rerank", "jina", Operation::Rerank),
            ("https://api.voyageai.com/v1/multimodalembeddings", "voyage", Operation::Embeddings),
            ("https://api.deepseek.com/anthropic/v1/messages", "deepseek", Operation::Chat),
            ("https://api.deepseek.com/beta/completions", "deepseek", Operation::TextCompletion),
            ("https://api.x.ai/v1/images/generations", "xai", Operation::ImageGeneration),
            ("https://open.bigmodel.cn/api/paas/v4/chat/completions", "zai", Operation::Chat),
            ("https://api.z.ai/api/anthropic/v1/messages", "zai", Operation::Chat),
            ("https://api.minimax.io/v1/text/chatcompletion_v2", "minimax", Operation::Chat),
            ("https://ai-gateway.vercel.sh/v1/chat/completions", "vercel", Operation::Chat),
            ("https://api.cloudflare.com/client/v4/accounts/a/ai/v1/chat/completions", "cloudflare", Operation::Chat),
            ("https://w.cloud.databricks.com/serving-endpoints/m/invocations", "databricks", Operation::Chat),
            ("https://o-a.snowflakecomputing.com/api/v2/cortex/inference:complete", "snowflake", Operation::Chat),
            ("https://api.writer.com/v1/chat", "writer", Operation::Chat),
            ("https://api.openai.com/v1/files/f/content", "openai", Operation::Chat),
        ] {
            assert_eq!(found(url), Some((Some(provider), operation)), "{url}");
        }
    }

    #[test]
    fn every_provider_says_where_its_usage_is_documented_and_hosts_are_nobody_elses() {
        let mut hosts: Vec<_> = PROVIDERS.iter().flat_map(|provider| provider.hosts).collect();
        hosts.sort_unstable();
        assert!(hosts.windows(2).all(|pair| pair[0] != pair[1]), "{hosts:?}");
        for provider in PROVIDERS {
            assert!(provider.docs.starts_with("https://") && !provider.title.is_empty(), "{}", provider.id);
            assert!(provider.endpoints.iter().all(|endpoint| endpoint.path_end.len() > 2), "{}", provider.id);
        }
    }
}
