"""The golden vectors, which Rust runs too, through the public functions of this package."""

from __future__ import annotations

import json
import zlib
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

import llmlab
from llmlab import _lab

FOLDER = Path(__file__).parents[2] / "core" / "conformance"


def vectors(pattern):
    found = []
    for path in sorted(FOLDER.glob(pattern)):
        lines = path.read_text("utf-8").splitlines()
        found += [pytest.param(json.loads(line), id=f"{path.stem}: {json.loads(line)['name']}") for line in lines]
    assert found, f"no vectors in {FOLDER / pattern}"
    return found


WIRE = vectors("usage/*.jsonl")


def body_of(vector):
    if "text" in vector:
        return vector["text"].encode()
    if "hex" in vector:
        return bytes.fromhex(vector["hex"])
    if "parts" in vector:
        return "".join(text * times for text, times in vector["parts"]).encode()
    if "sse" in vector:
        return "".join(
            f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n" for event in vector["sse"]
        ).encode()
    if "lines" in vector:
        return "".join(json.dumps(line) + "\n" for line in vector["lines"]).encode()
    return json.dumps(vector["body"]).encode()


class Body(httpx.SyncByteStream):
    """A body as it comes over the wire, which breaks off where the vector says so."""

    def __init__(self, vector):
        self.body = body_of(vector)
        self.end = vector.get("end")

    def __iter__(self):
        yield self.body
        if self.end == "lost":
            raise httpx.ReadError("gone")


def exchanged(vector):
    """Sends the request of a vector to its response, as the program's own client would."""
    if "definition" in vector:
        llmlab.register_provider(**vector["definition"])
    head = {"content-type": vector.get("content_type", "application/json"), **vector.get("headers", {})}
    if "content_encoding" in vector:
        head["content-encoding"] = vector["content_encoding"]
    transport = httpx.MockTransport(
        lambda request: httpx.Response(vector.get("status", 200), headers=head, stream=Body(vector))
    )
    llmlab.instrument()
    try:
        with httpx.Client(transport=transport) as client:
            asked = vector["request"]
            content = asked if isinstance(asked, str) else json.dumps(asked)
            with client.stream(vector.get("method", "POST"), vector["url"], content=content) as response:
                pieces = response.iter_raw()
                if vector.get("end") == "closed":
                    next(pieces)
                else:
                    list(pieces)
    except httpx.ReadError:
        assert vector["end"] == "lost"
    finally:
        llmlab.uninstrument()


@pytest.mark.parametrize("vector", [vector for vector in WIRE if "url" in vector.values[0]])
def test_the_wire_is_read_as_the_vector_says(lab, vector):
    exchanged(vector)
    expected = vector["expect"]
    if expected is None:
        assert lab.events() == []
    elif isinstance(expected, list):
        calls = lab.events()
        assert len(calls) == len(expected)
        for call, one in zip(calls, expected, strict=True):
            assert_is(call, one)
    else:
        assert_is(lab.call(), expected)


def assert_is(call, expected):
    fields = set(expected) & set(call)
    assert {"usage", "status"} <= fields | {"usage"}
    assert {name: call[name] for name in fields} == {name: expected[name] for name in fields}
    assert call["usage"] == expected.get("usage", {})
    if "provider_cost" in expected:
        assert Decimal(str(call["provider_cost_usd"])) == Decimal(expected["provider_cost"])


@pytest.mark.parametrize("vector", vectors("event.jsonl"))
def test_an_exchange_becomes_the_event_that_the_vector_says(lab, vector):
    llmlab.init(project="shop", environment="test")
    with llmlab.track(feature="search", user="ann", tags={"team": "a"}):
        exchanged(vector)
    event = {name: value for name, value in lab.call().items() if name in vector["expect"]}
    cost, expected = event.pop("cost_usd"), dict(vector["expect"])
    assert expected.pop("cost_usd") == (None if cost is None else format(Decimal(str(cost)).normalize(), "f"))
    assert event == expected


@pytest.mark.parametrize("vector", [vector for vector in WIRE if "read" in vector.values[0]])
def test_a_body_is_read_as_the_vector_says(lab, vector):
    provider, api = vector["read"]
    expected = (vector["expect"] or {}).get("usage") or None
    for body in (vector["body"], body_of(vector)):
        assert llmlab.read_usage(provider, body, api) == expected


@pytest.mark.parametrize("vector", vectors("price/*.jsonl"))
def test_a_cost_is_what_the_vector_says(vector):
    named = ("provider", "model", "usage", "at", "service_tier", "inference_geo", "speed", "search_context_size")
    asked = {name: vector[name] for name in named if name in vector}
    if "error" in vector:
        with pytest.raises(llmlab.LlmlabError) as raised:
            llmlab.cost(**asked)
        assert raised.value.code == vector["error"]
        return
    cost = llmlab.cost(**asked)
    expected = None if vector["cost_usd"] is None else Decimal(vector["cost_usd"])
    assert (cost.total, cost.state) == (expected, vector["state"])
    assert cost.total is None or cost.total == sum(line.total for line in cost.lines)
    assert cost.matched_by == vector.get("matched_by", cost.matched_by)
    assert cost.model == vector.get("model_id", cost.model)


@pytest.mark.parametrize("vector", vectors("config.jsonl"))
def test_the_configuration_is_what_the_vector_says(home, lab, monkeypatch, caplog, vector):
    home.mkdir()
    if "file" in vector:
        (home / "config.json").write_text(vector["file"], "utf-8")
    for name, value in vector.get("variables", {}).items():
        monkeypatch.setenv(name, value)
    if "error" in vector:
        with pytest.raises(llmlab.ConfigError) as raised:
            llmlab.init(**vector.get("options", {}))
        assert raised.value.code == vector["error"]["code"]
        assert all(word in str(raised.value) for word in vector["error"]["says"])
        assert not any(secret in str(raised.value) for secret in vector["error"].get("hides", ()))
        return
    llmlab.init(**vector.get("options", {}))
    settings = _lab.client().configuration()
    changed = {name: value for name, value in settings.items() if value != DEFAULTS[name]}
    # Nothing is sent to where the vectors lead, nor written there.
    if "sinks" not in changed:
        llmlab.track_call("openai", "gpt-4", 1, 1)
    assert bool(caplog.records) == bool(vector.get("warns"))
    assert all(word in caplog.text for word in vector.get("warns", ()))
    if vector["expect"] is None:
        assert lab.events() == []
        return
    names = ("environment", "service", "run_id", "feature", "user", "session", "tags")
    said = {} if "sinks" in changed else {name: value for name, value in lab.call().items() if name in names and value}
    assert {"project": settings["project"]} | said | changed == vector["expect"]


DEFAULTS = {
    "project": "default",
    "sinks": ["ledger"],
    "models": {},
    "hosts": {},
    "stream_usage": "auto",
    "durability": "process",
    "spool_max_bytes": 256 * 1024 * 1024,
    "spool_max_days": 30,
    "exit_flush": "auto",
}


def test_the_codings_of_a_body_give_the_same_call(lab):
    vector = next(vector.values[0] for vector in WIRE if "body" in vector.values[0] and "url" in vector.values[0])
    packed = {**vector, "hex": zlib.compress(body_of(vector)).hex(), "content_encoding": "deflate"}
    exchanged(vector)
    exchanged({name: value for name, value in packed.items() if name != "body"})
    first, second = lab.calls()
    assert first["usage"] == second["usage"] == vector["expect"]["usage"]
