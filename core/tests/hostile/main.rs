//! Hostile answers: what is held of them is bounded, nothing panics, and nothing is counted that nobody told.
//!
//! Sabotages that turn these red: a `Splitter` that keeps a line without looking at its length; a scanner that calls itself
//! for each bracket; a count that is read by way of a float; a decoder that does not give up.
#![expect(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test fails by panicking")]

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use flate2::Compression;
use flate2::write::GzEncoder;
use llmlab::Dimension;
use llmlab::moment::Moment;
use llmlab::usage::Usage;
use peak_alloc::PeakAlloc;

mod framing;

use framing::{FRAMINGS, sole};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;
/// The tests of a process share its memory.
static ALONE: Mutex<()> = Mutex::new(());

const MIB: usize = 1 << 20;
/// What may be held of a single JSON text is 64 MiB, in a vector that doubles as it grows.
const MOST_OF_A_TEXT: usize = 200 * MIB;
/// The same of an event: 16 MiB, once as it comes and once as it is read.
const MOST_OF_AN_EVENT: usize = 100 * MIB;

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The result, and how many bytes there were at most while it came about.
fn measured<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let result = work();
    (result, MEMORY.peak_usage() - before)
}

/// Whether the long forms run.
fn is_soak() -> bool {
    std::env::var_os("LLMLAB_SOAK").is_some()
}

fn tokens(usage: &Usage) -> [Option<u64>; 2] {
    [Dimension::Input, Dimension::Output].map(|dimension| usage.get(dimension))
}

#[test]
fn a_count_is_exact_to_the_last_that_fits_and_what_is_no_count_is_none() {
    let _alone = alone();
    for framing in &FRAMINGS {
        for count in [0, 7, (1 << 53) + 1, i64::MAX as u64] {
            let count_text = count.to_string();
            let usage = framing.told(&count_text, "0");
            assert_eq!(tokens(&usage)[0].unwrap_or(0), count, "{}", framing.name);
        }
        let deep = "[".repeat(1000) + &"]".repeat(1000);
        let long = "9".repeat(100_000);
        let none =
            ["-1", "-0", "1.5", "1e3", "NaN", "Infinity", "18446744073709551616", &long, "\"7\"", "true", "null"];
        for raw in none.into_iter().chain(["[7]", "{\"a\":7}", "0x7", "+7", "\u{FF17}", "", &deep]) {
            let usage = framing.told(raw, raw);
            assert!(usage.is_empty(), "{}: {raw} is {usage:?}", framing.name);
        }
    }
}

#[test]
fn counts_that_do_not_fit_together_are_harmless() {
    let _alone = alone();
    let most = u64::MAX.to_string();
    for framing in &FRAMINGS {
        let usage = framing.told(&most, &most);
        for count in tokens(&usage).into_iter().flatten() {
            assert_eq!(count, u64::MAX, "{}", framing.name);
        }
    }
}

#[test]
fn depth_costs_nothing_and_hides_nothing() {
    let _alone = alone();
    for framing in &FRAMINGS {
        for depth in if is_soak() { [10_000, 1_000_000] } else { [1_000, 20_000] } {
            for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"usage\":", "}]")] {
                let inside = if close == "]" { "" } else { "0" };
                let deep = format!("{}{inside}{}", open.repeat(depth), close.repeat(depth));
                let (call, peak) = measured(|| framing.call_of(&(framing.answer)("7", "3", &deep)));
                assert_eq!(tokens(&call.usage), [Some(7), Some(3)], "{} {open}", framing.name);
                assert!(peak < MOST_OF_AN_EVENT, "{}: {peak}", framing.name);
                let (usage, _) = measured(|| framing.told(&deep, &deep));
                assert!(usage.is_empty(), "{} {open} {usage:?}", framing.name);
                // Brackets that nobody closes.
                let (call, _) = measured(|| framing.call_of(&open.repeat(depth)));
                assert!(call.usage.is_empty(), "{} {open}", framing.name);
            }
        }
    }
}

#[test]
fn a_text_that_breaks_off_anywhere_tells_no_count_that_was_not_whole() {
    let _alone = alone();
    for framing in &FRAMINGS {
        let whole = (framing.frame)(&(framing.answer)("1234", "5678", "\"\\u00e9\""));
        for cut in 0..whole.len() {
            let usage = framing.call([&whole[..cut]]).usage;
            for (count, all) in tokens(&usage).into_iter().zip([1234, 5678]) {
                assert!(count.is_none_or(|count| count == all), "{} at {cut}: {usage:?}", framing.name);
            }
        }
    }
}

