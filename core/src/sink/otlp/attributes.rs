//! The attributes of one span while they are put together.

use super::protobuf::{AnyValue, ArrayValue, KeyValue, Value};
use crate::money::Money;

const MAX_GROUP_CHARS: usize = 200;

/// How much of the host's own texts a span carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// All of it.
    Whole,
    /// No tags, and no text longer than this many bytes: for a request that would exceed what servers take.
    Cut(usize),
}

pub(super) struct Attributes {
    list: Vec<KeyValue>,
    detail: Detail,
}

impl Attributes {
    pub(super) fn new(detail: Detail) -> Self {
        Self { list: Vec::with_capacity(64), detail }
    }

    pub(super) fn into_list(self) -> Vec<KeyValue> {
        self.list
    }

    /// Whether there is room for tags.
    pub(super) fn takes_tags(&self) -> bool {
        self.detail == Detail::Whole
    }

    /// A text as it may stand in a span.
    pub(super) fn fitted(&self, text: &str) -> String {
        // PostgreSQL holds no NUL: a server that stores there would refuse the whole request for it.
        let mut text = text.replace('\0', "\u{fffd}");
        if let Detail::Cut(bytes) = self.detail
            && text.len() > bytes
        {
            let end = (0..=bytes).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
            text.truncate(end);
            text.push('…');
        }
        text
    }

    /// The same text under the names of several dialects.
    pub(super) fn text(&mut self, keys: &[&str], text: Option<&str>) {
        let Some(text) = text else { return };
        let text = self.fitted(text);
        for key in keys {
            self.put(key, Value::Text(text.clone()));
        }
    }

    /// A text by which a backend groups. One that is too long costs more than itself: `MLflow` refuses the whole request
    /// for a session of more than 250 characters, Langfuse drops what is longer than 200.
    pub(super) fn group(&mut self, keys: &[&str], text: Option<&str>) {
        match text.and_then(|text| text.char_indices().nth(MAX_GROUP_CHARS).map(|(end, _)| &text[..end])) {
            Some(cut) => self.text(keys, Some(cut)),
            None => self.text(keys, text),
        }
    }

    /// A JSON document, which is never cut: half of one is none.
    pub(super) fn json(&mut self, keys: &[&str], document: &impl serde::Serialize) {
        let Ok(json) = serde_json::to_string(document) else { return };
        for key in keys {
            self.put(key, Value::Text(json.clone()));
        }
    }

    pub(super) fn texts(&mut self, keys: &[&str], texts: &[String]) {
        let values: Vec<_> = texts.iter().map(|text| any(Value::Text(self.fitted(text)))).collect();
        for key in keys {
            self.put(key, Value::List(ArrayValue { values: values.clone() }));
        }
    }

    pub(super) fn bool(&mut self, key: &str, value: bool) {
        self.put(key, Value::Bool(value));
    }

    /// A count under the names of several dialects; OTLP's integers end at 2⁶³ − 1.
    pub(super) fn count(&mut self, keys: &[&str], count: Option<u64>) {
        let Some(count) = count else { return };
        for key in keys {
            self.put(key, Value::Int(i64::try_from(count).unwrap_or(i64::MAX)));
        }
    }

    pub(super) fn seconds(&mut self, key: &str, ns: u64) {
        #[expect(clippy::cast_precision_loss, reason = "a duration for display; 2^53 ns are 104 days")]
        self.put(key, Value::Double(ns as f64 / 1e9));
    }

    /// An amount as the number that backends expect. The exact one goes beside it, as text.
    pub(super) fn money(&mut self, keys: &[&str], amount: Money) {
        // Reading the decimal form gives the nearest double; there is no better one to be had.
        let Ok(nearest) = amount.to_string().parse::<f64>() else { return };
        for key in keys {
            self.put(key, Value::Double(nearest));
        }
    }

    fn put(&mut self, key: &str, value: Value) {
        self.list.push(KeyValue { key: key.to_owned(), value: Some(any(value)) });
    }
}

fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}
