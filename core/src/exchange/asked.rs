//! What a request says of the call that it is.

use std::borrow::Cow;

use memchr::memmem;

use crate::provider::{self, Endpoint};
use crate::wire::{json, value};

/// Clients put the fields of a form before its files, and no file in front of them is searched further than this.
const MAX_FORM_BYTES: usize = 64 << 10;

/// What a request's body says.
#[derive(Default)]
pub(super) struct Asked<'a> {
    pub(super) model: Option<Cow<'a, str>>,
    pub(super) stream: Option<bool>,
    pub(super) service_tier: Option<&'a [u8]>,
    pub(super) search_context_size: Option<Cow<'a, str>>,
    /// The raw text that is to be spoken.
    pub(super) text: Option<&'a [u8]>,
    pub(super) has_member: bool,
}

impl<'a> Asked<'a> {
    pub(super) fn read(body: &'a [u8], endpoint: &Endpoint) -> Self {
        let member = endpoint.request_member;
        if body.starts_with(b"--") {
            let form = &body[..body.len().min(MAX_FORM_BYTES)];
            let has_member = member.is_some_and(|name| field_of(form, name).is_some());
            return Self { model: field_of(form, "model").and_then(word), has_member, ..Self::default() };
        }
        let mut asked = Self::default();
        for (key, raw) in json::members(body) {
            match key {
                b"model" => asked.model = value::name(raw),
                b"stream" => asked.stream = Some(raw == b"true"),
                b"service_tier" | b"serviceTier" => asked.service_tier = Some(raw),
                b"web_search_options" => {
                    asked.search_context_size = json::get(raw, "search_context_size").and_then(value::name);
                }
                b"input" => asked.text = Some(raw),
                _ => {}
            }
            asked.has_member |= member.is_some_and(|member| member.as_bytes() == key);
        }
        asked
    }
}

/// What follows the headers of a field of `multipart/form-data`.
fn field_of<'a>(form: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let name = format!(" name=\"{name}\"");
    let after = &form[memmem::find(form, name.as_bytes())? + name.len()..];
    Some(&after[memmem::find(after, b"\r\n\r\n")? + 4..])
}

fn word(field: &[u8]) -> Option<Cow<'_, str>> {
    let word = std::str::from_utf8(&field[..memmem::find(field, b"\r\n")?]).ok()?;
    (!word.is_empty() && word.len() <= 128).then_some(Cow::Borrowed(word))
}

/// The characters of a text, which may be long and may be escaped.
pub(super) fn characters(raw: &[u8]) -> Option<u64> {
    let text: String = serde_json::from_slice(raw).ok()?;
    u64::try_from(text.chars().count()).ok()
}

/// The model of a path such as `/v1beta/models/gemini-2.5-pro:generateContent` or `/model/a.b%3A0/converse`.
pub(super) fn model_of<'a>(url: &'a str, endpoint: &Endpoint) -> Option<Cow<'a, str>> {
    if !endpoint.model_in_path && endpoint.model_after.is_none() {
        return None;
    }
    let (_, path) = provider::host_and_path(url)?;
    let model = if let Some(before) = endpoint.model_after {
        path[path.find(before)? + before.len()..].split('/').next()?
    } else {
        let before = path.strip_suffix(endpoint.path_end)?;
        // An ARN may have slashes that nobody encoded.
        before.rsplit_once("/model/").or_else(|| before.rsplit_once('/'))?.1
    };
    percent_decoded(model).filter(|model| !model.is_empty())
}

/// `None` if what is encoded is no text.
fn percent_decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%'
            && let [high, low, after @ ..] = rest
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            decoded.push(high << 4 | low);
            rest = after;
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_names_its_model_before_its_files() {
        let form = b"--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--b\r\n\
            Content-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF";
        assert_eq!(field_of(form, "model").and_then(word).as_deref(), Some("whisper-1"));
        assert!(field_of(form, "file").is_some());
        assert!(field_of(form, "prompt").is_none());
        assert!(field_of(b"-- name=\"model\"", "model").is_none());
    }

    #[test]
    fn characters_are_those_of_the_text_and_not_of_its_escapes() {
        assert_eq!(characters(r#""a\n\u00e9\ud83d\ude00é""#.as_bytes()), Some(5));
        assert_eq!(characters(b"[1]"), None);
    }
}
