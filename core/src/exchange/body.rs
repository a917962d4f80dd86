//! The body of an answer as it passes: events are read and let go, a JSON text that stands alone is kept until its end.

use memchr::memchr;
use memchr::memmem::{self, Finder};

use crate::provider::dialect::{Answer, Dialect};
use crate::wire::{eventstream, json, sse, texts};

/// A larger JSON body is not kept, and its usage stays unknown.
const MAX_JSON_BYTES: usize = 64 << 20;
/// As many events are read for the model's name; then it is taken as one that the stream does not tell.
const MAX_OPENING_EVENTS: u32 = 4;

/// What came so far. The first byte tells what a body is, because servers send streams as `application/json` and errors
/// as `text/event-stream`.
#[derive(Default)]
pub(super) enum Body {
    /// Nothing but blanks.
    #[default]
    Unknown,
    /// A JSON text, read at its end; unless it is the first of a row.
    Json(Text),
    /// Nothing to be read: a JSON text beyond the bound, or sound.
    Passing,
    /// A stream of events.
    Events(Box<Events>),
}

impl Body {
    pub(super) fn push(&mut self, mut bytes: &[u8], dialect: &Dialect, answer: &mut Answer) {
        if let Self::Unknown = self {
            let is_blank = |byte: &u8| byte.is_ascii_whitespace() || b"\xEF\xBB\xBF".contains(byte);
            let Some(first) = bytes.iter().position(|byte| !is_blank(byte)) else { return };
            bytes = &bytes[first..];
            *self = match bytes[0] {
                b'{' => Self::Json(Text::default()),
                b'[' => Self::events(Splitter::Array(texts::Splitter::array()), dialect),
                // The length of a message below 16 MiB.
                0 => Self::events(Splitter::Messages(eventstream::Splitter::default()), dialect),
                _ => Self::events(Splitter::Events(sse::Splitter::default()), dialect),
            };
        }
        match self {
            Self::Events(events) => events.push(bytes, dialect, answer),
            Self::Json(text) if text.kept.len() + bytes.len() > MAX_JSON_BYTES => *self = Self::Passing,
            Self::Json(text) => {
                text.kept.extend_from_slice(bytes);
                if text.is_first_of_a_row() {
                    let row = std::mem::take(&mut text.kept);
                    *self = Self::events(Splitter::Row(texts::Splitter::row()), dialect);
                    self.push(&row, dialect, answer);
                }
            }
            Self::Unknown | Self::Passing => {}
        }
    }

    fn events(splitter: Splitter, dialect: &Dialect) -> Self {
        Self::Events(Box::new(Events { splitter, reader: Reader::new(dialect) }))
    }

    /// The first event, or the first byte of anything else, is here.
    pub(super) fn has_begun(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::Json(_) | Self::Passing => true,
            Self::Events(events) => events.reader.count > 0,
        }
    }

    /// A stream, whatever was asked for. An array may be a list of errors.
    pub(super) fn is_events(&self) -> bool {
        matches!(self, Self::Events(events) if !matches!(events.splitter, Splitter::Array(_)))
    }

    pub(super) fn unread_bytes(&self) -> usize {
        match self {
            Self::Json(text) => text.kept.len(),
            Self::Unknown | Self::Passing | Self::Events(_) => 0,
        }
    }

    #[cfg(test)]
    fn held_bytes(&self) -> usize {
        match self {
            Self::Unknown | Self::Passing => 0,
            Self::Json(text) => text.kept.capacity(),
            Self::Events(events) => {
                let splitter = match &events.splitter {
                    Splitter::Events(events) => events.held_bytes(),
                    Splitter::Row(texts) | Splitter::Array(texts) => texts.held_bytes(),
                    Splitter::Messages(messages) => messages.held_bytes(),
                };
                splitter + events.reader.newest.capacity()
            }
        }
    }

    /// Reads what is left, and tells whether nothing was missing.
    pub(super) fn end(&mut self, dialect: &Dialect, answer: &mut Answer) -> bool {
        match self {
            Self::Unknown | Self::Passing => false,
            Self::Json(text) => {
                (dialect.absorb)(answer, &text.kept);
                json::is_whole(&text.kept)
            }
            Self::Events(events) => events.end(dialect, answer),
        }
    }
}

/// A JSON text as far as it came.
#[derive(Default)]
pub(super) struct Text {
    kept: Vec<u8>,
    first_line: FirstLine,
}

/// Whether the text may be the first of a row.
enum FirstLine {
    /// Up to here no line has ended.
    Open(usize),
    /// It is a whole text, and ends here.
    Whole(usize),
    /// It is not: the text has several lines.
    Part,
}

impl Default for FirstLine {
    fn default() -> Self {
        Self::Open(0)
    }
}

