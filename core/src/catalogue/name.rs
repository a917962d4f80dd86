//! From the name in a response to the name in the catalogue. Every step is a rewriting that keeps the price; a bare
//! prefix never matches (`gpt-4o-minion` is not `gpt-4o-mini`), and no price is guessed from a size in a name.

use std::borrow::Cow;

use crate::event::MatchedBy;
use crate::provider::Provider;

/// Finds a name with `find` (which takes lower case), rewriting it step by step; the first hit wins.
pub(super) fn resolve<T>(
    provider: Option<&Provider>,
    raw: &str,
    find: impl Fn(&str) -> Option<T>,
) -> Option<(T, MatchedBy)> {
    let lower = raw.trim().to_ascii_lowercase();
    if let Some(hit) = find(&lower) {
        // The caller, who knows the listed id, tells an exact hit from another name of the same model.
        return Some((hit, MatchedBy::Exact));
    }
    let name = without_prefixes(provider, &lower)?;
    let alias = |name: &str| find(name).map(|hit| (hit, MatchedBy::Alias));
    if name != lower
        && let Some(hit) = alias(name)
    {
        return Some(hit);
    }
    let dashed = dashed_date(name);
    if let Some(hit) = dashed.as_deref().and_then(alias) {
        return Some(hit);
    }
    if let Some(hit) = base_of_snapshot(name).and_then(|base| find(&base)) {
        return Some((hit, MatchedBy::Snapshot));
    }
    let base = fine_tuned_base(name)?;
    let hit = find(base).or_else(|| find(&base_of_snapshot(base)?))?;
    Some((hit, MatchedBy::FineTune))
}

/// Strips what says where a model is and not which: `openai/`, `models/`, the path of a Vertex resource, the head of a
/// Bedrock ARN. `None` for ARNs that name the user's own resource: only the user knows what is behind it.
fn without_prefixes<'a>(provider: Option<&Provider>, lower: &'a str) -> Option<&'a str> {
    let Some(provider) = provider else { return Some(lower) };
    let mut name = lower;
    if provider.id == "bedrock" && name.starts_with("arn:") {
        let (head, tail) = name.rsplit_once('/')?;
        let kind = head.rsplit_once(':').map_or(head, |(_, kind)| kind);
        return matches!(kind, "foundation-model" | "inference-profile").then_some(tail);
    }
    let own = |name: &'a str| {
        let (head, rest) = name.split_once('/')?;
        (head == provider.id || provider.aliases.contains(&head)).then_some(rest)
    };
    if let Some(rest) = own(name) {
        name = rest;
    }
    if matches!(provider.id, "google" | "vertex") {
        // `models/gemini-2.5-pro`, `projects/…/publishers/google/models/gemini-2.5-pro`
        let is_path = name.starts_with("models/") || name.starts_with("projects/") || name.starts_with("publishers/");
        if is_path && let Some((_, tail)) = name.rsplit_once("models/") {
            name = tail;
        }
    }
    Some(name)
}

/// `gpt-5.2-20251211` as `gpt-5.2-2025-12-11`.
fn dashed_date(name: &str) -> Option<String> {
    let (base, date) = name.rsplit_once('-')?;
    is_date(date, false).then(|| format!("{base}-{}-{}-{}", &date[..4], &date[4..6], &date[6..]))
}

/// `gpt-6-luna-2026-09-15`, `claude-opus-5-20260701`, `claude-opus-5@20260701`, and Bedrock's dates before `-v1:0`,
/// without the date.
fn base_of_snapshot(name: &str) -> Option<Cow<'_, str>> {
    if let Some((base, date)) = name.rsplit_once(['-', '@'])
        && is_date(date, false)
    {
        return Some(Cow::Borrowed(base));
    }
    if let Some(cut) = name.len().checked_sub("-2026-09-15".len())
        && let (Some(base), Some(date)) = (name.get(..cut), name.get(cut..))
        && date.starts_with('-')
        && is_date(&date[1..], true)
    {
        return Some(Cow::Borrowed(base));
    }
    let (before, version) = name.rsplit_once("-v")?;
    let (base, date) = before.rsplit_once('-')?;
    let is_version = version.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    (is_version && is_date(date, false)).then(|| Cow::Owned(format!("{base}-v{version}")))
}

