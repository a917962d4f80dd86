"""The reference receiver with one fault: wrong_receiver.py FAULT [options of the receiver].

Each fault is named after the one check of `llmlab conformance` that finds it; `none` has only asked for patience.
"""

import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "examples"))
import receiver

FAULT = sys.argv.pop(1)
correct_request, correct_unpack, correct_check = receiver.read_request, receiver.unpack, receiver.what_is_wrong_with
meeting = threading.Barrier(4)
patience = []


class Store(receiver.Store):
    def __init__(self, path):
        super().__init__(path)
        self.seen = set()

    def receive(self, project, request):
        if patience:
            raise patience.pop()
        ids = [event["id"] for event in request["events"]]
        batch = (request["batch_id"], *ids)
        known = set(ids) & self.seen
        if FAULT == "at_once" and len(ids) == 25:
            # Looks first, and writes later.
            meeting.wait(timeout=30)
            self.seen |= set(ids)
            return {
                "batch_id": request["batch_id"],
                "stored": 25 - len(known),
                "duplicates": len(known),
                "rejected": [],
            }
        if FAULT == "replay" and batch in self.seen:
            raise receiver.Refused(409, "seen", "this batch was here")
        if FAULT == "regroup" and known and len(ids) > 1:
            return {"batch_id": request["batch_id"], "stored": 0, "duplicates": len(ids), "rejected": []}
        if FAULT == "twice":
            request["events"] = list({event["id"]: event for event in request["events"]}.values())
        if FAULT == "reject" and any(correct_check(event) for event in request["events"]):
            raise receiver.Refused(400, "malformed", "an event is wrong")
        if FAULT == "conflict":
            request["events"] = [{**event, "model": "m"} for event in request["events"]]
        if FAULT == "reprice":
            request["events"] = [{**event, "provider": str(event["cost_usd"])} for event in request["events"]]
        if FAULT == "integers":
            request["events"] = [{**event, "usage": rounded(event["usage"])} for event in request["events"]]
        receipt = super().receive(project, request)
        self.seen |= {batch, *ids}
        if FAULT == "store":
            receipt["batch_id"] = receipt["batch_id"].split("/")[0]
        return receipt


def rounded(usage):
    return usage and {name: int(float(count)) for name, count in usage.items()}


def what_is_wrong_with(event):
    if FAULT == "unknown_kind" and event.get("kind") not in ("call", "step", "rollup"):
        return "this kind is unknown"
    return correct_check(event)


def unpack(body, encoding):
    if FAULT == "identity" and encoding == "identity":
        encoding = "gzip"
    if FAULT == "encoding" and encoding not in ("gzip", "identity"):
        raise receiver.Refused(400, "malformed", "what is this?")
    return correct_unpack(body, encoding)


def read_request(body, encoding):
    try:
        request = correct_request(body, encoding)
    except receiver.Refused as refused:
        if FAULT == "malformed" and refused.args[0] == 400:
            raise receiver.Refused(500, "bug", "a traceback") from refused
        raise
    if FAULT == "unknown_fields" and not set(request) <= {"version", "batch_id", "sent_at", "events", "dropped"}:
        raise receiver.Refused(400, "malformed", "an unknown field")
    return request


class Patience(Exception):
    pass


class Handler(receiver.Receiver):
    def do_POST(self):
        try:
            super().do_POST()
        except Patience as wait:
            self.patience = str(wait)
            self.refuse(429, "too_many_requests", "slow")

    def send_header(self, name, value):
        super().send_header(name, self.patience if name == "retry-after" else value)


receiver.read_request, receiver.unpack, receiver.what_is_wrong_with = read_request, unpack, what_is_wrong_with
if FAULT == "version":
    correct_is_count = receiver.is_count
    receiver.is_count = lambda value: value != 2 and correct_is_count(value)
if FAULT == "too_many":
    receiver.MAX_EVENTS = 1 << 30
if FAULT == "too_large":
    receiver.MAX_ENCODED = 1 << 30
if FAULT == "too_large_unpacked":
    receiver.MAX_DECODED = 1 << 30
if FAULT in ("none", "retry_after"):
    patience.append(Patience("0" if FAULT == "none" else "soon"))
if FAULT == "auth":
    sys.argv = [argument for argument in sys.argv if argument not in ("--key", "secret")]
receiver.main(Handler, Store)
