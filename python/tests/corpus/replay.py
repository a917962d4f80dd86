"""The internet on this machine: every name leads here, and whatever is asked is answered with the case in play.

So host, path and query of a request are the real ones, and the provider is told as in real life. TLS is missing, and
the port is ours: some clients take the address from the resolver and the port from the URL.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from .recording import FILE, Case, replay_server


class Replay:
    """The server; one case at a time."""

    def __init__(self) -> None:
        self.port = 0
        self.case_id = ""
        self.requests = 0


def _handler(module: object, replay: Replay) -> type:
    class Handler(module.Handler):  # type: ignore[name-defined, misc]
        cases = module.load([FILE])
        quiet = True
        # Headers and body in one segment: else delayed acknowledgements make a test of seconds one of minutes.
        wbufsize = -1
        disable_nagle_algorithm = True

        def handle_any(self) -> None:
            replay.requests += 1
            self.path = f"/case/{replay.case_id}{self.path}"
            super().handle_any()
            self.wfile.flush()

        def date_time_string(self, timestamp: float | None = None) -> str:
            """Always the same, so that answers can be compared."""
            return "Thu, 19 Nov 2026 12:00:00 GMT"

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = handle_any

    return Handler


@contextmanager
def replaying() -> Iterator[Replay]:
    """Runs the server, and leads every name to it."""
    module, replay = replay_server(), Replay()
    server = module.Server(("127.0.0.1", 0), _handler(module, replay))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = server.server_address
    replay.port = address[1]
    resolve, context = socket.getaddrinfo, ssl.create_default_context

    def resolved_to_here(host: object, port: object, *args: object, **kwargs: object) -> list:
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)]

    socket.getaddrinfo = resolved_to_here
    # Every client reads all certificates of the world, which nobody here asks for: a third of the time of a case.
    ssl.create_default_context = cache(context)
    try:
        yield replay
    finally:
        socket.getaddrinfo, ssl.create_default_context = resolve, context
        server.shutdown()
        server.server_close()


def play(replay: Replay, case: Case) -> None:
    """The next requests are answered with this case."""
    replay.case_id = case.id