/// `ft:gpt-4o-2024-08-06:acme:x:Q` as `ft:gpt-4o-2024-08-06`: a fine-tuned model has a price of its own.
fn fine_tuned_base(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("ft:")?;
    let end = rest.find(':')?;
    Some(&name[.."ft:".len() + end])
}

fn is_date(text: &str, dashed: bool) -> bool {
    let digits: String = text.chars().filter(|letter| !(dashed && *letter == '-')).collect();
    let shaped =
        if dashed { text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-' } else { true };
    if !shaped || digits.len() != 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let number = |range: std::ops::Range<usize>| digits[range].parse::<u16>().unwrap_or_default();
    (2020..2100).contains(&number(0..4)) && (1..=12).contains(&number(4..6)) && (1..=31).contains(&number(6..8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::by_name;

    fn resolved(provider: &str, raw: &str, known: &[&str]) -> Option<(String, MatchedBy)> {
        let find = |name: &str| known.contains(&name).then(|| name.to_owned());
        resolve(by_name(provider), raw, find)
    }

    #[test]
    fn every_rewriting_keeps_the_model() {
        use MatchedBy::{Alias, Exact, FineTune, Snapshot};
        for (provider, raw, listed, how) in [
            ("openai", "GPT-4o", "gpt-4o", Exact),
            ("openai", "openai/gpt-4o", "gpt-4o", Alias),
            ("xai", "x-ai/grok-4", "grok-4", Alias),
            ("google", "models/gemini-2.5-pro", "gemini-2.5-pro", Alias),
            ("vertex", "projects/p/locations/l/publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro", Alias),
            ("fireworks", "fireworks_ai/accounts/fireworks/models/x", "accounts/fireworks/models/x", Alias),
            ("bedrock", "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.a.b-v1:0", "eu.a.b-v1:0", Alias),
            ("bedrock", "arn:aws:bedrock:eu-west-1::foundation-model/a.b", "a.b", Alias),
            ("openai", "gpt-5.2-20251211", "gpt-5.2-2025-12-11", Alias),
            ("openai", "gpt-6-luna-2026-09-15", "gpt-6-luna", Snapshot),
            ("anthropic", "claude-opus-5-20260701", "claude-opus-5", Snapshot),
            ("vertex", "claude-opus-5@20260701", "claude-opus-5", Snapshot),
            ("bedrock", "us.anthropic.claude-opus-5-20260701-v1:0", "us.anthropic.claude-opus-5-v1:0", Snapshot),
            ("openai", "ft:gpt-4o-2024-08-06:acme:x:Q", "ft:gpt-4o-2024-08-06", FineTune),
            ("openai", "ft:gpt-4o-2027-01-01:acme::Q", "ft:gpt-4o", FineTune),
        ] {
            assert_eq!(resolved(provider, raw, &[listed]), Some((listed.to_owned(), how)), "{raw}");
        }
    }

    #[test]
    fn what_only_looks_alike_is_not_found() {
        for (provider, raw, listed) in [
            ("openai", "gpt-4o-minion", "gpt-4o-mini"),
            ("openai", "gpt-4o-2024-13-45", "gpt-4o"),
            ("openai", "azure/gpt-4o", "gpt-4o"),
            ("openai", "ft:gpt-4o:acme::Q", "gpt-4o"),
            ("openai", "ft:gpt-4o", "gpt-4o"),
            ("bedrock", "arn:aws:bedrock:us-east-1:1:application-inference-profile/a.b", "a.b"),
            ("bedrock", "arn:aws:bedrock:us-east-1:1:provisioned-model/a.b", "a.b"),
            ("bedrock", "eu.a.b", "a.b"),
            ("openai", "é-2026-09-15é", "é"),
            ("openai", "", "gpt-4o"),
        ] {
            assert_eq!(resolved(provider, raw, &[listed]), None, "{raw}");
        }
    }
}
