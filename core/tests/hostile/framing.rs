//! The ways in which answers are written, and what is read of one.

use llmlab::event::{Call, Facts, Status, Subject};
use llmlab::exchange::{End, Exchange, Request};
use llmlab::moment::Moment;
use llmlab::usage::Usage;

/// One way to write an answer.
pub(crate) struct Framing {
    pub(crate) name: &'static str,
    pub(crate) url: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) request: &'static str,
    pub(crate) start: &'static [u8],
    pub(crate) frame: fn(&str) -> Vec<u8>,
    /// Of tokens in and out, and of a member that means nothing.
    pub(crate) answer: fn(&str, &str, &str) -> String,
}

const CHAT: &str = "https://api.openai.com/v1/chat/completions";
pub(crate) const FRAMINGS: [Framing; 7] = [
    Framing {
        name: "a JSON text",
        url: CHAT,
        kind: "application/json",
        request: r#"{"model":"gpt-5-mini","messages":[]}"#,
        start: b"",
        frame: |text| text.into(),
        answer: chat,
    },
    Framing {
        name: "events",
        url: CHAT,
        kind: "text/event-stream",
        request: r#"{"model":"gpt-5-mini","messages":[],"stream":true}"#,
        start: b"",
        frame: |text| format!("data: {text}\n\n").into(),
        answer: chat,
    },
    Framing {
        name: "events of Anthropic",
        url: "https://api.anthropic.com/v1/messages",
        kind: "text/event-stream",
        request: r#"{"model":"claude-sonnet-4-6","messages":[],"stream":true}"#,
        start: b"",
        frame: |text| format!("event: message_delta\r\ndata: {text}\r\n\r\n").into(),
        answer: |input, output, other| {
            format!(
                r#"{{"type":"message_delta","x":{other},"usage":{{"input_tokens":{input},"output_tokens":{output}}}}}"#
            )
        },
    },
    Framing {
        name: "lines",
        url: "https://ollama.com/api/chat",
        kind: "application/x-ndjson",
        request: r#"{"model":"llama3.2","messages":[]}"#,
        start: b"{\"model\":\"llama3.2\"}\n",
        frame: |text| format!("{text}\n").into(),
        answer: |input, output, other| {
            format!(
                r#"{{"model":"llama3.2","x":{other},"done":true,"prompt_eval_count":{input},"eval_count":{output}}}"#
            )
        },
    },
    Framing {
        name: "lines of Cohere",
        url: "https://api.cohere.com/v1/chat",
        kind: "application/stream+json",
        request: r#"{"model":"command-r","message":"","stream":true}"#,
        start: b"{\"event_type\":\"stream-start\"}\n",
        frame: |text| format!("{text}\n").into(),
        answer: |input, output, other| {
            format!(
                r#"{{"event_type":"stream-end","x":{other},"response":{{"meta":{{"billed_units":{{"input_tokens":{input},"output_tokens":{output}}}}}}}}}"#
            )
        },
    },
    Framing {
        name: "an array",
        url: "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:streamGenerateContent",
        kind: "application/json",
        request: "{}",
        start: b"[",
        frame: |text| format!("{text},").into(),
        answer: |input, output, other| {
            format!(r#"{{"x":{other},"usageMetadata":{{"promptTokenCount":{input},"candidatesTokenCount":{output}}}}}"#)
        },
    },
    Framing {
        name: "Amazon's messages",
        url: "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova-lite-v1%3A0/converse-stream",
        kind: "application/vnd.amazon.eventstream",
        request: "{}",
        start: b"",
        frame: amazon,
        answer: |input, output, other| {
            format!(r#"{{"x":{other},"usage":{{"inputTokens":{input},"outputTokens":{output}}}}}"#)
        },
    },
];

fn chat(input: &str, output: &str, other: &str) -> String {
    format!(r#"{{"x":{other},"usage":{{"prompt_tokens":{input},"completion_tokens":{output}}}}}"#)
}

/// A message without headers.
fn amazon(text: &str) -> Vec<u8> {
    let mut bytes = u32::try_from(text.len() + 16).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
    bytes
}

impl Framing {
    pub(crate) fn begun(&self, kind: &str, coding: &str) -> Exchange {
        let request = Request { method: "POST", url: self.url, body: self.request.as_bytes() };
        let mut exchange = Exchange::begin(&request, Moment::default()).unwrap();
        let headers = [("content-type", kind), ("content-encoding", coding)];
        exchange.head(200, headers.map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        exchange
    }

    /// The call of an answer that comes in these pieces.
    pub(crate) fn call<'p>(&self, pieces: impl IntoIterator<Item = &'p [u8]>) -> Call {
        let mut exchange = self.begun(self.kind, "");
        exchange.push(self.start, Moment::default);
        for piece in pieces {
            exchange.push(piece, Moment::default);
        }
        sole(exchange).1
    }

    pub(crate) fn call_of(&self, text: &str) -> Call {
        self.call((self.frame)(text).chunks(64 << 10))
    }

    pub(crate) fn told(&self, input: &str, output: &str) -> Usage {
        self.call_of(&(self.answer)(input, output, "0")).usage
    }
}

pub(crate) fn sole(exchange: Exchange) -> (Status, Call) {
    let mut calls = exchange.finish(End::Complete, None, Moment::default());
    let Some(Facts { status, subject: Subject::Call(call), .. }) = calls.next() else { panic!("a call") };
    assert!(calls.next().is_none(), "one request is one call");
    (status, *call)
}
