use super::*;
use crate::event::Operation;
use crate::provider::{self, Counting, PROVIDERS};
use crate::usage::Dimension;
use proptest::prelude::*;

fn dialects() -> impl Iterator<Item = &'static Dialect> {
    PROVIDERS.iter().flat_map(|provider| provider.endpoints).map(|endpoint| endpoint.dialect)
}

fn chat() -> &'static Dialect {
    provider::locate("https://api.openai.com/v1/chat/completions").unwrap().1.dialect
}

fn message(payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len() + 16).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
    bytes
}

#[test]
fn a_stream_is_held_no_longer_than_an_event_whatever_separates_its_events() {
    let event = format!("{{\"text\":\"{}\",\"usage\":{{\"prompt_tokens\":7}}}}", "x".repeat(1000));
    let (row, array, events) = (format!("{event}\n"), format!("{event},"), format!("data: {event}\n\n"));
    for (start, event) in
        [("", row.as_bytes()), ("[", array.as_bytes()), ("", events.as_bytes()), ("", &message(event.as_bytes()))]
    {
        let dialect = chat();
        let (mut body, mut answer) = (Body::default(), Answer::new(Operation::Chat, Counting::PLAIN));
        body.push(start.as_bytes(), dialect, &mut answer);
        for _ in 0..10_000 {
            for piece in event.chunks(700) {
                body.push(piece, dialect, &mut answer);
                assert!(body.held_bytes() < 16 << 10, "{} bytes", body.held_bytes());
            }
        }
        body.end(dialect, &mut answer);
        assert_eq!(answer.call.usage.get(Dimension::Input), Some(7));
    }
}

#[test]
fn blanks_without_end_behind_a_text_are_not_kept() {
    let dialect = chat();
    let (mut body, mut answer) = (Body::default(), Answer::new(Operation::Chat, Counting::PLAIN));
    body.push(b"{\"usage\":{\"prompt_tokens\":7}}\r\n", dialect, &mut answer);
    for _ in 0..10_000 {
        body.push(&[b' '; 1000], dialect, &mut answer);
    }
    assert!(body.held_bytes() < 16 << 10, "{} bytes", body.held_bytes());
    assert!(body.end(dialect, &mut answer));
    assert_eq!(answer.call.usage.get(Dimension::Input), Some(7));
}

#[test]
fn a_text_of_several_lines_is_one_text() {
    let dialect = chat();
    let (mut body, mut answer) = (Body::default(), Answer::new(Operation::Chat, Counting::PLAIN));
    for piece in [&b"{\n"[..], b"\"a\": {}\n, \"usage\": {\n\"prompt_tokens\": 7\n}\n", b"}\n"] {
        body.push(piece, dialect, &mut answer);
        assert!(!body.is_events());
    }
    assert!(body.end(dialect, &mut answer));
    assert_eq!(answer.call.usage.get(Dimension::Input), Some(7));
}

proptest! {
    #[test]
    fn bytes_that_mean_nothing_are_harmless_and_count_nothing(
        start in proptest::sample::select(vec!["", "{", "[", "[{", "\0", "\0\0\0\x10", "data: ", "{}\n{", "\u{FEFF}{\"usage\":"]),
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        size in 1_usize..50,
    ) {
        let bytes = [start.as_bytes(), &bytes].concat();
        for dialect in dialects() {
            let (mut body, mut answer) = (Body::default(), Answer::new(Operation::Chat, Counting::PLAIN));
            for chunk in bytes.chunks(size) {
                body.push(chunk, dialect, &mut answer);
            }
            body.end(dialect, &mut answer);
            prop_assert!(answer.call.usage.is_empty());
        }
    }

    #[test]
    fn brackets_and_quotes_in_any_order_are_harmless(text in "[\\[{][\\[\\]{}\",:\\\\ \n0a]{0,200}", size in 1_usize..50) {
        for dialect in dialects() {
            let (mut body, mut answer) = (Body::default(), Answer::new(Operation::Chat, Counting::PLAIN));
            for chunk in text.as_bytes().chunks(size) {
                body.push(chunk, dialect, &mut answer);
            }
            body.end(dialect, &mut answer);
            prop_assert!(answer.call.usage.is_empty());
        }
    }
}
