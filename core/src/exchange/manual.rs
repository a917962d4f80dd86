//! Responses that come by hand: a parsed body, or the dump of an SDK's object, with nulls for what is absent.

use std::borrow::Cow;

use crate::event::{Call, Operation};
use crate::provider::custom;
use crate::provider::dialect::Answer;
use crate::provider::shape::{NAMES_ONLY, usage_of};
use crate::provider::{self, Counting};
use crate::wire::json;

/// The members of a response that no reader looks into: what was said. Whoever turns a host's object into JSON may leave
/// them out, and spares copying a conversation, or the vectors of an embedding, to have their tokens counted.
pub const UNREAD_MEMBERS: [&str; 3] = ["choices", "content", "data"];

/// Reads a response body, or a usage object alone, as a call. `None` when it has neither usage nor a model.
///
/// `provider` is taken in any spelling; without one the model's name tells. `api` is one of `chat`, `messages`,
/// `responses`, `completions`, `embeddings`, `generateContent`, `converse`, a word of [`Operation`], `default`; without one
/// the shape tells.
///
/// ```
/// use llmlab::{Dimension, exchange::read_response};
/// let body = br#"{"model":"claude-sonnet-4-6","usage":{"input_tokens":5,"cache_read_input_tokens":20,"output_tokens":7}}"#;
/// let call = read_response(Some("anthropic"), None, body).unwrap();
/// assert_eq!(call.usage.get(Dimension::Input), Some(25));
/// ```
pub fn read_response(provider: Option<&str>, api: Option<&str>, body: &[u8]) -> Option<Call> {
    let known = provider.and_then(provider::by_name);
    let shaped = usage_of(body, known.map(|provider| provider.id));
    let shape_operation = shaped.as_ref().map(|(_, shape)| shape.operation);
    let operation = api.and_then(operation_of).or(shape_operation).unwrap_or(Operation::Chat);
    let mut answer = Answer::new(operation, known.map_or(Counting::PLAIN, |provider| provider.counting));
    match &shaped {
        _ if answer.counting.paths.is_some() => custom::absorb(&mut answer, body),
        Some((usage, shape)) => {
            let is_alone = usage.len() == body.len();
            if !is_alone {
                (shape.absorb)(&mut answer, body);
            }
            if is_alone || answer.call.usage.is_empty() {
                (shape.read_usage)(&mut answer, usage);
            }
        }
        None => (NAMES_ONLY.absorb)(&mut answer, body),
    }
    let mut call = *answer.call;
    if call.usage.is_empty() && call.model.is_none() && call.provider_cost.is_none() {
        return None;
    }
    if api.is_none_or(|api| operation_of(api).is_none()) && operation == Operation::Chat {
        call.operation = match json::get(body, "object") {
            Some(b"\"text_completion\"") => Operation::TextCompletion,
            Some(b"\"list\"") => Operation::Embeddings,
            _ => Operation::Chat,
        };
    }
    call.provider = match (provider, known) {
        (_, Some(known)) => Some(Cow::Borrowed(known.id)),
        (Some(name), None) if !name.is_empty() => Some(Cow::Owned(name.to_owned())),
        _ => call.model.as_deref().and_then(provider::owner_of).map(|owner| Cow::Borrowed(owner.id)),
    };
    Some(call)
}

/// `None` for `default` and words we do not know: the shape tells.
fn operation_of(api: &str) -> Option<Operation> {
    let is = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(api));
    if is(&["chat.completions", "messages", "responses", "converse"]) {
        Some(Operation::Chat)
    } else if is(&["completions"]) {
        Some(Operation::TextCompletion)
    } else if is(&["embedContent"]) {
        Some(Operation::Embeddings)
    } else if is(&["generateContent", "streamGenerateContent"]) {
        Some(Operation::GenerateContent)
    } else {
        Operation::ALL.iter().copied().find(|operation| operation.as_str().eq_ignore_ascii_case(api))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(provider: &str, body: &str) -> serde_json::Value {
        serde_json::to_value(read_response(Some(provider), None, body.as_bytes()).unwrap().usage).unwrap()
    }

    #[test]
    fn the_shape_tells_whatever_the_provider_is_called() {
        let chat = r#"{"usage":{"prompt_tokens":3,"completion_tokens":2}}"#;
        for provider in ["openai", "anthropic", "somebody", ""] {
            assert_eq!(usage(provider, chat), serde_json::json!({"input":3,"output":2}));
        }
        assert_eq!(
            usage("anthropic", r#"{"input_tokens":3,"output_tokens":2}"#),
            serde_json::json!({"input":3,"output":2})
        );
        let cohere = r#"{"usage":{"tokens":{"input_tokens":90},"billed_units":{"input_tokens":8,"output_tokens":1}}}"#;
        assert_eq!(usage("cohere", cohere), serde_json::json!({"input":8,"output":1}));
        assert_eq!(usage("aws", r#"{"usage":{"inputTokens":1,"cacheReadInputTokens":4}}"#)["input"], 5);
        assert_eq!(usage("", r#"{"usage":{"input":7,"cache_read":2}}"#), serde_json::json!({"input":7,"cache_read":2}));
    }

    #[test]
    fn provider_model_and_operation_come_from_the_body_where_nobody_says() {
        let call = read_response(
            None,
            None,
            br#"{"object":"list","model":"text-embedding-3-small","usage":{"prompt_tokens":4}}"#,
        );
        let call = call.unwrap();
        assert_eq!(call.provider.as_deref(), Some("openai"));
        assert_eq!(call.operation, Operation::Embeddings);
        let call = read_response(Some("openai"), Some("completions"), br#"{"model":"m"}"#).unwrap();
        assert_eq!((call.operation, call.model.as_deref()), (Operation::TextCompletion, Some("m")));
        assert!(call.usage.is_empty());
    }

    #[test]
    fn what_is_no_response_is_none() {
        for body in [
            &b""[..],
            b"null",
            b"[]",
            b"{}",
            b"{\"usage\":null}",
            b"{\"usage\":{}}",
            b"\xFF{",
            b"{\"usage\":{\"x\":1}}",
        ] {
            assert!(read_response(Some("openai"), None, body).is_none());
        }
    }
}
