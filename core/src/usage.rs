//! Token counts in one vocabulary, **inclusive**: `input` contains cache and media parts, `output` contains reasoning.
//!
//! Providers disagree on what contains what; their readers translate once, at the edge, and nothing behind them asks
//! again. A dimension that a provider did not report is absent: it exports as null and charges as 0.

use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

use crate::error::{Error, ErrorCode, Result};

macro_rules! dimensions {
    ($($(#[$doc:meta])* $variant:ident $name:literal $parent:expr;)*) => {
        /// One thing that a provider counts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Dimension { $($(#[$doc])* $variant),* }

        impl Dimension {
            /// Every dimension, in the order of their numbers. Numbers are stored: append, never reorder.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$variant),*];
            /// How many dimensions there are.
            pub const COUNT: usize = [$($name),*].len();

            /// Every name in one text, for the message about an unknown one.
            ///
            /// Not inlined, and not made with `ALL.map`: unrolled into a caller of another crate, that keeps LLVM's
            /// constraint elimination busy for more than ten minutes.
            #[inline(never)]
            pub fn known_names() -> String {
                Self::NAMES.join(", ")
            }

            /// The name in JSON, SQL and every language.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// Every name, in the same order.
            pub const NAMES: [&'static str; Self::COUNT] = [$($name),*];

            /// The dimension of a name, as [`Dimension::name`] gives it.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }

            /// The dimension that contains this one, whose rate it takes when it has none of its own.
            pub const fn parent(self) -> Option<Self> {
                match self { $(Self::$variant => $parent),* }
            }
        }
    };
}

dimensions! {
    /// All input tokens, cached and cache-writing ones included.
    Input "input" None;
    /// All output tokens, reasoning included.
    Output "output" None;
    /// Input tokens read from a cache.
    CacheRead "cache_read" Some(Self::Input);
    /// Input tokens written to a cache for five minutes, or for an unknown time.
    CacheWrite5m "cache_write_5m" Some(Self::Input);
    /// Input tokens written to a cache for one hour.
    CacheWrite1h "cache_write_1h" Some(Self::CacheWrite5m);
    /// Audio tokens of the input.
    AudioIn "audio_in" Some(Self::Input);
    /// Image tokens of the input.
    ImageIn "image_in" Some(Self::Input);
    /// Audio tokens read from a cache: part of both `cache_read` and `audio_in`.
    CacheReadAudio "cache_read_audio" Some(Self::CacheRead);
    /// Output tokens spent on reasoning.
    Reasoning "reasoning" Some(Self::Output);
    /// Audio tokens of the output.
    AudioOut "audio_out" Some(Self::Output);
    /// Image tokens of the output.
    ImageOut "image_out" Some(Self::Output);
    /// Output tokens spent on citations.
    Citation "citation" Some(Self::Output);
    /// Requests, where the provider charges a fee for each.
    Requests "requests" None;
    /// Web searches made by the provider.
    WebSearches "web_searches" None;
    /// File searches made by the provider.
    FileSearches "file_searches" None;
    /// Pages of documents.
    Pages "pages" None;
    /// Characters of text.
    Characters "characters" None;
    /// Seconds of audio.
    AudioSeconds "audio_seconds" None;
    /// Rerank queries.
    RerankSearches "rerank_searches" None;
    /// Seconds of video.
    VideoSeconds "video_seconds" None;
    /// Text messages.
    TextMessages "text_messages" None;
}

/// What one call used. Counts are `u64`: they may exceed 2⁵³, so no float ever holds one.
///
/// ```
/// use llmlab::{Dimension, Usage};
/// let usage = Usage::new().with(Dimension::Input, 1482).with(Dimension::Output, 645);
/// assert_eq!(usage.get(Dimension::CacheRead), None);
/// assert_eq!(serde_json::to_string(&usage).unwrap(), r#"{"input":1482,"output":645}"#);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Usage {
    counts: [u64; Dimension::COUNT],
    present: u32,
}

impl Usage {
    /// Nothing reported.
    pub const fn new() -> Self {
        Self { counts: [0; Dimension::COUNT], present: 0 }
    }

    /// The same usage with one count set.
    #[must_use]
    pub const fn with(mut self, dimension: Dimension, count: u64) -> Self {
        self.set(dimension, count);
        self
    }

    /// Sets one count.
    pub const fn set(&mut self, dimension: Dimension, count: u64) {
        self.counts[dimension as usize] = count;
        self.present |= 1 << dimension as u32;
    }

    /// Sets one count if there is one.
    pub const fn set_if(&mut self, dimension: Dimension, count: Option<u64>) {
        if let Some(count) = count {
            self.set(dimension, count);
        }
    }

    /// No call counts more of anything. Sums are made of counts up to this, so that a hostile one makes none overflow.
    pub(crate) const MAX_COUNT: u64 = 1 << 40;

    /// The same usage without counts beyond [`Usage::MAX_COUNT`].
    pub(crate) fn bounded(&self) -> Self {
        let mut bounded = *self;
        for count in &mut bounded.counts {
            *count = (*count).min(Self::MAX_COUNT);
        }
        bounded
    }

    /// Adds another usage: a dimension that either reports is in the sum.
    pub fn add(&mut self, other: &Self) {
        for (sum, count) in self.counts.iter_mut().zip(other.counts) {
            *sum = sum.saturating_add(count);
        }
        self.present |= other.present;
    }

    /// The count, or `None` where the provider did not report the dimension.
    pub const fn get(&self, dimension: Dimension) -> Option<u64> {
        if self.present & (1 << dimension as u32) == 0 { None } else { Some(self.counts[dimension as usize]) }
    }

    /// The count to charge: absent is 0.
    pub const fn count(&self, dimension: Dimension) -> u64 {
        self.counts[dimension as usize]
    }

    /// Nothing was reported at all, which is unknown and not zero.
    pub const fn is_empty(&self) -> bool {
        self.present == 0
    }

    /// The reported dimensions and their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Dimension, u64)> + '_ {
        Dimension::ALL.into_iter().filter_map(|dimension| Some((dimension, self.get(dimension)?)))
    }

    /// The disjoint counts that are charged, each at its own rate: [`Usage`] is inclusive, money must not be.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidUsage`] when a part is larger than the whole that contains it; nothing is clamped.
    pub fn leaves(&self) -> Result<Usage> {
        use Dimension as D;
        let mut leaves = *self;
        let mut charge = |whole: D, added: u64, parts: &[D]| -> Result<()> {
            let inside: u128 = parts.iter().map(|&part| u128::from(self.count(part))).sum();
            let rest = (u128::from(self.count(whole)) + u128::from(added)).checked_sub(inside);
            let rest =
                rest.and_then(|rest| u64::try_from(rest).ok()).ok_or_else(|| self.contradiction(whole, parts))?;
            leaves.counts[whole as usize] = rest;
            Ok(())
        };
        let both = self.count(D::CacheReadAudio);
        charge(D::Input, both, &[D::CacheRead, D::CacheWrite5m, D::CacheWrite1h, D::AudioIn, D::ImageIn])?;
        charge(D::AudioIn, 0, &[D::CacheReadAudio])?;
        charge(D::CacheRead, 0, &[D::CacheReadAudio])?;
        charge(D::Output, 0, &[D::Reasoning, D::AudioOut, D::ImageOut, D::Citation])?;
        Ok(leaves)
    }

    fn contradiction(&self, whole: Dimension, parts: &[Dimension]) -> Error {
        let parts: Vec<String> = parts
            .iter()
            .filter(|&&part| self.count(part) > 0)
            .map(|&part| format!("{} {}", part.name(), self.count(part)))
            .collect();
        let (name, count) = (whole.name(), self.count(whole));
        Error::new(
            ErrorCode::InvalidUsage,
            format!("{name} is {count} but must include {}; counts are inclusive", parts.join(" + ")),
        )
    }
}

impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(dimension, count)| (dimension.name(), count))).finish()
    }
}

