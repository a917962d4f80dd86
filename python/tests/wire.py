"""What a provider says, in the wire formats of four families; and what it is asked. Values are of our own making."""

from __future__ import annotations

import base64
import json
import struct
import zlib

PLAIN = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
STREAM = {**PLAIN, "stream": True, "stream_options": {"include_usage": True}}

CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "forty-two"}}],
    "usage": {"prompt_tokens": 1200, "completion_tokens": 80, "total_tokens": 1280},
}
CHAT_USAGE = {"input": 1200, "output": 80}

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-6",
    "content": [{"type": "text", "text": "forty-two"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 900, "output_tokens": 30},
}

CONTENT = {
    "candidates": [{"content": {"parts": [{"text": "forty-two"}], "role": "model"}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 70, "candidatesTokenCount": 8, "totalTokenCount": 78},
    "modelVersion": "gemini-2.5-flash",
    "responseId": "r1",
}


def chat_events(with_usage: bool = True) -> list[bytes]:
    def event(**fields: object) -> bytes:
        head = {"id": "chatcmpl-2", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-2024-08-06"}
        return b"data: " + json.dumps({**head, **fields}).encode() + b"\n\n"

    words = [
        event(choices=[{"index": 0, "delta": {"content": word}, "finish_reason": None}])
        for word in ("for", "ty", "-", "two")
    ]
    end = [event(choices=[], usage=CHAT["usage"])] if with_usage else []
    return [*words, *end, b"data: [DONE]\n\n"]


def tool_call(name: str, arguments: str) -> dict:
    """An answer that calls a function."""
    called = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}
    message = {"role": "assistant", "content": None, "tool_calls": [called]}
    return {**CHAT, "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}]}


def tool_call_events(name: str, arguments: str) -> list[bytes]:
    """The same as a stream."""
    head = {"id": "chatcmpl-3", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-2024-08-06"}
    called = {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}
    choice = {"index": 0, "delta": {"role": "assistant", "tool_calls": [called]}, "finish_reason": "tool_calls"}
    events = [{**head, "choices": [choice]}, {**head, "choices": [], "usage": CHAT["usage"]}]
    return [*(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events), b"data: [DONE]\n\n"]


def asked_events(include_usage: bool) -> list[bytes]:
    """A stream of OpenAI's: it has usage where it was asked for, and every chunk then says so."""

    def event(**fields: object) -> bytes:
        head = {"id": "chatcmpl-3", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-2024-08-06"}
        usage = {"usage": fields.pop("usage", None)} if include_usage else {}
        chunk = {**head, **fields, **usage, "obfuscation": "x" * 7}
        return b"data: " + json.dumps(chunk, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"

    deltas = [
        {"role": "assistant", "content": ""},
        *({"content": word} for word in ("für", 'usage":null', "\n\n", "42")),
        {},
    ]
    words = [event(choices=[{"index": 0, "delta": delta, "finish_reason": None}]) for delta in deltas]
    end = [event(choices=[], usage=CHAT["usage"])] if include_usage else []
    return [*words, *end, b"data: [DONE]\n\n"]


def message_events() -> list[bytes]:
    def event(kind: str, **fields: object) -> bytes:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()

    start = {**MESSAGE, "content": [], "stop_reason": None, "usage": {"input_tokens": 900, "output_tokens": 1}}
    text = {"type": "text_delta", "text": "forty-two"}
    return [
        event("message_start", message=start),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        event("content_block_delta", index=0, delta=text),
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 30}),
        event("message_stop"),
    ]


CONVERSE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "forty-two"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 60, "outputTokens": 7, "totalTokens": 67},
    "metrics": {"latencyMs": 12},
}


def amazon_message(kind: str, payload: object) -> bytes:
    """A message of Amazon's event stream: lengths, headers and payload, with their checksums."""

    def header(name: str, value: str) -> bytes:
        return struct.pack(f">B{len(name)}sBH", len(name), name.encode(), 7, len(value)) + value.encode()

    said = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(header(*item) for item in said.items())
    body = json.dumps(payload).encode()
    start = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    start += struct.pack(">I", zlib.crc32(start))
    message = start + headers + body
    return message + struct.pack(">I", zlib.crc32(message))


def converse_events() -> list[bytes]:
    return [
        amazon_message("messageStart", {"role": "assistant"}),
        amazon_message("contentBlockDelta", {"delta": {"text": "forty-two"}, "contentBlockIndex": 0}),
        amazon_message("contentBlockStop", {"contentBlockIndex": 0}),
        amazon_message("messageStop", {"stopReason": "end_turn"}),
        amazon_message("metadata", {"usage": CONVERSE["usage"], "metrics": CONVERSE["metrics"]}),
    ]


def invoke_events() -> list[bytes]:
    """The events of Claude, each wrapped in a message."""
    events = [event.split(b"data: ", 1)[1].strip() for event in message_events()]
    return [amazon_message("chunk", {"bytes": base64.b64encode(event).decode()}) for event in events]
