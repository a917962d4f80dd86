//! A scanner that finds members of JSON text by skipping everything else.
//!
//! It does not check the text: of a body that is truncated or broken it yields what comes before the break, and a value
//! that is not whole is never yielded. It counts brackets instead of recursing, so depth costs nothing. Keys are compared
//! as they are written; no provider escapes letters in them.

use std::ops::Range;

use memchr::memchr2;

/// The members of an object as raw slices, in order; empty if the value is no object.
pub(crate) fn members(json: &[u8]) -> Members<'_> {
    Members { json, at: opened(json, b'{') }
}

/// The elements of an array as raw slices, in order; empty if the value is no array.
pub(crate) fn elements(json: &[u8]) -> Elements<'_> {
    Elements { json, at: opened(json, b'[') }
}

/// The value of the first member of that name.
#[inline(never)]
pub(crate) fn get<'a>(json: &'a [u8], name: &str) -> Option<&'a [u8]> {
    members(json).find_map(|(key, value)| (key == name.as_bytes()).then_some(value))
}

/// Whether the text is an object or an array up to its last bracket.
pub(crate) fn is_whole(json: &[u8]) -> bool {
    let start = blanks_end(json, 0);
    matches!(json.get(start), Some(b'{' | b'[')) && container_end(json, start).is_some()
}

/// The first byte that is no blank (nor a byte order mark).
pub(crate) fn first_byte(json: &[u8]) -> Option<u8> {
    json.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(json).iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

/// See [`members`].
pub(crate) struct Members<'a> {
    json: &'a [u8],
    at: Option<usize>,
}

impl Members<'_> {
    /// Where the next member lies: its key, without the quotes, and its value.
    // Not inlined: dozens of readers loop over this, and inlined into each they take the optimizer minutes.
    #[inline(never)]
    pub(crate) fn next_span(&mut self) -> Option<(Range<usize>, Range<usize>)> {
        let key_start = separated(self.json, self.at.take()?);
        if *self.json.get(key_start)? != b'"' {
            return None;
        }
        let key_end = string_end(self.json, key_start + 1)?;
        let colon = blanks_end(self.json, key_end);
        if *self.json.get(colon)? != b':' {
            return None;
        }
        let start = blanks_end(self.json, colon + 1);
        let end = value_end(self.json, start)?;
        self.at = Some(end);
        Some((key_start + 1..key_end - 1, start..end))
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline(never)]
    fn next(&mut self) -> Option<Self::Item> {
        let (key, value) = self.next_span()?;
        Some((&self.json[key], &self.json[value]))
    }
}

/// See [`elements`].
pub(crate) struct Elements<'a> {
    json: &'a [u8],
    at: Option<usize>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    #[inline(never)]
    fn next(&mut self) -> Option<Self::Item> {
        let start = separated(self.json, self.at.take()?);
        let end = value_end(self.json, start)?;
        self.at = Some(end);
        Some(&self.json[start..end])
    }
}

/// The place behind the bracket that opens the text.
fn opened(json: &[u8], bracket: u8) -> Option<usize> {
    let start = if json.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let at = blanks_end(json, start);
    (json.get(at) == Some(&bracket)).then_some(at + 1)
}

fn blanks_end(json: &[u8], mut at: usize) -> usize {
    while json.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

fn separated(json: &[u8], at: usize) -> usize {
    let at = blanks_end(json, at);
    if json.get(at) == Some(&b',') { blanks_end(json, at + 1) } else { at }
}

/// The place behind the quote that ends the string whose text starts at `at`.
fn string_end(json: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let hit = at + memchr2(b'"', b'\\', json.get(at..)?)?;
        if json[hit] == b'"' {
            return Some(hit + 1);
        }
        at = hit + 2;
    }
}

/// The place behind the value that starts at `start`; `None` if the text ends first, for a number may go on.
fn value_end(json: &[u8], start: usize) -> Option<usize> {
    match *json.get(start)? {
        b'"' => string_end(json, start + 1),
        b'{' | b'[' => container_end(json, start),
        b'}' | b']' | b',' | b':' => None,
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
            json[start..].iter().position(ends).map(|length| start + length)
        }
    }
}

fn container_end(json: &[u8], start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = start;
    loop {
        match *json.get(at)? {
            b'"' => {
                at = string_end(json, at + 1)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs(json: &str) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        members(json.as_bytes()).map(|(key, value)| (text(key), text(value))).collect()
    }

    #[test]
    fn values_come_out_as_they_are_written() {
        let json = " { \"a\" : 1 ,\"b\":\"x\\\"},{\",\"c\":[1,{\"d\":2}],\"e\":{\"a\":3} , \"f\":null}";
        let written = [("a", "1"), ("b", "\"x\\\"},{\""), ("c", "[1,{\"d\":2}]"), ("e", "{\"a\":3}"), ("f", "null")];
        assert_eq!(pairs(json), written.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_truncated_text_yields_only_whole_values() {
        assert_eq!(pairs(r#"{"a":1,"b":12"#), [("a".to_owned(), "1".to_owned())]);
        assert_eq!(pairs(r#"{"a":{"b":1}"#), [("a".to_owned(), r#"{"b":1}"#.to_owned())]);
        assert_eq!(pairs(r#"{"a":{"b":1"#), []);
        assert_eq!(pairs(r#"{"a":"text"#), []);
    }

    #[test]
    fn depth_of_a_hundred_thousand_is_harmless() {
        let json = format!("{{\"deep\":{}{},\"usage\":7}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(get(json.as_bytes(), "usage"), Some(&b"7"[..]));
    }

    #[test]
    fn elements_of_what_is_no_array_are_none() {
        assert_eq!(elements(b"[1, \"a\" ,[2]]").collect::<Vec<_>>(), [&b"1"[..], b"\"a\"", b"[2]"]);
        assert_eq!(elements(b"{\"a\":1}").count(), 0);
        assert_eq!(members(b"[1]").count(), 0);
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            ".*".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
                proptest::collection::btree_map("[a-z]{1,4}", inner, 0..8)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_scanner_agrees_with_a_parser(value in any_json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            for (name, expected) in value.as_object().into_iter().flatten() {
                let raw = get(text.as_bytes(), name).unwrap();
                prop_assert_eq!(&serde_json::from_slice::<serde_json::Value>(raw).unwrap(), expected);
            }
            for (raw, expected) in elements(text.as_bytes()).zip(value.as_array().into_iter().flatten()) {
                prop_assert_eq!(&serde_json::from_slice::<serde_json::Value>(raw).unwrap(), expected);
            }
            let count = value.as_object().map_or(value.as_array().map_or(0, Vec::len), serde_json::Map::len);
            prop_assert_eq!(members(text.as_bytes()).count() + elements(text.as_bytes()).count(), count);
        }

        #[test]
        fn any_bytes_are_harmless(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = members(&bytes).count() + elements(&bytes).count();
        }
    }
}