/// A map of the reported dimensions.
impl Serialize for Usage {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (dimension, count) in self.iter() {
            map.serialize_entry(dimension.name(), &count)?;
        }
        map.end()
    }
}

/// A map of dimension names to non-negative integers; null is absent, an unknown name is an error that lists the known.
impl<'de> Deserialize<'de> for Usage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Counts;
        impl<'de> Visitor<'de> for Counts {
            type Value = Usage;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of usage dimensions to non-negative integers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Usage, A::Error> {
                let mut usage = Usage::new();
                while let Some(name) = map.next_key::<String>()? {
                    let dimension = Dimension::from_name(&name).ok_or_else(|| {
                        let known = Dimension::known_names();
                        de::Error::custom(format!("unknown usage dimension {name:?}; known are {known}"))
                    })?;
                    let count: Option<serde_json::Value> = map.next_value()?;
                    if let Some(count) = count {
                        let count = count.as_u64().ok_or_else(|| {
                            de::Error::custom(format!("{name} must be a non-negative integer, got {count}"))
                        })?;
                        usage.set(dimension, count);
                    }
                }
                Ok(usage)
            }
        }
        deserializer.deserialize_map(Counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_are_disjoint_and_sum_to_the_whole() {
        let usage = Usage::new()
            .with(Dimension::Input, 1648)
            .with(Dimension::CacheRead, 588)
            .with(Dimension::AudioIn, 314)
            .with(Dimension::CacheReadAudio, 27);
        let leaves = usage.leaves().unwrap();
        assert_eq!(leaves.count(Dimension::Input), 1648 - 588 - 314 + 27);
        assert_eq!(leaves.count(Dimension::CacheRead), 588 - 27);
        assert_eq!(leaves.count(Dimension::AudioIn), 314 - 27);
    }

    #[test]
    fn a_part_larger_than_its_whole_is_an_error_and_not_clamped() {
        let error = Usage::new().with(Dimension::Output, 3).with(Dimension::Reasoning, 4).leaves().unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidUsage);
        assert_eq!(error.to_string(), "output is 3 but must include reasoning 4; counts are inclusive");
    }

    #[test]
    fn json_names_what_is_wrong() {
        let parse = |json: &str| serde_json::from_str::<Usage>(json);
        assert_eq!(parse(r#"{"input":9007200984985655,"output":null}"#).unwrap().get(Dimension::Output), None);
        for (json, word) in [
            (r#"{"input":-1}"#, "-1"),
            (r#"{"input":1.5}"#, "1.5"),
            (r#"{"inputs":1}"#, "inputs"),
            (r#"{"input":"12"}"#, "12"),
            ("[]", "map"),
        ] {
            assert!(parse(json).unwrap_err().to_string().contains(word), "{json}");
        }
    }
}
