//! The providers that the user registered, beside the built-in ones. They are those of the process, because what taps HTTP
//! clients is, too.
//!
//! Lookups take no lock: the list is replaced as a whole. What is registered is never freed, because exchanges under way
//! hold on to it; the same definition is kept once, and there is a bound for those who generate different ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;

use crate::error::Result;
use crate::event::Operation;
use crate::provider::definition::{Definition, refused};
use crate::provider::dialect::Dialect;
use crate::provider::registry::{authority_and_path, closest, host_is};
use crate::provider::{Counting, Endpoint, Kind, PROVIDERS, Provider, builtin};

const MOST: usize = 1_000;

struct Registered {
    definition: Definition,
    provider: &'static Provider,
    endpoints: &'static [Endpoint],
    /// It adds to a provider that was known before.
    is_addition: bool,
}

#[derive(Clone, Default)]
struct Registry {
    /// Those in force, the newest first.
    current: Vec<&'static Registered>,
    /// All that there ever were.
    all: Vec<&'static Registered>,
}

static REGISTRY: ArcSwapOption<Registry> = ArcSwapOption::const_empty();
/// Nearly nobody registers anything, and every request of the application asks.
static HAS_ANY: AtomicBool = AtomicBool::new(false);

/// Makes a provider known to this process, or further hosts of one that is; from any thread, also while calls are under way.
/// A definition of the same id replaces the one before; for a provider that the library knows, it adds to it. What is
/// registered goes before what the library knows, the newest first.
///
/// # Errors
/// [`InvalidConfig`](crate::ErrorCode::InvalidConfig), naming the member, its value and what would do.
pub fn register(definition: Definition) -> Result<&'static Provider> {
    definition.check()?;
    let known = known(&definition);
    let same = |entry: &&&Registered| {
        let is_of_now = known.is_none_or(|known| std::ptr::eq(entry.provider, known));
        is_of_now && entry.is_addition == known.is_some() && entry.definition == definition
    };
    let before = REGISTRY.load();
    let all = before.as_ref().map_or(&[][..], |registry| &registry.all);
    let entry: &'static Registered = match all.iter().find(same) {
        Some(entry) => entry,
        None if all.len() >= MOST => {
            return Err(refused(format!(
                "more than {MOST} different providers were registered; register each one once"
            )));
        }
        None => Box::leak(Box::new(made(definition, known)?)),
    };
    REGISTRY.rcu(|before| {
        let mut registry = before.as_deref().cloned().unwrap_or_default();
        if !registry.all.iter().any(|other| std::ptr::eq(*other, entry)) {
            registry.all.push(entry);
        }
        registry.current.retain(|other| {
            let is_replaced = !entry.is_addition && other.provider.id == entry.provider.id;
            !is_replaced && !std::ptr::eq(*other, entry)
        });
        registry.current.insert(0, entry);
        Some(Arc::new(registry))
    });
    HAS_ANY.store(true, Ordering::Release);
    Ok(entry.provider)
}

/// The provider that a definition adds to, if it makes no new one.
fn known(definition: &Definition) -> Option<&'static Provider> {
    let says_how = definition.wire.is_some() || !definition.usage.is_empty();
    builtin(&definition.id).or_else(|| by_name(&definition.id).filter(|_| !says_how))
}

fn made(definition: Definition, known: Option<&'static Provider>) -> Result<Registered> {
    let (spoken, places) = (definition.spoken()?, definition.places()?);
    let id = &definition.id;
    if let Some(alias) = definition.aliases.iter().find(|alias| builtin(alias).is_some() || known.is_some()) {
        return Err(refused(format!("{alias:?} cannot be another name of {id:?}: the library knows one of them")));
    }
    let (counting, dialect) = match (known, spoken, places) {
        (Some(_), _, Some(_)) => {
            return Err(refused(format!("usage of {id:?} is known; leave it out, or take another id")));
        }
        (Some(known), ..) => (known.counting, None),
        (None, Some(_), Some(_)) => return Err(refused(format!("{id:?} has a wire or usage, not both"))),
        (None, Some(spoken), None) => (spoken.counting, None),
        (None, None, Some(places)) => {
            if definition.paths.is_empty() {
                return Err(refused(format!("paths of {id:?} must name at least one, such as \"/v1/generate\"")));
            }
            let dialect: &'static Dialect = Box::leak(Box::new(places.dialect()));
            (Counting { paths: Some(Box::leak(Box::new(places))), ..Counting::PLAIN }, Some(dialect))
        }
        (None, None, None) => {
            return Err(refused(format!(
                "{id:?} is unknown: say its wire, such as \"openai\", or where its usage is, such as \
                 {{\"input\": \"usage.prompt\", \"output\": \"usage.completion\"}}"
            )));
        }
    };
    let mut endpoints = endpoints(&definition, spoken.or(known), dialect)?;
    if known.is_none() {
        // Whether a provider that nobody knows takes a question for the usage of its streams, nobody knows.
        let unasked = |endpoint: &Endpoint| Endpoint { usage_if_asked: |_| false, ..*endpoint };
        endpoints = endpoints.iter().map(unasked).collect::<Vec<_>>().leak();
    }
    let provider = known.unwrap_or_else(|| {
        let aliases = definition.aliases.iter().map(|alias| &*alias.clone().leak()).collect::<Vec<_>>();
        let hosts = definition.hosts.iter().map(|host| &*host.clone().leak()).collect::<Vec<_>>();
        Box::leak(Box::new(Provider {
            id: id.clone().leak(),
            title: id.clone().leak(),
            docs: "",
            aliases: aliases.leak(),
            owns: &[],
            hosts: hosts.leak(),
            endpoints,
            counting,
        }))
    });
    Ok(Registered { definition, provider, endpoints, is_addition: known.is_some() })
}

