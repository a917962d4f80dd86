//! What comes back with 200: believed only where it accounts for every event that was sent.

use std::collections::HashMap;
use std::ops::Range;

use serde::Deserialize;

use super::request::batch_id;
use crate::sink::{Batch, Receipt, Rejection, words};

/// Fields that it does not know are no concern of a client.
#[derive(Deserialize)]
struct Answer {
    batch_id: String,
    stored: u64,
    duplicates: u64,
    rejected: Vec<Rejected>,
}

#[derive(Deserialize)]
struct Rejected {
    id: String,
    code: String,
    message: String,
    retryable: bool,
}

/// The receipt for a part of a batch.
///
/// # Errors
/// Why the part has to be sent again: this is no receipt, or one for something else, or the server asks for it.
pub(crate) fn read_receipt(body: &[u8], batch: &Batch, part: Range<usize>) -> Result<Receipt, String> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| format!("no receipt: {error}"))?;
    let expected = batch_id(batch, &part);
    if answer.batch_id != expected {
        return Err(format!("a receipt for {:?} in answer to {expected:?}", words(&answer.batch_id)));
    }
    let events = batch.events.get(part.clone()).unwrap_or_default();
    let mut sent: HashMap<String, usize> = HashMap::new();
    if !answer.rejected.is_empty() {
        sent.extend(events.iter().zip(part).map(|(event, index)| (event.id.to_string(), index)));
    }
    let mut receipt = Receipt { stored: answer.stored, duplicates: answer.duplicates, rejected: Vec::new() };
    for rejected in answer.rejected {
        let Some(index) = sent.remove(&rejected.id) else {
            return Err(format!("a receipt that rejects {:?}, once too often or never sent", words(&rejected.id)));
        };
        let reason = words(&format!("{}: {}", rejected.code, rejected.message));
        if rejected.retryable {
            return Err(format!("not yet: {reason}"));
        }
        receipt.rejected.push(Rejection { index, reason });
    }
    let named = [receipt.stored, receipt.duplicates, receipt.rejected.len() as u64];
    let sum = named.iter().try_fold(0_u64, |sum, &count| sum.checked_add(count));
    if sum != Some(events.len() as u64) {
        let [stored, duplicates, rejected] = named;
        let sent = events.len();
        return Err(format!(
            "a receipt of {stored} stored, {duplicates} duplicates and {rejected} rejected for {sent} events"
        ));
    }
    Ok(receipt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::testing::{call, header};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn batch() -> Batch {
        Batch { id: "b1".to_owned(), origin: header().origin, events: (0..5).map(call).collect() }
    }

    fn rejected(counter: u64, retryable: bool) -> Value {
        json!({"id": call(counter).id.to_string(), "code": "invalid_event", "message": "ts", "retryable": retryable})
    }

    fn answer(batch_id: &str, stored: i64, duplicates: i64, rejected: &[Value]) -> Value {
        json!({"batch_id": batch_id, "stored": stored, "duplicates": duplicates, "rejected": rejected})
    }

    fn read(answer: &Value, part: Range<usize>) -> Result<Receipt, String> {
        read_receipt(answer.to_string().as_bytes(), &batch(), part)
    }

    #[test]
    fn a_receipt_says_of_every_event_what_became_of_it() {
        let receipt = read(&answer("b1", 2, 1, &[rejected(4, false), rejected(0, false)]), 0..5).unwrap();
        assert!(receipt.accounts_for(5));
        assert_eq!(receipt.rejected.iter().map(|rejection| rejection.index).collect::<Vec<_>>(), [4, 0]);
        assert_eq!(receipt.rejected[0].reason, "invalid_event: ts");
    }

    #[test]
    fn the_receipt_of_a_part_names_the_part_and_counts_from_the_batch() {
        let receipt = read(&answer("b1/2-4", 1, 0, &[rejected(3, false)]), 2..4).unwrap();
        assert_eq!(receipt.rejected[0].index, 3);
        assert!(read(&answer("b1", 2, 0, &[]), 2..4).is_err());
        assert!(read(&answer("b1/2-4", 1, 0, &[rejected(4, false)]), 2..4).is_err());
    }

    #[test]
    fn what_the_server_cannot_take_yet_is_sent_again() {
        let said = read(&answer("b1", 4, 0, &[rejected(2, true)]), 0..5).unwrap_err();
        assert!(said.starts_with("not yet"), "{said}");
    }

    #[test]
    fn a_receipt_that_does_not_add_up_is_none() {
        let foreign = json!({"id": "00", "code": "c", "message": "m", "retryable": false});
        for wrong in [
            answer("b2", 5, 0, &[]),
            answer("b1", 4, 0, &[]),
            answer("b1", 5, 1, &[]),
            answer("b1", 5, 0, &[rejected(0, false)]),
            answer("b1", 4, 0, &[foreign]),
            answer("b1", 3, 0, &[rejected(0, false), rejected(0, false)]),
            answer("b1", -1, 6, &[]),
            json!({"batch_id": "b1", "stored": 5, "duplicates": 0}),
            json!({"batch_id": "b1", "stored": 5.0, "duplicates": 0, "rejected": []}),
            json!({"batch_id": "b1", "stored": u64::MAX, "duplicates": 6, "rejected": []}),
            json!([]),
            json!("<html>"),
        ] {
            assert!(read(&wrong, 0..5).is_err(), "{wrong}");
        }
        assert!(read(&answer("b1", 5, 0, &[]), 0..5).is_ok());
    }

    #[test]
    fn a_receipt_cut_short_anywhere_is_none() {
        let whole = answer("b1", 3, 1, &[rejected(1, false)]).to_string();
        for end in 0..whole.len() {
            assert!(read_receipt(&whole.as_bytes()[..end], &batch(), 0..5).is_err(), "{}", &whole[..end]);
        }
        assert!(read_receipt(whole.as_bytes(), &batch(), 0..5).is_ok());
    }

    proptest! {
        #[test]
        fn no_bytes_of_a_hostile_server_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_receipt(&body, &batch(), 0..5);
        }

        #[test]
        fn whatever_numbers_a_server_claims_only_the_true_sum_is_believed(
            stored in 0_u64..8, duplicates in 0_u64..8, refused in 0_u64..6,
        ) {
            let refused: Vec<_> = (0..refused.min(5)).map(|counter| rejected(counter, false)).collect();
            let claim = json!({"batch_id": "b1", "stored": stored, "duplicates": duplicates, "rejected": refused});
            prop_assert_eq!(read(&claim, 0..5).is_ok(), stored + duplicates + refused.len() as u64 == 5);
        }
    }
}
