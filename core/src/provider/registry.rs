//! Finding a provider: by its name, by a model's name, by a URL.

use crate::provider::{Endpoint, PROVIDERS, Provider};

/// Open weights under a name like its maker's closed ones: whoever serves them sells them.
const OPEN_WEIGHTS: [&str; 1] = ["gpt-oss"];

/// The provider of an id or another spelling, whatever its case.
pub fn by_name(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| {
        provider.id.eq_ignore_ascii_case(name) || provider.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
    })
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
    let (host, path) = host_and_path(url)?;
    // Nearly every request of an application is no call: look at the end of the path before anything else.
    let first = PROVIDERS.iter().flat_map(|provider| provider.endpoints).find(|end| path.ends_with(end.path_end))?;
    match PROVIDERS.iter().find(|provider| provider.hosts.iter().any(|pattern| host_is(host, pattern))) {
        Some(provider) => {
            let endpoint = provider.endpoints.iter().find(|endpoint| path.ends_with(endpoint.path_end))?;
            Some((Some(provider), endpoint))
        }
        None => Some((None, first)),
    }
}

/// The host without credentials and port, and the path without query.
pub(crate) fn host_and_path(url: &str) -> Option<(&str, &str)> {
    let rest = &url[url.find("://")? + 3..];
    let slash = rest.find(['/', '?', '#'])?;
    let (authority, path) = rest.split_at(slash);
    let path = path.find(['?', '#']).map_or(path, |end| &path[..end]);
    let host = authority.rsplit('@').next()?;
    let port = host.rfind(':').filter(|&colon| host[colon + 1..].bytes().all(|byte| byte.is_ascii_digit()));
    Some((port.map_or(host, |colon| &host[..colon]), path))
}

fn host_is(host: &str, pattern: &str) -> bool {
    if !pattern.starts_with('.') {
        return host.eq_ignore_ascii_case(pattern);
    }
    let start = host.len().checked_sub(pattern.len());
    start.and_then(|start| host.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(pattern))
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
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-3-pro:countTokens",
            "https://generativelanguage.googleapis.com/v1beta/cachedContents",
            "https://example.com/",
            "https://example.com",
            "/v1/chat/completions",
            "",
            "://",
        ] {
            assert!(found(url).is_none(), "{url}");
        }
    }
}