#[test]
fn of_a_hundred_megabytes_no_more_is_held_than_the_bound() {
    let _alone = alone();
    let piece = vec![b'x'; MIB];
    for framing in &FRAMINGS {
        // A text that never ends within one event.
        let text = (framing.answer)("7", "3", "\"");
        let start = (framing.frame)(&text);
        let start = &start[..start.len() - 1];
        let (call, peak) = measured(|| framing.call([start].into_iter().chain(std::iter::repeat_n(&piece[..], 100))));
        assert!(tokens(&call.usage).into_iter().flatten().all(|count| count == 7 || count == 3), "{}", framing.name);
        assert!(peak < MOST_OF_A_TEXT, "{}: {peak}", framing.name);
    }
}

#[test]
fn bytes_that_are_nothing_tell_nothing_however_many_there_are() {
    let _alone = alone();
    let megabytes = if is_soak() { 100 } else { 3 };
    for framing in &FRAMINGS {
        for byte in [0, b' ', b'\n', b'\r', b'x', b'[', b'{', b'"', b':', 0xFF] {
            let piece = vec![byte; MIB];
            let (call, peak) = measured(|| framing.call(std::iter::repeat_n(&piece[..], megabytes)));
            assert!(call.usage.is_empty(), "{} {byte}", framing.name);
            assert!(peak < MOST_OF_A_TEXT, "{} {byte}: {peak}", framing.name);
        }
    }
}