/// What it charges for: the paths of the definition in a dialect of its own or in those of a wire, else all of the wire.
fn endpoints(
    definition: &Definition,
    spoken: Option<&'static Provider>,
    dialect: Option<&'static Dialect>,
) -> Result<&'static [Endpoint]> {
    let wired = spoken.map_or(&[][..], |provider| provider.endpoints);
    let model_in_path = definition.model_in_path;
    if definition.paths.is_empty() && !model_in_path {
        return Ok(wired);
    }
    let is_billed = |endpoint: &&Endpoint| !matches!(endpoint.kind, Kind::Free | Kind::Results);
    let dialect_of = |operation: Operation| {
        let same = wired.iter().filter(is_billed).find(|endpoint| endpoint.operation == operation);
        dialect.or(same.map(|endpoint| endpoint.dialect)).ok_or_else(|| {
            let known = spoken.map(Provider::operations).unwrap_or_default();
            let known: Vec<_> = known.into_iter().map(Operation::as_str).collect();
            let (id, wire) = (&definition.id, spoken.map_or("", |provider| provider.id));
            refused(format!("the wire of {wire} has no {operation} for {id:?}; it has {}", known.join(", ")))
        })
    };
    let mut endpoints = Vec::new();
    for (path, operation) in &definition.paths {
        let endpoint = Endpoint::new(path.clone().leak(), *operation, dialect_of(*operation)?);
        endpoints.push(Endpoint { model_in_path, ..endpoint });
    }
    if endpoints.is_empty() {
        endpoints.extend(wired.iter().map(|endpoint| Endpoint { model_in_path, ..*endpoint }));
    }
    Ok(endpoints.leak())
}

/// The registered provider of a URL, and what is asked of it, free or not: what is free at a host of its own is no call of
/// anybody else's.
pub(super) fn locate(url: &str) -> Option<(&'static Provider, &'static Endpoint)> {
    if !HAS_ANY.load(Ordering::Acquire) {
        return None;
    }
    let (authority, path) = authority_and_path(url)?;
    let registry = REGISTRY.load();
    registry.as_ref()?.current.iter().find_map(|entry| {
        let is_there = entry.definition.hosts.iter().any(|host| reaches(url, authority, host));
        let endpoint = is_there.then(|| closest(entry.endpoints.iter(), path))??;
        Some((entry.provider, endpoint))
    })
}

/// Whether an authority is a host of a definition. One without a port is on any.
fn reaches(url: &str, authority: &str, pattern: &str) -> bool {
    let (host, port) = parted(authority);
    let (wanted, wanted_port) = parted(pattern);
    let standard = || if url.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("https:")) { "443" } else { "80" };
    host_is(host, wanted) && wanted_port.is_none_or(|wanted| port.unwrap_or_else(standard) == wanted)
}

/// The host and the port.
fn parted(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, Some(port)),
        _ => (authority, None),
    }
}

/// The registered provider of a name.
pub(super) fn by_name(name: &str) -> Option<&'static Provider> {
    if !HAS_ANY.load(Ordering::Acquire) {
        return None;
    }
    all().into_iter().skip(PROVIDERS.len()).find(|provider| provider.is_called(name))
}

/// Every provider that this process knows: the built-in ones, then those that were registered, the newest first.
pub fn all() -> Vec<&'static Provider> {
    let registry = REGISTRY.load();
    let entries = registry.iter().flat_map(|registry| &registry.current).filter(|entry| !entry.is_addition);
    PROVIDERS.iter().chain(entries.map(|entry| entry.provider)).collect()
}

/// Where a provider is reached, by what the library knows and by what was registered.
pub fn hosts_of(provider: &Provider) -> Vec<String> {
    let registry = REGISTRY.load();
    let entries = registry.iter().flat_map(|registry| &registry.current);
    let further = entries.filter(|entry| entry.provider.id == provider.id).flat_map(|entry| &entry.definition.hosts);
    let mut hosts: Vec<String> = provider.hosts.iter().map(ToString::to_string).collect();
    for host in further {
        if !hosts.contains(host) {
            hosts.push(host.clone());
        }
    }
    hosts
}

#[cfg(test)]
mod tests;
