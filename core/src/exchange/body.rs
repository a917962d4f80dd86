//! The body of an answer as it passes: events are read and let go, a JSON text is kept until its end.

use memchr::memmem::{self, Finder};

use crate::provider::dialect::{Answer, Dialect};
use crate::wire::json;
use crate::wire::sse::Splitter;

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
    /// A JSON text, read at its end.
    Json(Vec<u8>),
    /// A JSON text beyond the bound.
    TooLarge,
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
                b'{' | b'[' => Self::Json(Vec::new()),
                _ => Self::Events(Box::new(Events::new(dialect))),
            };
        }
        match self {
            Self::Events(events) => events.push(bytes, dialect, answer),
            Self::Json(kept) if kept.len() + bytes.len() <= MAX_JSON_BYTES => kept.extend_from_slice(bytes),
            Self::Json(_) => *self = Self::TooLarge,
            Self::Unknown | Self::TooLarge => {}
        }
    }

    /// The first event, or the first byte of anything else, is here.
    pub(super) fn has_begun(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::Json(_) | Self::TooLarge => true,
            Self::Events(events) => events.reader.count > 0,
        }
    }

    pub(super) fn is_events(&self) -> bool {
        matches!(self, Self::Events(_))
    }

    /// Reads what is left, and tells whether nothing was missing.
    pub(super) fn end(&mut self, dialect: &Dialect, answer: &mut Answer) -> bool {
        match self {
            Self::Unknown | Self::TooLarge => false,
            Self::Json(kept) => {
                let mut parts = json::elements(kept).peekable();
                if parts.peek().is_none() {
                    (dialect.absorb)(answer, kept);
                }
                // Google streams an array of responses where it is not asked for events.
                parts.for_each(|part| (dialect.absorb)(answer, part));
                json::is_whole(kept)
            }
            Self::Events(events) => events.end(dialect, answer),
        }
    }
}

/// A stream of server-sent events.
pub(super) struct Events {
    splitter: Splitter,
    reader: Reader,
}

impl Events {
    fn new(dialect: &Dialect) -> Self {
        let reader = Reader {
            count: 0,
            newest: Vec::new(),
            last_is_newest: false,
            usage_key: Finder::new(dialect.usage_key),
            also_read: dialect.also_read.iter().map(Finder::new).collect(),
        };
        Self { splitter: Splitter::default(), reader }
    }

    fn push(&mut self, bytes: &[u8], dialect: &Dialect, answer: &mut Answer) {
        let reader = &mut self.reader;
        self.splitter.push(bytes, |event| reader.on_event(event, dialect, answer));
    }

    fn end(&mut self, dialect: &Dialect, answer: &mut Answer) -> bool {
        self.reader.read_newest(dialect, answer);
        let broken_off = self.splitter.end();
        if broken_off {
            (dialect.absorb)(answer, self.splitter.data());
        }
        let last = if self.reader.last_is_newest && !broken_off { &self.reader.newest } else { self.splitter.data() };
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
