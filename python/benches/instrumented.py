"""Rows of a real SDK over a real socket: what the tap adds."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator

from openai import DefaultHttpxClient, OpenAI
from timing import Row, paired

import llmlab

SERVER = """
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
body = json.loads(sys.argv[1])
chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-5-mini"}
delta = {**chunk, "choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}]}
last = {**chunk, "choices": [], "usage": body["usage"]}
def event(value):
    data = f"data: {value if isinstance(value, str) else json.dumps(value)}\\n\\n".encode()
    return b"%x\\r\\n%s\\r\\n" % (len(data), data)
stream = event(delta) * 500 + event(last) + event("[DONE]") + b"0\\r\\n\\r\\n"
plain = json.dumps(body).encode()
class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        if request.get("stream"):
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(stream)
        else:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(plain)))
            self.end_headers()
            self.wfile.write(plain)
    def log_message(self, *_):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
print(server.server_port, flush=True)
server.serve_forever()
"""
CHUNKS = 500
MESSAGES = [{"role": "user", "content": "Where is my parcel? " * 20}]


def rows(response: dict[str, object]) -> Iterator[Row]:
    command = [sys.executable, "-c", SERVER, json.dumps(response)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield from against(f"http://127.0.0.1:{int(server.stdout.readline())}/v1")
        finally:
            server.kill()


def against(base_url: str) -> Iterator[Row]:
    yield Row("instrumented openai call, added", *added(base_url, plain, pairs=1_000, budget=15.0))
    ours, budget = added(base_url, streamed, pairs=100, budget=36.0 + 0.3 * CHUNKS)
    yield Row(f"instrumented openai stream of {CHUNKS} chunks, added", ours, budget)
    yield Row("  of that a chunk", ours / CHUNKS, 0.3)


def plain(client: OpenAI) -> None:
    client.chat.completions.create(model="gpt-5-mini", messages=MESSAGES)


def streamed(client: OpenAI) -> None:
    options = {"include_usage": True}
    stream = client.chat.completions.create(model="gpt-5-mini", messages=MESSAGES, stream=True, stream_options=options)
    assert sum(len(chunk.choices) for chunk in stream) == CHUNKS


def added(base_url: str, call: Callable[[OpenAI], None], pairs: int, budget: float) -> tuple[float, float]:
    """What the tap adds to a call: two clients alike, of which one has the method that was there before the tap."""
    llmlab.uninstrument()

    class Bare(DefaultHttpxClient):
        send = DefaultHttpxClient.send

    llmlab.instrument()

    class Tapped(DefaultHttpxClient):
        send = DefaultHttpxClient.send

    bare, tapped = (
        OpenAI(base_url=base_url, api_key="none", max_retries=0, http_client=client()) for client in (Bare, Tapped)
    )
    before = llmlab.stats()["recorded"]
    difference = paired(lambda: call(bare), lambda: call(tapped), pairs)
    assert llmlab.stats()["recorded"] - before == pairs + 10
    llmlab.uninstrument()
    return difference, budget
