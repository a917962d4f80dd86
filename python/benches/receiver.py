"""A backend on loopback that takes what every SDK of the benchmark sends, and counts the events.

``python receiver.py`` prints its port; ``GET /count`` answers how many events came; with ``--silent`` it takes
connections and never answers.
"""

import gzip
import json
import sys
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body of an answer are two writes; together with delayed acknowledgements, each would take 40 ms.
    disable_nagle_algorithm = True
    events = 0
    lock = threading.Lock()
    silent = False

    def do_GET(self) -> None:
        self.answer(str(Receiver.events).encode())

    def do_POST(self) -> None:
        body = self.body()
        if Receiver.silent:
            threading.Event().wait()
        encoding = self.headers.get("content-encoding")
        body = gzip.decompress(body) if encoding == "gzip" else zlib.decompress(body) if encoding == "deflate" else body
        if "protobuf" in self.headers.get("content-type", ""):
            request = ExportTraceServiceRequest.FromString(body)
            spans = sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans)
            self.count(spans)
            return self.answer(b"")
        fields = json.loads(body)
        if (resources := fields.get("resourceSpans")) is not None:
            self.count(sum(len(scope["spans"]) for resource in resources for scope in resource["scopeSpans"]))
            return self.answer(b"{}")
        events = fields.get("events") or fields.get("batch") or []
        self.count(len(events))
        receipt = {"batch_id": fields.get("batch_id"), "stored": len(events), "duplicates": 0, "rejected": []}
        return self.answer(json.dumps(receipt).encode())

    def body(self) -> bytes:
        if (length := self.headers["content-length"]) is not None:
            return self.rfile.read(int(length))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def count(self, events: int) -> None:
        with Receiver.lock:
            Receiver.events += events

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Those who are killed hang up."""


if __name__ == "__main__":
    Receiver.silent = "--silent" in sys.argv
    server = Server(("127.0.0.1", 0), Receiver)
    print(server.server_address[1], flush=True)
    server.serve_forever()