#[test]
fn a_stream_without_end_is_held_no_longer_than_an_event() {
    let _alone = alone();
    let events = if is_soak() { 10_000_000 } else { 100_000 };
    for framing in &FRAMINGS[1..] {
        let (first, event) = ((framing.frame)(r#"{"model":"m"}"#), (framing.frame)(r#"{"delta":"word"}"#));
        let piece: Vec<u8> = event.iter().copied().cycle().take(event.len() * 1000).collect();
        let last = (framing.frame)(&(framing.answer)("7", "3", "0"));
        // Pieces that end within an event.
        let pieces = std::iter::repeat_n(&piece[..], events / 1000).flat_map(|piece| piece.chunks(4099));
        let (call, peak) = measured(|| framing.call([&first[..]].into_iter().chain(pieces).chain([&last[..]])));
        assert_eq!(tokens(&call.usage), [Some(7), Some(3)], "{}", framing.name);
        assert!(peak < MIB, "{}: {peak}", framing.name);
    }
}

#[test]
fn a_stream_that_tells_its_usage_with_every_event_is_one_call_with_the_last() {
    let _alone = alone();
    for framing in &FRAMINGS[1..] {
        let event = (framing.frame)(&(framing.answer)("5", "1", "0"));
        let last = (framing.frame)(&(framing.answer)("7", "3", "0"));
        let pieces = std::iter::repeat_n(&event[..], 10_000).chain([&last[..]]);
        let (call, peak) = measured(|| framing.call(pieces));
        assert_eq!(tokens(&call.usage), [Some(7), Some(3)], "{}", framing.name);
        assert!(peak < MIB, "{}: {peak}", framing.name);
    }
}

#[test]
fn a_content_type_that_lies_changes_nothing_and_a_coding_that_lies_tells_nothing() {
    let _alone = alone();
    for framing in &FRAMINGS {
        let body = [framing.start, &(framing.frame)(&(framing.answer)("7", "3", "0"))].concat();
        let usage = |kind: &str, coding: &str| {
            let mut exchange = framing.begun(kind, coding);
            for piece in body.chunks(5) {
                exchange.push(piece, Moment::default);
            }
            sole(exchange).1.usage
        };
        for other in FRAMINGS.iter().map(|other| other.kind).chain(["text/html", "", "\u{e9}", "image/png"]) {
            assert_eq!(tokens(&usage(other, "")), [Some(7), Some(3)], "{} as {other}", framing.name);
        }
        for coding in
            ["gzip", "deflate", "br", "zstd", "gzip, br", "br, zstd, deflate", "aes128gcm", "gzip,gzip,gzip,gzip"]
        {
            assert!(usage(framing.kind, coding).is_empty(), "{} as {coding}", framing.name);
        }
        assert!(usage("audio/mpeg", "").is_empty(), "{}: sound is not read", framing.name);
    }
}

#[test]
fn names_that_are_no_text_are_none_and_the_counts_are_read_nevertheless() {
    let _alone = alone();
    let long = "m".repeat(100_000);
    let names = [&b"\xFF\xFE"[..], b"\xED\xA0\x80", b"\xC3", b"\\ud800", b"\\uZZZZ", b"\\", b"", long.as_bytes()];
    for framing in &FRAMINGS {
        let plain = framing.call_of(&(framing.answer)("7", "3", "0")).model;
        for name in names {
            let placed = |text: String| {
                let at = text.find("\"x\":").unwrap();
                let members = ["\"model\":\"", "\",\"modelVersion\":\"", "\",\"id\":\"", "\","];
                let mut bytes = text.as_bytes()[..at].to_vec();
                for (at, member) in members.iter().enumerate() {
                    bytes.extend_from_slice(member.as_bytes());
                    bytes.extend_from_slice(if at < 3 { name } else { b"" });
                }
                bytes.extend_from_slice(&text.as_bytes()[at..]);
                bytes
            };
            // An unfinished escape takes the quote that would end the name.
            if name == b"\\" || framing.name.starts_with("Amazon") {
                continue;
            }
            let text = placed((framing.answer)("7", "3", "0"));
            let marked = (framing.frame)("\u{1}");
            let at = marked.iter().position(|&byte| byte == 1).unwrap();
            let body = [&marked[..at], &text, &marked[at + 1..]].concat();
            let call = framing.call([&body[..]]);
            assert_eq!(tokens(&call.usage), [Some(7), Some(3)], "{} {name:?}", framing.name);
            assert_eq!((call.model, call.response_id), (plain.clone(), None), "{} {name:?}", framing.name);
        }
    }
}

#[test]
fn of_a_key_that_stands_twice_one_value_counts_and_keys_with_escapes_are_not_read() {
    let _alone = alone();
    for framing in &FRAMINGS {
        let twice =
            (framing.answer)("7", "3", "0").replace(":7", ":5,\"x\":{},\"y\":[7]").replace("}}", "},\"usage\":null}");
        let usage = framing.call_of(&twice).usage;
        assert!(
            tokens(&usage).into_iter().flatten().all(|count| [5, 3].contains(&count)),
            "{} {usage:?}",
            framing.name
        );
        let escaped = (framing.answer)("7", "3", "0")
            .replace("ok", "\\u006fk")
            .replace("al_c", "\\u0061l_c")
            .replace("ount\"", "\\u006funt\"");
        let usage = framing.call_of(&escaped).usage;
        assert!(
            tokens(&usage).into_iter().flatten().all(|count| [7, 3].contains(&count)),
            "{} {usage:?}",
            framing.name
        );
    }
}

#[test]
fn a_bomb_is_never_held_whole_however_often_it_was_packed() {
    let _alone = alone();
    let gzip = |body: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    };
    let brotli = |body: &[u8]| {
        let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
        encoder.write_all(body).unwrap();
        encoder.into_inner()
    };
    let zstd = |body: &[u8]| {
        let mut encoded = Vec::with_capacity(zstd_safe::compress_bound(body.len()));
        zstd_safe::compress(&mut encoded, body, 3).unwrap();
        encoded
    };
    let text = [&b"{\"x\":\""[..], &vec![b' '; 100 * MIB]].concat();
    let bombs = [
        ("gzip", gzip(&text)),
        ("br", brotli(&text)),
        ("zstd", zstd(&text)),
        ("gzip, gzip", gzip(&gzip(&text))),
        ("gzip, br, zstd", zstd(&brotli(&gzip(&text)))),
    ];
    drop(text);
    for (coding, bomb) in bombs {
        let (call, peak) = measured(|| {
            let mut exchange = FRAMINGS[0].begun("", coding);
            exchange.push(&bomb, Moment::default);
            sole(exchange).1
        });
        assert!(call.usage.is_empty() && peak < MOST_OF_A_TEXT, "{coding}: {peak}");
    }
}

#[test]
fn a_message_of_endless_passes_is_held_within_bounds() {
    let _alone = alone();
    let pass = r#"{"type":"compaction","output_tokens":1},"#;
    let iterations = format!("[{}{{}}]", pass.repeat(200_000));
    let body = format!(r#"{{"usage":{{"input_tokens":1,"output_tokens":1,"iterations":{iterations}}}}}"#);
    let (call, peak) = measured(|| FRAMINGS[2].call(body.as_bytes().chunks(64 << 10)));
    assert!(call.extra_passes.len() < 100_000, "{}", call.extra_passes.len());
    assert!(peak < MOST_OF_A_TEXT, "{peak}");
}

#[test]
fn what_is_nothing_of_a_provider_is_one_call_of_unknown_cost() {
    let _alone = alone();
    for framing in &FRAMINGS {
        for body in [
            &b""[..],
            b"null",
            b"7",
            b"\xFF",
            b"<html>usage: 7</html>",
            b"{}",
            b"[]",
            b"[null]",
            b"\0\0\0\0",
            b"data:",
            b"{\"usage\":7}",
            b"\xEF\xBB\xBF{",
        ] {
            let mut exchange = framing.begun(framing.kind, "");
            exchange.push(body, Moment::default);
            let (_, call) = sole(exchange);
            assert!(call.usage.is_empty() && call.provider_cost.is_none(), "{} {body:?}", framing.name);
        }
    }
}
