//! JSON texts one behind the other, with or without line ends between them, or as the elements of one array, across any
//! chunk boundaries: what `Ollama` and Cohere stream as lines, and Google as an array.

use memchr::memchr2;

use crate::wire::sse::MAX_EVENT_BYTES;

/// Splits a stream into its objects and arrays. Whatever else stands between them is dropped.
#[derive(Default)]
pub(crate) struct Splitter {
    text: Vec<u8>,
    /// How many brackets are open.
    depth: usize,
    /// How many are open around every text: one in an array.
    around: usize,
    place: Place,
    too_long: bool,
    has_ended: bool,
}

/// Where the next byte stands.
#[derive(Clone, Copy, Default, PartialEq)]
enum Place {
    #[default]
    Outside,
    InString,
    AfterBackslash,
}

impl Splitter {
    /// For texts in a row.
    pub(crate) fn row() -> Self {
        Self::default()
    }

    /// For the elements of an array, whose opening bracket is still to come.
    pub(crate) fn array() -> Self {
        Self { around: 1, ..Self::default() }
    }

    #[cfg(test)]
    pub(crate) fn held_bytes(&self) -> usize {
        self.text.capacity()
    }

    /// Calls `on_text` with every text that these bytes complete. The callee may take the buffer and leave another one.
    pub(crate) fn push(&mut self, bytes: &[u8], mut on_text: impl FnMut(&mut Vec<u8>)) {
        let mut start = 0;
        let mut at = 0;
        while at < bytes.len() && !self.has_ended {
            if self.place != Place::Outside {
                at = self.pass_string(bytes, at);
                continue;
            }
            match bytes[at] {
                b'"' => self.place = Place::InString,
                b'{' | b'[' => {
                    if self.depth == self.around {
                        start = at;
                        self.text.clear();
                        self.too_long = false;
                    }
                    self.depth += 1;
                }
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == self.around {
                        self.keep(&bytes[start..=at]);
                        if !self.too_long {
                            on_text(&mut self.text);
                        }
                    }
                    self.has_ended = self.depth < self.around;
                }
                _ => {}
            }
            at += 1;
        }
        if self.is_open() {
            self.keep(&bytes[start..]);
        }
    }

    /// The stream is over. True if it broke off within a text; [`Splitter::data`] is then what came of it.
    pub(crate) fn end(&self) -> bool {
        self.is_open() && !self.too_long
    }

    /// The last text, unless the callee took it.
    pub(crate) fn data(&self) -> &[u8] {
        &self.text
    }

    /// The array was closed.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }

    fn is_open(&self) -> bool {
        self.depth > self.around
    }

    fn pass_string(&mut self, bytes: &[u8], at: usize) -> usize {
        if self.place == Place::AfterBackslash {
            self.place = Place::InString;
            return at + 1;
        }
        let Some(hit) = memchr2(b'"', b'\\', &bytes[at..]).map(|hit| at + hit) else { return bytes.len() };
        self.place = if bytes[hit] == b'"' { Place::Outside } else { Place::AfterBackslash };
        hit + 1
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.too_long || self.text.len() + bytes.len() > MAX_EVENT_BYTES {
            self.too_long = true;
            self.text = Vec::new();
        } else {
            self.text.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(mut splitter: Splitter, bytes: &[u8], size: usize) -> (Vec<String>, bool) {
        let mut texts = Vec::new();
        for chunk in bytes.chunks(size) {
            splitter.push(chunk, |text| texts.push(String::from_utf8_lossy(text).into_owned()));
        }
        if splitter.end() {
            texts.push(format!("cut {}", String::from_utf8_lossy(splitter.data())));
        }
        (texts, splitter.has_ended())
    }

    #[test]
    fn texts_in_a_row_need_nothing_between_them() {
        let row = b"{\"a\":\"}\\\"{\"}\n{\"b\":[{}]}\r\n\r\n[1]{\"c\":\"\\\\\"} 7 \"{\" {\"d\":";
        for size in [1, 2, 3, 100] {
            let (texts, _) = texts(Splitter::row(), row, size);
            assert_eq!(texts, ["{\"a\":\"}\\\"{\"}", "{\"b\":[{}]}", "[1]", "{\"c\":\"\\\\\"}", "cut {\"d\":"]);
        }
    }

    #[test]
    fn elements_of_an_array_end_with_it() {
        for size in [1, 2, 3, 100] {
            let (whole, ended) =
                texts(Splitter::array(), b" [ {\"a\":[1]}\n,\n{\"b\":2}, 5, \"]\" ] {\"late\":1}", size);
            assert_eq!((whole, ended), (vec!["{\"a\":[1]}".to_owned(), "{\"b\":2}".to_owned()], true));
            let (cut, ended) = texts(Splitter::array(), b"[{\"a\":1},{\"b\"", size);
            assert_eq!((cut, ended), (vec!["{\"a\":1}".to_owned(), "cut {\"b\"".to_owned()], false));
        }
    }

    #[test]
    fn a_text_beyond_the_bound_is_dropped_and_what_follows_is_read() {
        let mut splitter = Splitter::row();
        splitter.push(b"{\"x\":\"", |_| panic!("not yet"));
        let chunk = vec![b'x'; 1 << 20];
        for _ in 0..40 {
            splitter.push(&chunk, |_| panic!("too long"));
            assert!(splitter.text.len() <= MAX_EVENT_BYTES);
        }
        assert_eq!(splitter.text.capacity(), 0);
        assert!(!splitter.end());
        let mut seen = Vec::new();
        splitter.push(b"\"}{\"next\":1}", |text| seen.push(text.clone()));
        assert_eq!(seen, [b"{\"next\":1}"]);
    }

    proptest! {
        #[test]
        fn chunk_boundaries_change_nothing(bytes in "[\\[\\]{}\",:\\\\a\n]{0,60}", size in 1_usize..9) {
            for splitter in [Splitter::row, Splitter::array] {
                prop_assert_eq!(texts(splitter(), bytes.as_bytes(), size), texts(splitter(), bytes.as_bytes(), 100));
            }
        }
    }
}
