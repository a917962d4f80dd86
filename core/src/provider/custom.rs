//! The dialect of a provider that the user describes: where in its answers the counts lie.

use crate::money::Money;
use crate::provider::dialect::{Answer, Dialect, set_name};
use crate::usage::{Dimension, Usage};
use crate::wire::{json, value};

/// Where an answer says what it used. Of a stream the last event that has it counts, each place for itself.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    pub(super) counts: Vec<(Dimension, Path)>,
    /// Counts that `input` and `output` do not contain, so that they come on top.
    pub(super) outside: Vec<Dimension>,
    pub(super) model: Option<Path>,
    pub(super) id: Option<Path>,
    pub(super) service_tier: Option<Path>,
    /// In US dollars.
    pub(super) cost: Option<Path>,
}

/// Keys, and places of arrays, one inside of the other: `usage.prompt`, `results.0.tokens`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path(Vec<Box<str>>);

impl Path {
    const MOST_STEPS: usize = 16;
    const MOST_STEP_BYTES: usize = 100;

    /// `None` where it names nothing.
    pub(super) fn read(text: &str) -> Option<Self> {
        let steps = || text.split('.');
        let plain = |step: &str| !step.is_empty() && !step.contains(['"', '\\']) && step.len() <= Self::MOST_STEP_BYTES;
        let leads = steps().all(plain) && !steps().all(is_place) && steps().count() <= Self::MOST_STEPS;
        leads.then(|| Self(steps().map(Box::from).collect()))
    }

    fn of<'a>(&self, body: &'a [u8]) -> Option<&'a [u8]> {
        self.0.iter().try_fold(body, |value, step| match step.parse() {
            Ok(place) if json::first_byte(value) == Some(b'[') => json::elements(value).nth(place),
            _ => json::get(value, step),
        })
    }

    /// The innermost key, in quotes: an event of a stream without it does not have the value.
    fn key(&self) -> String {
        let key = self.0.iter().rev().find(|step| !is_place(step));
        format!("\"{}\"", key.map_or("", |key| key))
    }
}

fn is_place(step: &str) -> bool {
    step.bytes().all(|byte| byte.is_ascii_digit())
}

/// The whole that a count belongs to, if there is just one.
pub(super) fn whole(part: Dimension) -> Option<Dimension> {
    match part.parent()? {
        Dimension::CacheWrite5m => Some(Dimension::Input),
        whole @ (Dimension::Input | Dimension::Output) => Some(whole),
        _ => None,
    }
}

impl Paths {
    /// A dialect that reads these places. It is leaked, as whoever is registered stays.
    pub(super) fn dialect(&self) -> Dialect {
        let counts = self.counts.iter().map(|(_, path)| path);
        let mut keys: Vec<String> = counts.chain(&self.cost).map(Path::key).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut keys = keys.into_iter().map(|key| &*key.leak());
        let usage_key = keys.next().unwrap_or_default();
        Dialect {
            native_to: None,
            usage_key,
            also_read: keys.chain(["\"error\""]).collect::<Vec<_>>().leak(),
            newest_usage_wins: false,
            last_words: &["[DONE]"],
            absorb,
        }
    }

    /// The counts as the provider gives them, from those of our inclusive vocabulary, and back.
    fn converted(&self, mut usage: Usage, add: fn(u64, u64) -> u64) -> Usage {
        for &part in &self.outside {
            if let (Some(count), Some(whole)) = (usage.get(part), whole(part)) {
                usage.set(whole, add(usage.count(whole), count));
            }
        }
        usage
    }
}

/// Takes an answer, or an event of it, of a provider whose counting says where to look.
#[inline(never)]
pub(crate) fn absorb(answer: &mut Answer, body: &[u8]) {
    let Some(paths) = answer.counting.paths else { return };
    let mut usage = paths.converted(answer.call.usage, u64::saturating_sub);
    for (dimension, path) in &paths.counts {
        usage.set_if(*dimension, path.of(body).and_then(value::count));
    }
    answer.call.usage = paths.converted(usage, u64::saturating_add);
    let find = |path: &Option<Path>| path.as_ref().and_then(|path| path.of(body));
    if let Some(raw) = find(&paths.model) {
        set_name(&mut answer.call.model, raw);
    }
    if let Some(raw) = find(&paths.id) {
        set_name(&mut answer.call.response_id, raw);
    }
    if let Some(raw) = find(&paths.service_tier) {
        answer.tier(raw);
    }
    answer.call.provider_cost = find(&paths.cost).and_then(stated).or(answer.call.provider_cost);
    if let Some(error) = json::get(body, "error").filter(|error| json::first_byte(error) == Some(b'{')) {
        answer.fail(error);
    }
}

/// An amount, as a number or as text.
fn stated(raw: &[u8]) -> Option<Money> {
    value::money(raw.strip_prefix(b"\"").and_then(|raw| raw.strip_suffix(b"\"")).unwrap_or(raw))
}
