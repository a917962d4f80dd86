//! The vectors of `conformance/stream_usage.jsonl`: what is sent, what comes back, what the application receives.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::borrow::Cow;
use std::io::{Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use llmlab::event::Subject;
use llmlab::exchange::{End, Exchange, Request};
use llmlab::moment::Moment;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

fn vectors() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/stream_usage.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let vectors: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(vectors.len() > 45, "the vectors are there");
    vectors
}

/// What went out, what the application received, decoded, and the usage of the call.
#[derive(Debug, PartialEq)]
struct Seen {
    sent: Option<String>,
    received: String,
    usage: Value,
}

fn expected(vector: &Value) -> Seen {
    Seen {
        sent: vector["sends"].as_str().map(str::to_owned),
        received: vector["receives"].as_str().unwrap().to_owned(),
        usage: vector["usage"].clone(),
    }
}

/// Passes the answer on in pieces that end at the given places.
fn seen(vector: &Value, coding: &Coding, cuts: impl Fn(usize) -> Vec<usize>) -> Seen {
    let url = vector["url"].as_str().unwrap();
    let body = vector["request"].as_str().unwrap().as_bytes();
    let mut exchange = Exchange::begin(&Request { method: "POST", url, body }, Moment::default()).unwrap();
    let sent = exchange.body_to_send(body).map(|sent| String::from_utf8(sent).unwrap());
    let status = vector["status"].as_u64().unwrap().try_into().unwrap();
    let headers = [("content-type", vector["content_type"].as_str().unwrap()), ("content-encoding", coding.name)];
    exchange.head(status, headers.map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    let wire = (coding.encode)(vector["answer"].as_str().unwrap().as_bytes());
    let mut received = Vec::new();
    let mut from = 0;
    for cut in cuts(wire.len()).into_iter().chain([wire.len()]) {
        let piece = &wire[from..cut];
        let passed = exchange.passed(piece, Moment::default);
        assert!(matches!(passed, Cow::Owned(_)) || *passed == *piece);
        received.extend_from_slice(&passed);
        from = cut;
    }
    received.extend(exchange.rest());
    let facts = exchange.finish(End::Complete, None, Moment::default()).next().unwrap();
    let Subject::Call(call) = facts.subject else { panic!("a call") };
    Seen { sent, received: (coding.decode)(&received), usage: json!(call.usage) }
}

struct Coding {
    name: &'static str,
    encode: fn(&[u8]) -> Vec<u8>,
    decode: fn(&[u8]) -> String,
}

macro_rules! coding {
    ($name:literal, $encoder:ident, $decoder:ident) => {
        Coding {
            name: $name,
            encode: |body| {
                let mut encoder = $encoder::new(Vec::new(), Compression::default());
                encoder.write_all(body).unwrap();
                encoder.finish().unwrap()
            },
            decode: |wire| {
                let mut body = String::new();
                $decoder::new(wire).read_to_string(&mut body).unwrap();
                body
            },
        }
    };
}

const CODINGS: [Coding; 6] = [
    Coding { name: "identity", encode: <[u8]>::to_vec, decode: |wire| String::from_utf8(wire.to_vec()).unwrap() },
    coding!("gzip", GzEncoder, MultiGzDecoder),
    coding!("deflate", ZlibEncoder, ZlibDecoder),
    coding!("deflate", DeflateEncoder, DeflateDecoder),
    Coding {
        name: "br",
        encode: |body| {
            let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
            encoder.write_all(body).unwrap();
            encoder.into_inner()
        },
        decode: |wire| {
            let mut body = String::new();
            brotli::Decompressor::new(wire, 4096).read_to_string(&mut body).unwrap();
            body
        },
    },
    Coding {
        name: "zstd",
        encode: |body| {
            let mut encoded = Vec::with_capacity(zstd_safe::compress_bound(body.len()));
            zstd_safe::compress(&mut encoded, body, 3).unwrap();
            encoded
        },
        decode: |wire| {
            let mut body = Vec::with_capacity(1 << 20);
            zstd_safe::decompress(&mut body, wire).unwrap();
            String::from_utf8(body).unwrap()
        },
    },
];

#[test]
fn the_application_receives_what_it_would_have_received() {
    for vector in vectors() {
        for coding in &CODINGS {
            assert_eq!(seen(&vector, coding, |_| Vec::new()), expected(&vector), "{} {}", vector["name"], coding.name);
        }
    }
}

#[test]
fn a_boundary_at_any_byte_or_at_every_byte_changes_nothing() {
    for vector in &vectors() {
        let expected = expected(vector);
        for (at, coding) in CODINGS.iter().enumerate() {
            let name = format!("{} {}", vector["name"], coding.name);
            assert_eq!(seen(vector, coding, |length| (0..length).collect()), expected, "{name}");
            let wire = (coding.encode)(vector["answer"].as_str().unwrap().as_bytes());
            for size in 2..=20 {
                let cuts = |length: usize| (size..length).step_by(size).collect();
                assert_eq!(seen(vector, coding, cuts), expected, "{name} {size}");
            }
            // What is longer repeats itself, and a decoder costs more than the rest.
            let cuts = if at == 0 && wire.len() <= 700 { 0..=wire.len() } else { 0..=0 };
            for cut in cuts {
                assert_eq!(seen(vector, coding, |_| vec![cut]), expected, "{name} {cut}");
            }
        }
    }
}

#[test]
fn no_boundaries_change_anything() {
    let vectors = vectors();
    let pieces = proptest::collection::vec(any::<proptest::sample::Index>(), 0..40);
    let config = Config { failure_persistence: None, cases: 600, ..Config::default() };
    TestRunner::new(config)
        .run(&(0..vectors.len(), 0..CODINGS.len(), pieces), |(vector, coding, pieces)| {
            let cuts = |length: usize| {
                let mut cuts: Vec<_> = pieces.iter().map(|piece| piece.index(length + 1)).collect();
                cuts.sort_unstable();
                cuts
            };
            let vector = &vectors[vector];
            prop_assert_eq!(seen(vector, &CODINGS[coding], cuts), expected(vector), "{}", vector["name"]);
            Ok(())
        })
        .unwrap();
}

/// Line ends of every kind, broken JSON, bytes that mean nothing: what passes does not depend on how it came.
#[test]
fn whatever_comes_is_the_same_in_any_pieces_and_without_usage_nothing_is_taken() {
    let word = prop_oneof![
        Just("\n".to_owned()),
        Just("\r".to_owned()),
        Just("\r\n".to_owned()),
        Just("\n\n".to_owned()),
        Just("data: ".to_owned()),
        Just("data:{\"usage\":null}".to_owned()),
        Just("{\"a\":[],\"usage\" : null , ".to_owned()),
        Just("\"choices\":[],\"usage\":{}".to_owned()),
        Just("}".to_owned()),
        ": ?[a-z\u{fffd}]{0,3}",
    ];
    let words = proptest::collection::vec(word, 0..30);
    let pieces = proptest::collection::vec(any::<proptest::sample::Index>(), 0..20);
    let config = Config { failure_persistence: None, cases: 500, ..Config::default() };
    let plain = vectors()[0].clone();
    TestRunner::new(config)
        .run(&(words, 0..CODINGS.len(), pieces), |(words, coding, pieces)| {
            let mut vector = plain.clone();
            let answer = words.concat();
            vector["answer"] = answer.clone().into();
            let whole = seen(&vector, &CODINGS[0], |_| Vec::new()).received;
            let cuts = |length: usize| {
                let mut cuts: Vec<_> = pieces.iter().map(|piece| piece.index(length + 1)).collect();
                cuts.sort_unstable();
                cuts
            };
            prop_assert_eq!(&seen(&vector, &CODINGS[coding], cuts).received, &whole);
            prop_assert!(whole.len() <= answer.len());
            if !answer.contains("\"usage\"") {
                prop_assert_eq!(whole, answer);
            }
            Ok(())
        })
        .unwrap();
}

/// What waits for a client that reads as it comes is one event that has not ended.
#[test]
fn an_event_is_received_when_it_has_ended() {
    let vectors = vectors();
    let plain = &vectors[0];
    let (url, body) = (plain["url"].as_str().unwrap(), plain["request"].as_str().unwrap().as_bytes());
    let mut exchange = Exchange::begin(&Request { method: "POST", url, body }, Moment::default()).unwrap();
    exchange.body_to_send(body).unwrap();
    exchange.head(200, []);
    let mut received = String::new();
    let answer = plain["answer"].as_str().unwrap();
    let wanted: Vec<&str> = plain["receives"].as_str().unwrap().split_inclusive("\n\n").collect();
    for (at, event) in answer.split_inclusive("\n\n").enumerate() {
        received.push_str(&String::from_utf8_lossy(&exchange.passed(event.as_bytes(), Moment::default)));
        let ours = usize::from(at >= wanted.len() - 1);
        assert_eq!(received, wanted[..=at - ours].concat());
    }
}

#[test]
fn what_was_not_asked_for_passes_as_it_is_and_is_no_copy() {
    for vector in vectors() {
        let (url, body) = (vector["url"].as_str().unwrap(), vector["request"].as_str().unwrap().as_bytes());
        let mut exchange = Exchange::begin(&Request { method: "POST", url, body }, Moment::default()).unwrap();
        exchange.head(200, [(&b"content-encoding"[..], &b"gzip"[..])]);
        for piece in vector["answer"].as_str().unwrap().as_bytes().chunks(7) {
            let passed = exchange.passed(piece, Moment::default);
            assert!(matches!(passed, Cow::Borrowed(same) if std::ptr::eq(same, piece)));
        }
        assert!(exchange.rest().is_empty());
    }
}

#[test]
fn an_endless_event_is_not_held_for_ever_and_the_next_is_looked_at_again() {
    let body = br#"{"model":"m","messages":[],"stream":true}"#;
    let request = Request { method: "POST", url: "https://api.openai.com/v1/chat/completions", body };
    let mut exchange = Exchange::begin(&request, Moment::default()).unwrap();
    exchange.body_to_send(body).unwrap();
    exchange.head(200, []);
    let long = format!(r#"data: {{"usage":null,"x":"{}"}}"#, "y".repeat(3 << 20));
    let (mut received, mut most_held, mut given) = (Vec::new(), 0, 0);
    for piece in long.as_bytes().chunks(10_000) {
        received.extend_from_slice(&exchange.passed(piece, Moment::default));
        given += piece.len();
        most_held = most_held.max(given - received.len());
    }
    assert!(most_held <= (1 << 20) + 10_000, "{most_held}");
    received.extend_from_slice(&exchange.passed(b"\n\r", Moment::default));
    received.extend_from_slice(&exchange.passed(b"\ndata: {\"usage\":null}\n\n", Moment::default));
    assert!(received == [long.as_bytes(), b"\n\r\ndata: {}\n\n"].concat());
}

#[test]
fn a_coding_that_is_unknown_or_breaks_is_the_applications_to_find_out() {
    let body = br#"{"model":"m","messages":[],"stream":true}"#;
    let request = Request { method: "POST", url: "https://api.openai.com/v1/chat/completions", body };
    for (coding, wire) in [("lzma", &b"data: {\"usage\":null}\n\n"[..]), ("gzip", b"data: {\"usage\":null}\n\n")] {
        let mut exchange = Exchange::begin(&request, Moment::default()).unwrap();
        exchange.body_to_send(body).unwrap();
        exchange.head(200, [(&b"content-encoding"[..], coding.as_bytes())]);
        let mut received = Vec::new();
        for piece in wire.chunks(3) {
            received.extend_from_slice(&exchange.passed(piece, Moment::default));
        }
        received.extend(exchange.rest());
        assert_eq!(received, wire, "{coding}");
    }
}
