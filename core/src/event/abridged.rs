//! An event without what its host or a provider made too long: its money always finds room.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Attribution, Event, Subject};

/// The longest text that is kept whole; names that somebody reads are much shorter.
const MAX_TEXT_BYTES: usize = 512;
/// As many passes are kept; an answer has a few.
const MAX_PASSES: usize = 32;

impl Event {
    /// The same event in less than 48 KiB: without its tags, which may be of any number, and with the beginning of each
    /// text that is longer than 512 bytes. Its cost is what it was, and its own usage too.
    pub(crate) fn abridged(&self) -> Self {
        let mut short = self.clone();
        short.attribution = Arc::new(Attribution {
            feature: self.attribution.feature.as_deref().map(beginning),
            user: self.attribution.user.as_deref().map(beginning),
            session: self.attribution.session.as_deref().map(beginning),
            tags: Vec::new(),
            ..*self.attribution
        });
        cut(&mut short.facts.error_type);
        match &mut short.facts.subject {
            Subject::Call(call) => {
                cut_word(&mut call.provider);
                call.extra_passes.truncate(MAX_PASSES);
                let passes = call.extra_passes.iter_mut().map(|pass| &mut pass.model);
                for text in passes.chain([
                    &mut call.model,
                    &mut call.model_requested,
                    &mut call.service_tier,
                    &mut call.inference_geo,
                    &mut call.speed,
                    &mut call.search_context_size,
                    &mut call.response_id,
                ]) {
                    cut(text);
                }
            }
            Subject::Step(step) => {
                step.name = beginning(&step.name);
                step.kind = Cow::Owned(beginning(&step.kind));
            }
            Subject::Rollup(rollup) => {
                cut_word(&mut rollup.provider);
                cut(&mut rollup.model);
            }
        }
        short
    }
}

fn cut(text: &mut Option<String>) {
    if let Some(text) = text {
        text.truncate(end_of_beginning(text));
    }
}

fn cut_word(word: &mut Option<Cow<'static, str>>) {
    if let Some(Cow::Owned(text)) = word {
        text.truncate(end_of_beginning(text));
    }
}

fn beginning(text: &str) -> String {
    text[..end_of_beginning(text)].to_owned()
}

/// Between two characters.
fn end_of_beginning(text: &str) -> usize {
    let end = text.len().min(MAX_TEXT_BYTES);
    (0..=end).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Call, Facts, Operation, Origin, Pass, Status};
    use crate::usage::{Dimension, Usage};

    #[test]
    fn the_longest_event_fits_a_frame_and_keeps_its_money_and_usage() {
        let long = || Some("é".repeat(2_000_001));
        let usage = Dimension::ALL.iter().fold(Usage::new(), |usage, &dimension| usage.with(dimension, u64::MAX));
        let call = Call {
            provider: Some(Cow::Owned("x".repeat(4_000_000))),
            model: long(),
            model_requested: long(),
            usage,
            extra_passes: vec![Pass { model: Some("x".repeat(5_000)), usage }; 1_000],
            service_tier: long(),
            inference_geo: long(),
            speed: long(),
            search_context_size: long(),
            response_id: long(),
            ..Call::new(Operation::Chat)
        };
        let attribution = Attribution {
            feature: long(),
            user: long(),
            session: long(),
            tags: vec![("x".repeat(4_000_000), String::new())],
            ..Attribution::default()
        };
        let event = Event {
            id: crate::event::EventId { writer: [0; 16], counter: u64::MAX },
            origin: Arc::new(Origin::default()),
            attribution: Arc::new(attribution),
            facts: Facts {
                unix_ns: i64::MIN,
                latency_ns: Some(u64::MAX),
                status: Status::Lost,
                error_type: long(),
                subject: Subject::Call(Box::new(call)),
            },
            charge: None,
        };
        let short = event.abridged();
        assert!(crate::spool::encode(&short, &mut Vec::new()));
        assert_eq!(short.attribution.feature.as_deref().map(str::len), Some(512));
        let (Subject::Call(short), Subject::Call(long)) = (short.facts.subject, event.facts.subject) else { panic!() };
        assert_eq!(short.usage, long.usage);
    }
}
