//! Images, speech and transcriptions
//! (<https://platform.openai.com/docs/api-reference/images/object>,
//! <https://platform.openai.com/docs/api-reference/audio>).

use crate::provider::dialect::{Answer, Dialect, set_name};
use crate::provider::openai::usage::shortest;
use crate::provider::openai::{read_responses_usage, read_usage};
use crate::usage::Dimension;
use crate::wire::{json, value};

/// GPT Image reports tokens, text and images apart. Older models report nothing, and cost by the image.
pub(in crate::provider) static IMAGES: Dialect = Dialect {
    native_to: None,
    usage_key: "\"usage\"",
    also_read: &["\"error\""],
    newest_usage_wins: true,
    last_words: &["\"image_generation.completed\"", "\"image_edit.completed\"", "[DONE]"],
    absorb: absorb_image,
};

/// The answer is the sound itself, or events whose last one has the usage. Models that are sold by the character report
/// nothing: what they were asked to say was counted when they were asked.
pub(in crate::provider) static SPEECH: Dialect = Dialect {
    last_words: &["\"speech.audio.done\"", "[DONE]"],
    absorb: absorb_speech,
    also_read: &["\"error\"", "\"extra_info\""],
    ..IMAGES
};

/// Tokens or seconds, by the model. Formats that are not JSON report nothing.
pub(in crate::provider) static TRANSCRIPTION: Dialect =
    Dialect { last_words: &["\"transcript.text.done\"", "[DONE]"], absorb: absorb_text, ..IMAGES };

fn absorb_image(answer: &mut Answer, body: &[u8]) {
    for (key, raw) in json::members(body) {
        match key {
            b"model" => set_name(&mut answer.call.model, raw),
            b"usage" => read_responses_usage(answer, raw),
            b"error" => answer.fail(raw),
            _ => {}
        }
    }
}

fn absorb_speech(answer: &mut Answer, body: &[u8]) {
    absorb_image(answer, body);
    if let Some(status) = json::get(body, "base_resp") {
        answer.fail_if_not_zero(status);
    }
    // MiniMax: https://platform.minimax.io/docs/api-reference/speech-t2a-http
    let characters = json::get(body, "extra_info").and_then(|info| json::get(info, "usage_characters"));
    answer.call.usage.set_if(Dimension::Characters, characters.and_then(value::count));
}

fn absorb_text(answer: &mut Answer, body: &[u8]) {
    let mut duration = None;
    for (key, raw) in json::members(body) {
        match key {
            b"model" => set_name(&mut answer.call.model, raw),
            b"usage" => read_usage(answer, raw),
            b"duration" => duration = value::seconds(raw),
            b"error" => answer.fail(raw),
            _ => {}
        }
    }
    if answer.call.usage.is_empty() {
        // `verbose_json` of Groq and of older servers.
        answer.call.usage.set_if(Dimension::AudioSeconds, shortest(duration, answer.counting));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Operation;
    use crate::provider::Counting;

    fn counts(dialect: &Dialect, counting: Counting, body: &str) -> serde_json::Value {
        let mut answer = Answer::new(Operation::Transcription, counting);
        (dialect.absorb)(&mut answer, body.as_bytes());
        serde_json::to_value(answer.call.usage).unwrap()
    }

    #[test]
    fn the_images_of_an_image_are_part_of_its_tokens() {
        let body = r#"{"created":1,"data":[{"b64_json":"aa"}],"usage":{"input_tokens":50,"output_tokens":1056,
            "input_tokens_details":{"image_tokens":40,"text_tokens":10},
            "output_tokens_details":{"image_tokens":1000,"text_tokens":56},"total_tokens":1106}}"#;
        let expected = serde_json::json!({"input":50,"output":1056,"image_in":40,"image_out":1000});
        assert_eq!(counts(&IMAGES, Counting::PLAIN, body), expected);
    }

    #[test]
    fn a_transcription_tells_tokens_or_seconds() {
        let tokens = r#"{"text":"a","usage":{"type":"tokens","input_tokens":26,"input_token_details":{"audio_tokens":21},
            "output_tokens":4,"total_tokens":30}}"#;
        let expected = serde_json::json!({"input":26,"output":4,"audio_in":21});
        assert_eq!(counts(&TRANSCRIPTION, Counting::PLAIN, tokens), expected);
        for (body, seconds) in [
            (r#"{"text":"a","duration":7.4,"usage":{"type":"duration","seconds":9}}"#, 9),
            (r#"{"text":"a","duration":8.47}"#, 8),
            (r#"{"text":"a","duration":"8.5"}"#, 9),
        ] {
            let expected = serde_json::json!({"audio_seconds":seconds});
            assert_eq!(counts(&TRANSCRIPTION, Counting::PLAIN, body), expected, "{body}");
        }
    }

    #[test]
    fn who_bills_at_least_ten_seconds_is_believed() {
        let counting = Counting { shortest_audio_s: 10, ..Counting::PLAIN };
        let short = counts(&TRANSCRIPTION, counting, r#"{"text":"a","duration":3.2}"#);
        assert_eq!(short, serde_json::json!({"audio_seconds":10}));
    }
}
