//! One batch on its way to a server: which of its events are still to be sent, and what was said of the others. Pure.

use std::collections::VecDeque;
use std::ops::Range;

use crate::sink::{Receipt, Rejection};

/// The events of one batch, in requests of as many as the server takes, and fewer where it found something wrong.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    /// Still to be sent, in order.
    ranges: VecDeque<Range<usize>>,
    sent: Option<Range<usize>>,
    rejected: Vec<Rejection>,
}

impl Parcel {
    pub(crate) fn new(events: usize, max_events: usize) -> Self {
        let step = max_events.max(1);
        let ranges = (0..events).step_by(step).map(|start| start..(start + step).min(events)).collect();
        Self { ranges, sent: None, rejected: Vec::new() }
    }

    /// The events of the next request, until an answer is told. `None`: every event is accounted for.
    pub(crate) fn next(&mut self) -> Option<Range<usize>> {
        if self.sent.is_none() {
            self.sent = self.ranges.pop_front();
        }
        self.sent.clone()
    }

    /// What the server says became of the events of the last request. `false`: it does not add up, and they are to be sent
    /// again, all of them.
    #[must_use]
    pub(crate) fn receive(&mut self, receipt: Receipt) -> bool {
        let Some(range) = self.sent.take() else { return false };
        let mut indices: Vec<_> = receipt.rejected.iter().map(|rejection| rejection.index).collect();
        indices.sort_unstable();
        indices.dedup();
        let adds_up = receipt.accounts_for(range.len())
            && indices.len() == receipt.rejected.len()
            && indices.iter().all(|index| range.contains(index));
        if adds_up {
            self.rejected.extend(receipt.rejected);
        } else {
            self.ranges.push_front(range);
        }
        adds_up
    }

    /// Nothing has to be sent for the events of the last request.
    pub(crate) fn skip(&mut self) {
        self.sent = None;
    }

    /// The events of the last request are to be sent again.
    pub(crate) fn retry(&mut self) {
        if let Some(range) = self.sent.take() {
            self.ranges.push_front(range);
        }
    }

    /// Something in the last request is not acceptable: its halves are sent, until the culprit is alone.
    pub(crate) fn split(&mut self, reason: &str) {
        let Some(range) = self.sent.take() else { return };
        if range.len() <= 1 {
            self.rejected.extend(range.map(|index| Rejection { index, reason: reason.to_owned() }));
            return;
        }
        let middle = range.start + range.len() / 2;
        self.ranges.push_front(middle..range.end);
        self.ranges.push_front(range.start..middle);
    }

    /// Events that it will never take.
    pub(crate) fn rejected(&self) -> &[Rejection] {
        &self.rejected
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    /// What a server does with a request.
    #[derive(Clone, Debug)]
    enum Mood {
        Honest,
        Silent,
        /// It says it stored one more or one fewer than it was given.
        Miscounts(bool),
        /// It rejects an event that was not in the request, or one twice.
        RejectsOthers,
        RejectsTwice,
    }

    fn any_mood() -> impl Strategy<Value = Mood> {
        prop_oneof![
            6 => Just(Mood::Honest),
            1 => Just(Mood::Silent),
            1 => any::<bool>().prop_map(Mood::Miscounts),
            1 => Just(Mood::RejectsOthers),
            1 => Just(Mood::RejectsTwice),
        ]
    }

    proptest! {
        // Sabotage: halves that overlap or leave one out, a receipt that is believed unchecked, an off-by-one chunk.
        #[test]
        fn every_good_event_is_stored_and_every_poisoned_one_found(
            events in 0..260_usize,
            max_events in 1..130_usize,
            poison in prop::collection::hash_set(0..260_usize, 0..4),
            moods in prop::collection::vec(any_mood(), 0..100),
            is_named: bool,
        ) {
            let poison: HashSet<_> = poison.into_iter().filter(|&index| index < events).collect();
            let mut parcel = Parcel::new(events, max_events);
            let (mut stored, mut moods, mut requests) = (HashSet::new(), moods.into_iter(), 0);
            while let Some(range) = parcel.next() {
                requests += 1;
                prop_assert!(requests < 5_000 && !range.is_empty() && range.len() <= max_events);
                let bad: Vec<_> = range.clone().filter(|index| poison.contains(index)).collect();
                let reject = |index| Rejection { index, reason: "bad".into() };
                let good = (range.len() - bad.len()) as u64;
                let mood = moods.next().unwrap_or(Mood::Honest);
                let is_believed = match mood {
                    Mood::Silent => { parcel.retry(); continue }
                    // A server that only says that something is wrong.
                    Mood::Honest if !is_named && !bad.is_empty() => { parcel.split("bad"); continue }
                    Mood::Honest => {
                        stored.extend(range.clone().filter(|index| !poison.contains(index)));
                        parcel.receive(Receipt { stored: good, duplicates: 0, rejected: bad.into_iter().map(reject).collect() })
                    }
                    Mood::Miscounts(more) => {
                        let stored = if more { range.len() + 1 } else { range.len() - 1 } as u64;
                        !parcel.receive(Receipt { stored, ..Receipt::default() })
                    }
                    Mood::RejectsOthers => {
                        let stored = range.len() as u64 - 1;
                        !parcel.receive(Receipt { stored, duplicates: 0, rejected: vec![reject(range.end)] })
                    }
                    Mood::RejectsTwice => {
                        let (stored, rejected) = (range.len() as u64 - 1, vec![reject(range.start); 2]);
                        !parcel.receive(Receipt { stored: stored.saturating_sub(1), duplicates: 0, rejected })
                    }
                };
                prop_assert!(is_believed, "{:?}", mood);
            }
            let rejected: HashSet<_> = parcel.rejected().iter().map(|rejection| rejection.index).collect();
            prop_assert_eq!(parcel.rejected().len(), rejected.len(), "rejected twice");
            prop_assert_eq!(rejected, poison);
            prop_assert_eq!(stored.len() + parcel.rejected().len(), events);
        }
    }

    #[test]
    fn one_poisoned_event_in_a_hundred_is_found_in_seven_rounds_of_halving() {
        let (mut parcel, mut requests) = (Parcel::new(100, 1_000), 0);
        while let Some(range) = parcel.next() {
            requests += 1;
            if range.contains(&37) {
                parcel.split("bad");
            } else {
                assert!(parcel.receive(Receipt { stored: range.len() as u64, ..Receipt::default() }));
            }
        }
        assert_eq!((parcel.rejected().len(), parcel.rejected()[0].index), (1, 37));
        assert!(requests <= 15, "{requests}");
    }
}
