//! The responses API (<https://platform.openai.com/docs/api-reference/responses/object>,
//! <https://platform.openai.com/docs/api-reference/responses-streaming>).

use crate::event::Pass;
use crate::provider::dialect::{Answer, Dialect, set_name};
use crate::provider::openai::read_responses_usage;
use crate::provider::openai::usage::usage_of;
use crate::usage::Dimension;
use crate::wire::json;

pub(in crate::provider) static RESPONSES: Dialect = Dialect {
    native_to: None,
    usage_key: "\"usage\"",
    also_read: &["\"error\""],
    newest_usage_wins: false,
    last_words: &["\"response.completed\"", "\"response.incomplete\"", "\"response.failed\"", "[DONE]"],
    absorb,
};

/// A response, or an event that carries one, or an error event.
fn absorb(answer: &mut Answer, body: &[u8]) {
    if json::get(body, "type") == Some(b"\"error\"") {
        answer.fail(json::get(body, "error").filter(|error| *error != b"null").unwrap_or(body));
        return;
    }
    let response = json::get(body, "response").unwrap_or(body);
    let (mut output, mut tools, mut tool_usage) = (None, None, None);
    let mut has_usage = false;
    for (key, raw) in json::members(response) {
        match key {
            b"id" if raw.starts_with(b"\"") => set_name(&mut answer.call.response_id, raw),
            b"model" => set_name(&mut answer.call.model, raw),
            b"service_tier" => answer.tier(raw),
            b"error" => answer.fail(raw),
            b"output" => output = Some(raw),
            b"tools" => tools = Some(raw),
            b"tool_usage" => tool_usage = Some(raw),
            b"usage" if raw.starts_with(b"{") => {
                read_responses_usage(answer, raw);
                has_usage = true;
            }
            _ => {}
        }
    }
    if let Some(output) = output.filter(|_| has_usage) {
        count_tool_calls(answer, output);
    }
    if let Some(images) = tool_usage.and_then(|usage| json::get(usage, "image_gen")) {
        add_images(answer, images, tools.unwrap_or_default());
    }
}

/// Images that the model had made are tokens of another model, which the usage leaves out
/// (<https://platform.openai.com/docs/guides/tools-image-generation>). Which model, the tool says; where it does not, nothing
/// is known of the price.
fn add_images(answer: &mut Answer, images: &[u8], tools: &[u8]) {
    let usage = usage_of(images, answer.counting);
    if usage.count(Dimension::Input) == 0 && usage.count(Dimension::Output) == 0 {
        return;
    }
    let mut tool = json::elements(tools).filter(|tool| json::get(tool, "type") == Some(b"\"image_generation\""));
    let mut model = None;
    if let Some(name) = tool.next().and_then(|tool| json::get(tool, "model")) {
        set_name(&mut model, name);
    }
    let model = Some(model.unwrap_or_else(|| "image_generation".to_owned()));
    answer.call.extra_passes = vec![Pass { model, usage }];
}

/// Of the tools that run at `OpenAI`, searches are billed by the call; of the actions of a web search only `search` is
/// (<https://platform.openai.com/docs/guides/tools-web-search#output-and-citations>).
fn count_tool_calls(answer: &mut Answer, output: &[u8]) {
    let (mut web, mut file) = (0, 0);
    for item in json::elements(output) {
        match json::get(item, "type") {
            Some(b"\"web_search_call\"") => {
                let action = json::get(item, "action").and_then(|action| json::get(action, "type"));
                web += u64::from(action.is_none_or(|action| action == b"\"search\""));
            }
            Some(b"\"file_search_call\"") => file += 1,
            _ => {}
        }
    }
    for (dimension, count) in [(Dimension::WebSearches, web), (Dimension::FileSearches, file)] {
        if count > 0 {
            answer.call.usage.set(dimension, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Operation;
    use crate::provider::{Counting, Reasoning};

    fn read(events: &[&str]) -> Answer {
        let mut answer = Answer::new(Operation::Chat, Counting { reasoning: Reasoning::Outside, ..Counting::PLAIN });
        for event in events {
            absorb(&mut answer, event.as_bytes());
        }
        answer
    }

    #[test]
    fn reasoning_is_inside_even_where_the_chat_of_the_provider_counts_it_outside() {
        let answer = read(&[r#"{"id":"resp_1","model":"grok-4.5","usage":{"input_tokens":8,"output_tokens":9,
            "output_tokens_details":{"reasoning_tokens":7}}}"#]);
        assert_eq!(answer.call.usage.get(Dimension::Output), Some(9));
    }

    #[test]
    fn the_tier_is_what_the_completed_response_says() {
        let answer = read(&[
            r#"{"type":"response.created","response":{"id":"resp_1","service_tier":"auto","usage":null,"error":null}}"#,
            r#"{"type":"response.completed","response":{"id":"resp_1","service_tier":"flex","usage":{"input_tokens":1}}}"#,
        ]);
        assert!(!answer.failed);
        assert_eq!(answer.call.service_tier.as_deref(), Some("flex"));
        assert_eq!(answer.call.response_id.as_deref(), Some("resp_1"));
    }

    #[test]
    fn searches_are_counted_and_opened_pages_are_not() {
        let answer = read(&[r#"{"output":[
            {"type":"web_search_call","action":{"type":"search","query":"a"}},
            {"type":"web_search_call","action":{"type":"open_page","url":"b"}},
            {"type":"web_search_call"},
            {"type":"file_search_call","queries":["c"]},
            {"type":"message","content":[{"type":"web_search_call"}]}],"usage":{"input_tokens":1,"output_tokens":1}}"#]);
        assert_eq!(answer.call.usage.get(Dimension::WebSearches), Some(2));
        assert_eq!(answer.call.usage.get(Dimension::FileSearches), Some(1));
    }

    #[test]
    fn a_failed_response_and_an_error_event_are_errors() {
        for event in [
            r#"{"type":"response.failed","response":{"error":{"code":"server_error","message":"m"},"usage":null}}"#,
            r#"{"type":"error","code":"server_error","message":"m","param":null}"#,
            r#"{"type":"error","error":{"type":"x","code":"server_error","message":"m"}}"#,
        ] {
            let answer = read(&[event]);
            assert!(answer.failed, "{event}");
            assert_eq!(answer.error_type.as_deref(), Some("server_error"), "{event}");
        }
    }
}
