"""A provider on this machine: answers in the wire formats of four families, with whatever misfortune is asked for.

The first element of a path says what happens: ``/plain/v1/chat/completions`` is answered, ``/cut/…`` breaks off, and so
on.
"""

from __future__ import annotations

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .wire import (
    CHAT,
    CONTENT,
    CONVERSE,
    MESSAGE,
    asked_events,
    chat_events,
    converse_events,
    invoke_events,
    message_events,
    tool_call,
    tool_call_events,
)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(b'{"object": "list", "data": []}')

    def do_POST(self) -> None:
        body = self.request_body()
        self.server.bodies.append(body)
        asked = {} if body.startswith(b"--") else json.loads(body or b"{}")
        if self.path.startswith("http://"):  # as a proxy is asked; aiobotocore asks everybody so
            self.path = "/" + self.path.split("/", 3)[3]
        what = self.path.split("/")[1]
        getattr(self, f"on_{what}")(asked)

    def request_body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def on_plain(self, asked: dict) -> None:
        if self.path.endswith("-stream"):
            self.stream(self.events(), kind="application/vnd.amazon.eventstream")
        elif asked.get("stream") or "streamGenerateContent" in self.path:
            self.stream(self.events())
        else:
            self.answer(self.body())

    def on_given(self, asked: dict) -> None:
        """Answers what a test has given: a body, or the events of a stream."""
        given = self.server.given
        if isinstance(given, list):
            self.stream([b"data: " + json.dumps(event).encode() + b"\n\n" for event in given])
        else:
            self.answer(json.dumps(given).encode())

    def on_tools(self, asked: dict) -> None:
        """Calls the function that is offered, and says something once it was called."""
        called = any(message["role"] == "tool" for message in asked["messages"])
        if called and not isinstance(asked.get("tool_choice"), dict):
            self.on_plain(asked)
        else:
            self.call_tool(asked, '{"number": 42}')

    def on_doubt(self, asked: dict) -> None:
        """Calls it with something that cannot be read first."""
        again = any(message["role"] == "tool" for message in asked["messages"])
        self.call_tool(asked, '{"number": 42}' if again else '{"number": "perhaps"}')

    def call_tool(self, asked: dict, arguments: str) -> None:
        name = asked["tools"][0]["function"]["name"]
        if asked.get("stream"):
            self.stream(tool_call_events(name, arguments))
        else:
            self.answer(json.dumps(tool_call(name, arguments)).encode())

    def on_gzip(self, asked: dict) -> None:
        if asked.get("stream"):
            self.stream([gzip.compress(b"".join(self.events()))], encoding="gzip")
        else:
            self.answer(gzip.compress(self.body()), encoding="gzip")

    def on_asked(self, asked: dict) -> None:
        """Tells usage only if asked, in pieces that know nothing of events."""
        body = self.asked_body(asked)
        self.stream([body[at : at + 50] for at in range(0, len(body), 50)])

    def on_asked_gzip(self, asked: dict) -> None:
        body = gzip.compress(self.asked_body(asked))
        self.stream([body[at : at + 50] for at in range(0, len(body), 50)], encoding="gzip")

    def on_asked_cut(self, asked: dict) -> None:
        """Breaks off within the third event."""
        events = asked_events((asked.get("stream_options") or {}).get("include_usage") is True)
        self.stream([*events[:2], events[2][:20]], whole=False)
        self.close_connection = True

    def on_asked_hang(self, asked: dict) -> None:
        """Sends two events and the half of one, and then nothing until the client goes away."""
        events = asked_events((asked.get("stream_options") or {}).get("include_usage") is True)
        self.stream([*events[:2], events[2][:20]], whole=False)
        self.rfile.read(1)
        self.close_connection = True

    def asked_body(self, asked: dict) -> bytes:
        return b"".join(asked_events((asked.get("stream_options") or {}).get("include_usage") is True))

    def on_nousage(self, asked: dict) -> None:
        self.stream(chat_events(with_usage=False))

    def on_cut(self, asked: dict) -> None:
        """Breaks off in the middle of a stream."""
        self.stream(self.events()[:3], whole=False)
        self.close_connection = True

    def on_short(self, asked: dict) -> None:
        """Announces a body that is longer than what comes."""
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "1000")
        self.end_headers()
        self.wfile.write(self.body()[:20])
        self.close_connection = True

    def on_until_close(self, asked: dict) -> None:
        """Sends a body that ends with the connection."""
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(self.body())

    def on_chunked(self, asked: dict) -> None:
        """Sends plain JSON in chunks that end anywhere."""
        body = self.body()
        self.stream([body[at : at + 7] for at in range(0, len(body), 7)], kind="application/json")

    def on_flaky(self, asked: dict) -> None:
        """Is overloaded at the first request of a path."""
        if self.path in self.server.seen:
            self.on_plain(asked)
        else:
            self.server.seen.add(self.path)
            self.answer(b'{"error": {"message": "overloaded"}}', status=503)

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
        if self.path.endswith("/converse"):
            return json.dumps(CONVERSE).encode()
        if self.path.endswith("/invoke"):
            return json.dumps(MESSAGE).encode()
        if "messages" in self.path:
            return json.dumps(MESSAGE).encode()
        if "generateContent" in self.path:
            return json.dumps(CONTENT).encode()
        return json.dumps(CHAT).encode()

    def events(self) -> list[bytes]:
        if self.path.endswith("/converse-stream"):
            return converse_events()
        if self.path.endswith("/invoke-with-response-stream"):
            return invoke_events()
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

    def stream(
        self, pieces: list[bytes], encoding: str | None = None, whole: bool = True, kind: str = "text/event-stream"
    ) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
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
    request_queue_size = 128

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.given: object = None
        self.bodies: list[bytes] = []
        self.seen: set[str] = set()
        self.connections = 0

    def process_request(self, *args: object) -> None:
        self.connections += 1
        super().process_request(*args)

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

    @property
    def connections(self) -> int:
        """How many were made."""
        return self._server.connections

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def bodies(self) -> list[bytes]:
        """The bodies of the requests that came, oldest first."""
        return self._server.bodies

    def give(self, given: object) -> str:
        """The base of the answers that are this body, or the events of this stream."""
        self._server.given = given
        return self.url("given")

    def url(self, what: str) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/{what}"
