"""A backend on loopback that speaks docs/protocol.md, and fails as it is told."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Backend:
    """Keeps what it was sent, once by id. ``swallow``: every so many answers are lost after the events were stored."""

    def __init__(self, swallow: int = 0) -> None:
        self.events: dict[str, dict] = {}
        self.requests = 0
        self._swallow = swallow
        self._changed = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.backend = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Backend:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, events: list[dict]) -> tuple[int, bool]:
        """How many are new, and whether to answer at all."""
        with self._changed:
            new = {event["id"]: event for event in events if event["id"] not in self.events}
            self.events |= new
            self.requests += 1
            self._changed.notify_all()
            return len(new), not self._swallow or self.requests % self._swallow != 0

    def wait_for(self, count: int, deadline_s: float = 30) -> list[dict]:
        """The calls, once there are so many."""
        calls = lambda: [event for event in self.events.values() if event["kind"] == "call"]  # noqa: E731
        with self._changed:
            self._changed.wait_for(lambda: len(calls()) >= count, deadline_s)
            return calls()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *arguments: object) -> None:
        """A client that ends while it is being answered is none of our business."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        batch = json.loads(body, parse_float=Decimal)
        new, answers = self.server.backend.take(batch["events"])
        if not answers:
            self.close_connection = True
            return
        receipt = {
            "batch_id": batch["batch_id"],
            "stored": new,
            "duplicates": len(batch["events"]) - new,
            "rejected": [],
        }
        answer = json.dumps(receipt).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments: object) -> None:
        pass


class Refused:
    """An address where nobody listens."""

    def __enter__(self) -> Refused:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))  # bound, so that nobody else takes it, and not listening
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        return self

    def __exit__(self, *raised: object) -> None:
        self._socket.close()


class Silent:
    """A server that takes connections and never answers."""

    def __enter__(self) -> Silent:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        return self

    def __exit__(self, *raised: object) -> None:
        self._socket.close()