impl Text {
    /// Whether the first line is a whole text and another one follows. Looks at every byte of the first line once, and at
    /// no other.
    fn is_first_of_a_row(&mut self) -> bool {
        if let FirstLine::Open(searched) = self.first_line {
            self.first_line = match memchr(b'\n', &self.kept[searched..]).map(|end| searched + end) {
                None => FirstLine::Open(self.kept.len()),
                Some(end) if json::is_whole(&self.kept[..end]) => FirstLine::Whole(end),
                Some(_) => FirstLine::Part,
            };
        }
        let FirstLine::Whole(end) = self.first_line else { return false };
        if self.kept[end..].trim_ascii().is_empty() {
            // Blanks tell nothing, and are not looked at again.
            self.kept.truncate(end);
        }
        self.kept.len() > end
    }
}

/// A stream.
pub(super) struct Events {
    splitter: Splitter,
    reader: Reader,
}

/// What separates the events of a stream.
enum Splitter {
    /// Server-sent events.
    Events(sse::Splitter),
    /// JSON texts in a row.
    Row(texts::Splitter),
    /// An array.
    Array(texts::Splitter),
    /// Amazon's messages.
    Messages(eventstream::Splitter),
}

impl Events {
    fn push(&mut self, bytes: &[u8], dialect: &Dialect, answer: &mut Answer) {
        let Self { splitter, reader } = self;
        match splitter {
            Splitter::Events(events) => events.push(bytes, |event| reader.on_event(event, dialect, answer)),
            Splitter::Row(texts) | Splitter::Array(texts) => {
                texts.push(bytes, |text| reader.on_event(text, dialect, answer));
            }
            Splitter::Messages(messages) => messages.push(bytes, |exception, payload| match exception {
                Some(name) => answer.fail_with(name),
                None => reader.on_event(payload, dialect, answer),
            }),
        }
    }

    fn end(&mut self, dialect: &Dialect, answer: &mut Answer) -> bool {
        self.reader.read_newest(dialect, answer);
        let broken_off = match &mut self.splitter {
            Splitter::Events(events) => events.end(),
            Splitter::Row(texts) | Splitter::Array(texts) => texts.end(),
            // What came of a message is no text.
            Splitter::Messages(_) => false,
        };
        let data = match &self.splitter {
            Splitter::Events(events) => events.data(),
            Splitter::Row(texts) | Splitter::Array(texts) => texts.data(),
            Splitter::Messages(messages) => messages.data(),
        };
        if broken_off {
            (dialect.absorb)(answer, data);
        }
        match &self.splitter {
            Splitter::Array(texts) => return texts.has_ended(),
            Splitter::Row(_) if broken_off => return false,
            _ => {}
        }
        let last = if self.reader.last_is_newest && !broken_off { &self.reader.newest } else { data };
        dialect.last_words.iter().any(|words| memmem::find(last, words.as_bytes()).is_some())
    }
}

/// Searches each event for a few words, and reads only those that have one.
struct Reader {
    count: u32,
    /// The newest event with usage, where only the newest counts: it is not read while a newer one may come.
    newest: Vec<u8>,
    last_is_newest: bool,
    usage_key: Finder<'static>,
    also_read: Vec<Finder<'static>>,
}

impl Reader {
    fn new(dialect: &Dialect) -> Self {
        Self {
            count: 0,
            newest: Vec::new(),
            last_is_newest: false,
            usage_key: Finder::new(dialect.usage_key),
            also_read: dialect.also_read.iter().map(Finder::new).collect(),
        }
    }

    fn on_event(&mut self, event: &mut Vec<u8>, dialect: &Dialect, answer: &mut Answer) {
        self.last_is_newest = false;
        let is_opening = self.count < MAX_OPENING_EVENTS && answer.call.model.is_none();
        self.count = self.count.saturating_add(1);
        if is_opening || self.also_read.iter().any(|word| says(event, word)) {
            self.read_newest(dialect, answer);
            (dialect.absorb)(answer, event);
        } else if says(event, &self.usage_key) {
            if dialect.newest_usage_wins {
                std::mem::swap(&mut self.newest, event);
                self.last_is_newest = true;
            } else {
                (dialect.absorb)(answer, event);
            }
        }
    }

    fn read_newest(&mut self, dialect: &Dialect, answer: &mut Answer) {
        if !self.newest.is_empty() {
            (dialect.absorb)(answer, &self.newest);
            if !self.last_is_newest {
                self.newest.clear();
            }
        }
    }
}

/// Whether a quoted word is there, as a key whose value is not null, or as a value. Inside of a text its quotes would be
/// escaped.
fn says(event: &[u8], word: &Finder<'_>) -> bool {
    word.find_iter(event).any(|at| {
        let rest = event[at + word.needle().len()..].trim_ascii_start();
        rest.strip_prefix(b":").is_none_or(|value| !value.trim_ascii_start().starts_with(b"null"))
    })
}

#[cfg(test)]
mod tests;
