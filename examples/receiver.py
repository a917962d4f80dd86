"""A reference receiver of the ingest protocol (docs/protocol.md): the standard library, and SQLite for a store.

    python examples/receiver.py --key KEY [--port 8787] [--store events.db]

Put TLS in front of it, and a real key store behind it, before it meets a network. It has no use for `dropped`.
"""

import argparse
import hmac
import json
import re
import sqlite3
import threading
import urllib.parse
import zlib
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_ENCODED, MAX_DECODED, MAX_EVENTS = 1 << 20, 8 << 20, 1000
TIME = "[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}([.][0-9]+)?Z"
SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL; -- an answer is given only after a commit that a power cut does not undo
CREATE TABLE IF NOT EXISTS events (project TEXT, id TEXT, facts TEXT, event TEXT, PRIMARY KEY (project, id));
"""


class Refused(Exception):
    """With a status, a code and a message."""


class Store:
    """One connection, one writer at a time."""

    def __init__(self, path):
        self.lock = threading.Lock()
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.db.executescript(SCHEMA)

    def receive(self, project, request):
        receipt = {"batch_id": request["batch_id"], "stored": 0, "duplicates": 0, "rejected": []}
        with self.lock, self.db:
            self.db.execute("BEGIN IMMEDIATE")
            for event in request["events"]:
                outcome, message = self.add(project, event)
                if outcome in receipt:
                    receipt[outcome] += 1
                    continue
                rejected = {"id": event["id"], "code": outcome, "message": message, "retryable": False}
                receipt["rejected"].append(rejected)
        return receipt

    def add(self, project, event):
        if wrong := what_is_wrong_with(event):
            return "invalid_event", wrong
        facts = [event.get(name) for name in ("kind", "ts", "provider", "model", "usage")]
        # Amounts become text, with every digit.
        facts, whole = (json.dumps(value, sort_keys=True, default=str) for value in (facts, event))
        row = (project, event["id"], facts, whole)
        if self.db.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?)", row).rowcount:
            return "stored", None
        known = self.db.execute("SELECT facts FROM events WHERE project = ? AND id = ?", row[:2]).fetchone()
        return ("duplicates", None) if known[0] == facts else ("id_conflict", "this id is another event's")


def is_count(value):
    return type(value) is int and value >= 0


def what_is_wrong_with(event):
    usage, cost = event.get("usage") or {}, event.get("cost_usd")
    checks = {
        "id is not 48 lower-case hexadecimal digits": re.fullmatch("[0-9a-f]{48}", event["id"]),
        "kind is missing": isinstance(event.get("kind"), str),
        "ts is no time in RFC 3339 and UTC": re.fullmatch(TIME, str(event.get("ts"))),
        "usage is no object of counts": isinstance(usage, dict) and all(map(is_count, usage.values())),
        "cost_usd is neither a number nor null": cost is None or type(cost) in (int, Decimal),
    }
    return next((wrong for wrong, holds in checks.items() if not holds), None)


def unpack(body, encoding):
    if encoding == "gzip":
        unpacker = zlib.decompressobj(wbits=31)
        body = unpacker.decompress(body, MAX_DECODED + 1)
        if len(body) <= MAX_DECODED and (not unpacker.eof or unpacker.unused_data):
            raise ValueError("the gzip is cut short, or something follows it")
    elif encoding != "identity":
        raise Refused(415, "unsupported_encoding", "content-encoding is gzip or nothing")
    if len(body) > MAX_DECODED:
        raise Refused(413, "too_large", f"more than {MAX_DECODED} bytes unpacked")
    return body


def read_request(body, encoding):
    try:
        # `int` refuses NaN, which is no JSON.
        request = json.loads(unpack(body, encoding), parse_float=Decimal, parse_constant=int)
        if is_count(request["version"]) and request["version"] != 1:
            raise Refused(404, "unsupported_version", "this server speaks version 1")
        texts = [request["batch_id"], *(event["id"] for event in request["events"])]
        has_form = request["version"] == 1 and all(isinstance(text, str) for text in texts)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, zlib.error) as error:
        raise Refused(400, "malformed", f"the body is no request of version 1: {error!r}"[:200]) from error
    if not has_form:
        raise Refused(400, "malformed", "the body is no request of version 1")
    if len(request["events"]) > MAX_EVENTS:
        raise Refused(413, "too_large", f"more than {MAX_EVENTS} events")
    return request


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one packet

    def do_POST(self):
        try:
            self.answer(200, self.receive())
        except Refused as refused:
            self.refuse(*refused.args)
        except sqlite3.Error as error:
            self.refuse(503, "unavailable", str(error))

    def receive(self):
        # Read to the end even if it is refused: a client that is still writing would not see the answer.
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(min(length, 4 * MAX_ENCODED))
        self.close_connection = self.close_connection or len(body) < length
        given, key = self.headers.get("authorization", ""), self.server.key
        if key and not hmac.compare_digest(given.encode(), f"Bearer {key}".encode()):
            raise Refused(401, "unauthorized", "the key is missing or unknown")
        path = re.fullmatch("/v1/projects/([^/]+)/events", self.path)
        if not path:
            raise Refused(404, "not_found", "there is nothing here")
        if length > MAX_ENCODED:
            raise Refused(413, "too_large", f"more than {MAX_ENCODED} bytes")
        request = read_request(body, self.headers.get("content-encoding", "identity").lower())
        return self.server.store.receive(urllib.parse.unquote(path[1]), request)

    def refuse(self, status, code, message):
        self.answer(status, {"error": {"code": code, "message": message}})

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        if status in (429, 503):
            self.send_header("retry-after", "5")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def main(handler=Receiver, store=Store):
    parser = argparse.ArgumentParser(description="a reference receiver of llmlab's ingest protocol")
    parser.add_argument("--key", help="what clients must send; without it, anybody may")
    parser.add_argument("--port", type=int, default=8787, help="on 127.0.0.1; 0 for a free one")
    parser.add_argument("--store", default=":memory:", help="a file of SQLite")
    arguments = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", arguments.port), handler)
    server.key, server.store = arguments.key, store(arguments.store)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
