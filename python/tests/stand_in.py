"""A provider on this machine: answers in the wire formats of three families, with whatever misfortune is asked for.

The first element of a path says what happens: ``/plain/v1/chat/completions`` is answered, ``/cut/…`` breaks off, and so
on. Values are of our own making.
"""

from __future__ import annotations

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

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


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(b'{"object": "list", "data": []}')

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
        what = self.path.split("/")[1]
        getattr(self, f"on_{what}")(asked)

    def on_plain(self, asked: dict) -> None:
        if asked.get("stream") or "streamGenerateContent" in self.path:
            self.stream(self.events())
        else:
            self.answer(self.body())

    def on_gzip(self, asked: dict) -> None:
        if asked.get("stream"):
            self.stream([gzip.compress(b"".join(self.events()))], encoding="gzip")
        else:
            self.answer(gzip.compress(self.body()), encoding="gzip")

    def on_nousage(self, asked: dict) -> None:
        self.stream(chat_events(with_usage=False))

    def on_cut(self, asked: dict) -> None:
        """Breaks off in the middle of a stream."""
        self.stream(self.events()[:3], whole=False)
        self.close_connection = True

    def on_hang(self, asked: dict) -> None:
        """Sends two events and then nothing until the client goes away."""
        self.stream(self.events()[:2], whole=False)
        self.rfile.read(1)
        self.close_connection = True

    def on_silent(self, asked: dict) -> None:
        """Takes the request and says nothing until the client goes away."""
        self.rfile.read(1)
        self.close_connection = True

    def on_drop(self, asked: dict) -> None:
        """Takes the request and hangs up."""
        self.close_connection = True

    def on_refuse(self, asked: dict) -> None:
        self.answer(b'{"error": {"message": "slow down", "type": "rate_limit", "code": "rate_limited"}}', status=429)

    def on_retry(self, asked: dict) -> None:
        """Refuses the first try."""
        if self.headers.get("x-stainless-retry-count") == "0":
            self.send_response(500)
            self.send_header("retry-after-ms", "1")
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")
        else:
            self.answer(self.body())

    def on_moved(self, asked: dict) -> None:
        self.send_response(307)
        self.send_header("location", self.path.replace("/moved/", "/plain/"))
        self.send_header("content-length", "0")
        self.end_headers()

    def on_locked(self, asked: dict) -> None:
        """Asks for a digest first."""
        if self.headers.get("authorization", "").startswith("Digest"):
            self.answer(self.body())
        else:
            self.send_response(401)
            self.send_header("www-authenticate", 'Digest realm="r", nonce="n", algorithm=MD5, qop="auth"')
            self.send_header("content-length", "0")
            self.end_headers()

    def on_upload(self, asked: dict) -> None:
        self.answer(b"{}")

    def body(self) -> bytes:
        if "messages" in self.path:
            return json.dumps(MESSAGE).encode()
        if "generateContent" in self.path:
            return json.dumps(CONTENT).encode()
        return json.dumps(CHAT).encode()

    def events(self) -> list[bytes]:
        if "messages" in self.path:
            return message_events()
        if "GenerateContent" in self.path:
            return [b"data: " + json.dumps(CONTENT).encode() + b"\n\n"]
        return chat_events()

    def answer(self, body: bytes, status: int = 200, encoding: str | None = None) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        if encoding:
            self.send_header("content-encoding", encoding)
        self.end_headers()
        self.wfile.write(body)

    def stream(self, pieces: list[bytes], encoding: str | None = None, whole: bool = True) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        if encoding:
            self.send_header("content-encoding", encoding)
        self.end_headers()
        for piece in pieces:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        if whole:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is what many tests are about."""


class StandIn:
    """The running provider; ``url("plain")`` is the base of the answers of that kind."""

    def __enter__(self) -> StandIn:
        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def url(self, what: str) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/{what}"
