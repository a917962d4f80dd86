//! Asking a stream for its usage: the one change that we make to a request.
//!
//! Streams of the chat dialect tell their usage only if `stream_options.include_usage` asks for it
//! (<https://platform.openai.com/docs/api-reference/chat/create#chat_create-stream_options>). The host decides where that
//! is known to be accepted, see [`Endpoint::usage_if_asked`](crate::provider::Endpoint); here the body decides.

use std::ops::Range;

use crate::wire::json;

const OPTIONS: &[u8] = b"\"stream_options\":{\"include_usage\":true}";
const OPTION: &[u8] = b"\"include_usage\":true";

/// The body that asks as well, and is the same byte for byte in everything else. `None` where the application has said
/// itself whether it wants the usage, where no stream is asked for, and where the body is not understood to its end.
pub(super) fn asked(body: &[u8]) -> Option<Vec<u8>> {
    let mut members = json::members(body);
    let mut streams = false;
    let mut options: Option<Range<usize>> = None;
    let mut end = None;
    while let Some((key, value)) = members.next_span() {
        match body.get(key)? {
            b"stream" => streams = &body[value.clone()] == b"true",
            // Of two with one name, nobody knows which one counts.
            b"stream_options" if options.is_some() => return None,
            b"stream_options" => options = Some(value.clone()),
            // Azure refuses the option together with its own data
            // (https://learn.microsoft.com/azure/ai-services/openai/reference#chatcompletionstreamoptions).
            b"data_sources" | b"dataSources" => return None,
            _ => {}
        }
        end = Some(value.end);
    }
    let end = end.filter(|&end| streams && body[end..].trim_ascii() == b"}")?;
    let Some(options) = options else { return Some(spliced(body, end..end, &[b",", OPTIONS])) };
    let given = &body[options.clone()];
    if given == b"null" {
        return Some(spliced(body, options, &[b"{", OPTION, b"}"]));
    }
    let within = |span: Range<usize>| options.start + span.start..options.start + span.end;
    let mut members = json::members(given);
    let mut last = None;
    while let Some((key, value)) = members.next_span() {
        if &given[key] == b"include_usage" {
            // Null is no answer; true and false are.
            return (&given[value.clone()] == b"null").then(|| spliced(body, within(value), &[b"true"]));
        }
        last = Some(value.end);
    }
    if let Some(last) = last {
        return Some(spliced(body, within(last..last), &[b",", OPTION]));
    }
    let inside = given.strip_prefix(b"{")?.strip_suffix(b"}")?;
    inside.trim_ascii().is_empty().then(|| spliced(body, within(1..1), &[OPTION]))
}

fn spliced(body: &[u8], place: Range<usize>, parts: &[&[u8]]) -> Vec<u8> {
    [&body[..place.start], &parts.concat(), &body[place.end..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(body: &str) -> Option<String> {
        asked(body.as_bytes()).map(|asked| String::from_utf8(asked).unwrap())
    }

    #[test]
    fn the_option_is_merged_in_and_nothing_else_changes() {
        for (body, expected) in [
            (r#"{"stream":true}"#, r#"{"stream":true,"stream_options":{"include_usage":true}}"#),
            (
                "{ \"stream\" : true , \"a\":[1, 2]\n}\n",
                "{ \"stream\" : true , \"a\":[1, 2],\"stream_options\":{\"include_usage\":true}\n}\n",
            ),
            (r#"{"stream_options":null,"stream":true}"#, r#"{"stream_options":{"include_usage":true},"stream":true}"#),
            (r#"{"stream_options":{ },"stream":true}"#, r#"{"stream_options":{"include_usage":true },"stream":true}"#),
            (
                r#"{"stream":true,"stream_options":{"include_obfuscation":false }}"#,
                r#"{"stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true }}"#,
            ),
            (
                r#"{"stream":true,"stream_options":{"include_usage":null,"a":1}}"#,
                r#"{"stream":true,"stream_options":{"include_usage":true,"a":1}}"#,
            ),
            (
                r#"{"a":1,"a":2,"stream":false,"stream":true}"#,
                r#"{"a":1,"a":2,"stream":false,"stream":true,"stream_options":{"include_usage":true}}"#,
            ),
        ] {
            assert_eq!(text(body).as_deref(), Some(expected), "{body}");
        }
    }

    #[test]
    fn who_has_said_it_himself_is_left_alone() {
        for body in [
            r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
            r#"{"stream":true,"stream_options":{"include_usage":false}}"#,
            r#"{"stream":true,"stream_options":{"include_usage":"yes"}}"#,
            r#"{"stream":true,"stream_options":true}"#,
            r#"{"stream":true,"stream_options":[]}"#,
            r#"{"stream":true,"stream_options":{"a"}}"#,
            r#"{"stream":true,"stream_options":null,"stream_options":null}"#,
        ] {
            assert_eq!(text(body), None, "{body}");
        }
    }

    #[test]
    fn what_is_no_stream_or_no_whole_object_is_left_alone() {
        for body in [
            "",
            "{}",
            "[]",
            "true",
            r#"{"messages":[]}"#,
            r#"{"stream":false}"#,
            r#"{"stream":"true"}"#,
            r#"{"stream":true"#,
            r#"{"stream":true} {"#,
            r#"{"stream":true,}"#,
            r#"{"stream":true,"a":[1"#,
            r#"{"nested":{"stream":true}}"#,
            r#"{"stream":true,"data_sources":[{"type":"azure_search"}]}"#,
        ] {
            assert_eq!(text(body), None, "{body}");
        }
    }

    proptest! {
        #[test]
        fn a_parser_sees_the_option_and_no_other_difference(
            before in "[a-z]{1,4}", value in "\\PC{0,12}", options in proptest::option::of(0..3_u8), pretty in any::<bool>(),
        ) {
            let mut body = serde_json::json!({"messages": [{"content": value}], before: [1, null], "stream": true});
            if let Some(count) = options {
                body["stream_options"] = (0..count).map(|n| (format!("o{n}"), serde_json::Value::from(n))).collect();
            }
            let text = if pretty { serde_json::to_vec_pretty(&body) } else { serde_json::to_vec(&body) }.unwrap();
            let sent: serde_json::Value = serde_json::from_slice(&asked(&text).unwrap()).unwrap();
            body["stream_options"]["include_usage"] = true.into();
            prop_assert_eq!(sent, body);
        }

        #[test]
        fn any_bytes_are_harmless(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = asked(&bytes);
        }
    }
}
