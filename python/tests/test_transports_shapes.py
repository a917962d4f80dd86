"""Modules of another shape, and hostile objects in a request: one warning at most, and nothing else changes."""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType, SimpleNamespace

import pytest

import llmlab
from llmlab import _guard
from llmlab.transports import TRANSPORTS, transport_of

from .wire import CHAT

PATH = "/v1/chat/completions"
PLAIN = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
TAPPED = [name for name in TRANSPORTS if not name.startswith("httpx")]


@pytest.fixture(autouse=True)
def untapped():
    yield
    llmlab.uninstrument()


class Refusing:
    """Refuses everything that one may ask of an object."""

    def refuse(self, *_):
        raise RuntimeError("no")

    __str__ = __repr__ = __bool__ = __len__ = __iter__ = __bytes__ = __getitem__ = items = read = refuse

    def __getattr__(self, name):
        raise RuntimeError(name)


@pytest.mark.parametrize("name", TAPPED)
def test_a_module_of_another_shape_is_left_alone_with_one_warning(name, monkeypatch, caplog):
    strange = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, strange)
    llmlab.instrument()
    llmlab.instrument()
    llmlab.uninstrument()
    assert vars(strange).keys() == vars(ModuleType("x")).keys()
    assert len([record for record in caplog.records if f"instrument {name}" in record.message]) == 1
    assert _guard.faults == 2


@pytest.mark.parametrize("missing", ["request", "getresponse"])
def test_of_a_class_that_lacks_a_method_none_is_tapped(missing, monkeypatch):
    urllib3 = pytest.importorskip("urllib3")
    methods = {name: lambda self: None for name in ("request", "getresponse") if name != missing}
    connection = type("HTTPConnection", (), methods)
    strange = SimpleNamespace(
        connection=SimpleNamespace(HTTPConnection=connection), response=urllib3.response, exceptions=urllib3.exceptions
    )
    with pytest.raises(AttributeError, match=missing):
        transport_of("urllib3").tap(strange)
    assert {name: vars(connection)[name] for name in methods} == methods


def outcome(ask):
    try:
        return ask()
    except Exception as error:
        return type(error)


HOSTILE = {
    "body": {"body": Refusing()},
    "body_number": {"body": 7},
    "headers": {"headers": Refusing()},
    "headers_numbers": {"headers": {"a": 1, 2: "b"}},
    "headers_bytes": {"headers": {b"a": b"b"}},
    "method_bytes": {"method": b"POST"},
    "method_none": {"method": None},
    "surrogate": {"body": "\ud800"},
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_request_of_urllib3_fares_as_it_would(server, lab, hostile):
    urllib3 = pytest.importorskip("urllib3")

    def ask():
        request = {"method": "POST", "body": b"{}", "headers": {}, **HOSTILE[hostile]}
        with urllib3.PoolManager(retries=False) as pool:
            return pool.request(request.pop("method"), server.url("plain") + PATH, **request).status

    without = outcome(ask)
    llmlab.instrument()
    assert outcome(ask) == without


@pytest.mark.parametrize("hostile", ["body", "body_number", "headers", "headers_numbers", "method_none", "surrogate"])
def test_a_hostile_request_of_aiohttp_fares_as_it_would(server, lab, hostile):
    aiohttp = pytest.importorskip("aiohttp")

    async def with_session():
        request = {"method": "POST", "body": b"{}", "headers": {}, **HOSTILE[hostile]}
        async with aiohttp.ClientSession() as session:
            async with session.request(
                request["method"], server.url("plain") + PATH, data=request["body"], headers=request["headers"]
            ) as response:
                return response.status

    without = outcome(lambda: asyncio.run(with_session()))
    llmlab.instrument()
    assert outcome(lambda: asyncio.run(with_session())) == without


def test_a_response_of_another_shape_passes_with_one_warning(server, lab, caplog):
    urllib3 = pytest.importorskip("urllib3")
    llmlab.instrument()
    strange = Refusing()

    class Connection(urllib3.connection.HTTPConnection):
        def getresponse(self, *args, **kwargs):
            return super().getresponse(*args, **kwargs)

    connection = urllib3.connection.HTTPConnection("127.0.0.1", server.port)
    transport = transport_of("urllib3")
    exchange = SimpleNamespace()
    assert transport._observed(exchange, strange, type(connection)) is strange
    assert transport._observed(exchange, strange, type(connection)) is strange
    assert len([record for record in caplog.records if "urllib3 response" in record.message]) == 1


@pytest.mark.parametrize("name", TAPPED)
def test_a_fault_in_the_tap_leaves_the_request_alone(name, server, lab, monkeypatch):
    pytest.importorskip(name)

    def broken(*_):
        raise LookupError("our own mistake")

    llmlab.instrument()
    for part in ("client", "_bytes_of"):
        with monkeypatch.context() as patch:
            patch.setattr(transport_of(name), part, broken)
            assert ASK[name](server.url("plain") + PATH) == CHAT
    assert _guard.faults == 2
    assert lab.events() == []


def ask_urllib3(url):
    import requests

    return requests.post(url, json=PLAIN).json()


def ask_aiohttp(url):
    import aiohttp

    async def ask():
        async with aiohttp.ClientSession() as session, session.post(url, json=PLAIN) as response:
            return await response.json()

    return asyncio.run(ask())


ASK = {"urllib3": ask_urllib3, "aiohttp": ask_aiohttp}


@pytest.mark.parametrize("name", TAPPED)
def test_a_patch_of_somebody_else_over_the_tap_is_kept(name, server, lab, monkeypatch):
    from functools import wraps

    module = pytest.importorskip(name)
    cls, method = (module.connection.HTTPConnection, "request") if name == "urllib3" else (module.ClientRequest, "send")
    llmlab.instrument()
    tapped = getattr(cls, method)
    theirs = wraps(tapped)(lambda self, *args, **kwargs: tapped(self, *args, **kwargs))
    monkeypatch.setattr(cls, method, theirs)
    ASK[name](server.url("plain") + PATH)
    llmlab.uninstrument()
    assert getattr(cls, method) is theirs
    ASK[name](server.url("plain") + PATH)
    assert len(lab.calls()) == 1
    llmlab.instrument()
    ASK[name](server.url("plain") + PATH)
    assert len(lab.calls()) == 2
