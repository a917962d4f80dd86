//! Server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>) across any chunk boundaries.

use memchr::memchr2;

/// A longer line, or event, is skipped to its end.
pub(crate) const MAX_EVENT_BYTES: usize = 16 << 20;

/// Splits a stream into the data of its events. Comments and the other fields are dropped: what an event is, its data
/// says in every dialect.
#[derive(Default)]
pub(crate) struct Splitter {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    too_long: bool,
    after_return: bool,
}

impl Splitter {
    #[cfg(test)]
    pub(crate) fn held_bytes(&self) -> usize {
        self.line.capacity() + self.data.capacity()
    }

    /// Calls `on_event` with the data of every event that these bytes complete. The callee may take the buffer and
    /// leave another one, so that keeping an event is no copy.
    pub(crate) fn push(&mut self, mut bytes: &[u8], mut on_event: impl FnMut(&mut Vec<u8>)) {
        if self.after_return && !bytes.is_empty() {
            self.after_return = false;
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        while let Some(end) = memchr2(b'\n', b'\r', bytes) {
            let is_return = bytes[end] == b'\r';
            if self.line.is_empty() {
                self.on_line(&bytes[..end], &mut on_event);
            } else {
                self.keep(&bytes[..end]);
                let line = std::mem::take(&mut self.line);
                self.on_line(&line, &mut on_event);
                self.line = line;
                self.line.clear();
            }
            bytes = &bytes[end + 1..];
            if is_return {
                self.after_return = bytes.is_empty();
                bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
            }
        }
        self.keep(bytes);
    }

    /// The stream is over. True if it broke off before the blank line that ends an event; [`Splitter::data`] is then what
    /// came of it.
    pub(crate) fn end(&mut self) -> bool {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.on_line(&line, &mut |_: &mut Vec<u8>| {});
        }
        std::mem::take(&mut self.has_data)
    }

    /// The data of the last event, unless the callee took it.
    pub(crate) fn data(&self) -> &[u8] {
        &self.data
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.too_long || self.line.len() + bytes.len() > MAX_EVENT_BYTES {
            // One byte stays, so that the end of the line is still the end of a line that is not blank.
            self.too_long = true;
            self.line.truncate(1);
            if self.line.is_empty() {
                self.line.push(b':');
            }
        } else {
            self.line.extend_from_slice(bytes);
        }
    }

    fn on_line(&mut self, line: &[u8], on_event: &mut impl FnMut(&mut Vec<u8>)) {
        if std::mem::take(&mut self.too_long) {
            return;
        }
        if line.is_empty() {
            if std::mem::take(&mut self.has_data) {
                on_event(&mut self.data);
            }
            return;
        }
        let Some(data) = line.strip_prefix(b"data:") else { return };
        let data = data.strip_prefix(b" ").unwrap_or(data);
        if self.has_data {
            self.data.push(b'\n');
        } else {
            self.data.clear();
        }
        self.has_data = true;
        if self.data.len() + data.len() <= MAX_EVENT_BYTES {
            self.data.extend_from_slice(data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn events<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut splitter = Splitter::default();
        let mut events = Vec::new();
        for chunk in chunks {
            splitter.push(chunk, |data| events.push(String::from_utf8_lossy(data).into_owned()));
        }
        if splitter.end() {
            events.push(String::from_utf8_lossy(splitter.data()).into_owned());
        }
        events
    }

    #[test]
    fn every_kind_of_line_end_ends_a_line() {
        for end in ["\n", "\r\n", "\r"] {
            let text =
                ["event: x", "data: one", "data:two", "", ": note", "", "id: 7", "data: three", "", ""].join(end);
            let bytes = text.as_bytes();
            assert_eq!(events([bytes]), ["one\ntwo", "three"]);
            assert_eq!(events(bytes.chunks(1)), ["one\ntwo", "three"]);
        }
    }

    #[test]
    fn an_event_that_breaks_off_is_given_at_the_end() {
        assert_eq!(events([&b"data: whole\n\ndata: bro"[..]]), ["whole", "bro"]);
        assert_eq!(events([&b"data: whole\n\n\n"[..]]), ["whole"]);
    }

    #[test]
    fn a_line_beyond_the_bound_is_skipped_to_its_end_and_nothing_of_it_is_kept() {
        let mut splitter = Splitter::default();
        let mut seen = Vec::new();
        splitter.push(b"data: ", |_| {});
        let chunk = vec![b'x'; 1 << 20];
        for _ in 0..40 {
            splitter.push(&chunk, |_| {});
            assert!(splitter.line.len() <= MAX_EVENT_BYTES);
        }
        assert_eq!(splitter.line.len(), 1);
        splitter.push(b"\n\ndata: next\n\n", |data| seen.push(data.clone()));
        assert_eq!(seen, [b"next"]);
    }

    proptest! {
        #[test]
        fn chunk_boundaries_change_nothing(
            lines in proptest::collection::vec(prop_oneof!["data: ?[a-z ]{0,9}", ":[a-z]{0,3}", Just(String::new())], 0..12),
            ends in proptest::collection::vec(prop_oneof![Just("\n"), Just("\r\n"), Just("\r")], 12),
            size in 1_usize..9,
        ) {
            let text: String = lines.iter().zip(&ends).flat_map(|(line, end)| [line.as_str(), end]).collect();
            prop_assert_eq!(events(text.as_bytes().chunks(size)), events([text.as_bytes()]));
        }
    }
}
