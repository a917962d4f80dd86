"""The taps of httpx and httpx2: one event for every exchange, whatever becomes of it, and nothing else changes."""

from __future__ import annotations

import asyncio
import gc
import json
from contextlib import suppress

import pytest

import llmlab
from llmlab import _guard

from .wire import CHAT, CHAT_USAGE, PLAIN, STREAM, chat_events

PATH = "/v1/chat/completions"


@pytest.fixture(params=["httpx", "httpx2"])
def http(request):
    return pytest.importorskip(request.param)


pytestmark = pytest.mark.usefixtures("tapped")


def seen(lab, status="ok", usage=CHAT_USAGE):
    call = lab.call()
    assert (call["status"], call["usage"]) == (status, usage), call
    return call


def test_a_plain_call_is_recorded_once_with_its_cost(http, server, lab):
    with http.Client() as client:
        response = client.post(server.url("plain") + PATH, json=PLAIN)
    assert response.json() == CHAT
    call = seen(lab)
    assert (call["model"], call["model_requested"], call["provider"]) == ("gpt-4o-2024-08-06", "gpt-4o", "openai")
    assert call["cost_state"] == "priced"
    assert call["cost_usd"] == 0.0038


@pytest.mark.parametrize("way", ["bytes", "text", "lines", "raw", "read"])
def test_a_stream_is_recorded_once_however_it_is_read(http, server, lab, way):
    with http.Client() as client, client.stream("POST", server.url("plain") + PATH, json=STREAM) as response:
        if way == "read":
            got = response.read()
        elif way in ("bytes", "raw"):
            got = b"".join(getattr(response, f"iter_{way}")())
        elif way == "text":
            got = "".join(response.iter_text()).encode()
        else:
            got = "".join(line.rstrip("\n") + "\n" for line in response.iter_lines()).encode()
    assert got == b"".join(chat_events())
    assert seen(lab)["stream"] is True


@pytest.mark.parametrize("way", ["bytes", "text", "lines", "raw", "read"])
def test_an_async_stream_is_recorded_once_however_it_is_read(http, server, lab, way):
    async def run():
        async with http.AsyncClient() as client:
            async with client.stream("POST", server.url("plain") + PATH, json=STREAM) as response:
                if way == "read":
                    return await response.aread()
                if way in ("bytes", "raw"):
                    return b"".join([piece async for piece in getattr(response, f"aiter_{way}")()])
                if way == "text":
                    return "".join([piece async for piece in response.aiter_text()]).encode()
                return "".join([line.rstrip("\n") + "\n" async for line in response.aiter_lines()]).encode()

    assert asyncio.run(run()) == b"".join(chat_events())
    seen(lab)


def test_an_async_plain_call_is_recorded_once(http, server, lab):
    async def run():
        async with http.AsyncClient() as client:
            return (await client.post(server.url("plain") + PATH, json=PLAIN)).json()

    assert asyncio.run(run()) == CHAT
    seen(lab)


@pytest.mark.parametrize("body", [PLAIN, STREAM])
def test_a_compressed_body_is_read(http, server, lab, body):
    with http.Client() as client, client.stream("POST", server.url("gzip") + PATH, json=body) as response:
        got = response.read()
    assert got == (json.dumps(CHAT).encode() if body is PLAIN else b"".join(chat_events()))
    seen(lab)


def test_what_belongs_to_the_response_stays_as_it_is(http, server):
    def look():
        with http.Client() as client, client.stream("POST", server.url("plain") + PATH, json=STREAM) as response:
            assert isinstance(response.stream, http.SyncByteStream)
            before = response.is_closed, response.is_stream_consumed
            body = response.read()
        return before, body, response.num_bytes_downloaded, response.is_closed, response.elapsed.total_seconds() > 0

    with_tap = look()
    llmlab.uninstrument()
    assert look() == with_tap


def test_a_stream_that_is_left_early_is_recorded_as_aborted(http, server, lab):
    with http.Client() as client, client.stream("POST", server.url("plain") + PATH, json=STREAM) as response:
        for _ in response.iter_lines():
            break
    seen(lab, "aborted", {})


def test_an_async_stream_that_is_left_early_is_recorded_as_aborted(http, server, lab):
    async def run():
        async with http.AsyncClient() as client:
            async with client.stream("POST", server.url("plain") + PATH, json=STREAM) as response:
                async for _ in response.aiter_lines():
                    break

    asyncio.run(run())
    seen(lab, "aborted", {})


def test_a_stream_that_is_closed_unread_is_recorded_as_aborted(http, server, lab):
    with http.Client() as client, client.stream("POST", server.url("plain") + PATH, json=STREAM):
        pass
    seen(lab, "aborted", {})


def test_a_response_that_is_forgotten_is_recorded_when_it_is_collected(http, server, lab):
    client = http.Client()
    response = client.send(client.build_request("POST", server.url("plain") + PATH, json=STREAM), stream=True)
    assert lab.calls() == []
    del response
    gc.collect()
    seen(lab, "aborted", {})
    with suppress(RuntimeError):  # httpcore 0.15 complains of responses that were forgotten
        client.close()


def test_an_iterator_that_is_forgotten_is_recorded_when_it_is_collected(http, server, lab):
    client = http.Client()
    response = client.send(client.build_request("POST", server.url("plain") + PATH, json=STREAM), stream=True)
    lines = response.iter_lines()
    next(lines)
    del response, lines
    gc.collect()
    seen(lab, "aborted", {})
    with suppress(RuntimeError):  # httpcore 0.15 complains of responses that were forgotten
        client.close()


def test_an_error_of_the_consumer_passes_unchanged(http, server, lab):
    mine = ValueError("mine")
    with pytest.raises(ValueError) as raised, http.Client() as client:
        with client.stream("POST", server.url("plain") + PATH, json=STREAM) as response:
            for _ in response.iter_lines():
                raise mine
    assert raised.value is mine
    assert mine.__context__ is None
    seen(lab, "aborted", {})


def test_a_broken_stream_is_lost_and_its_error_is_that_of_the_client(http, server, lab):
    with pytest.raises(http.RemoteProtocolError), http.Client() as client:
        with client.stream("POST", server.url("cut") + PATH, json=STREAM) as response:
            response.read()
    call = seen(lab, "lost", {})
    assert call["error_type"] == "RemoteProtocolError"
    assert call["cost_usd"] is None


def test_a_dropped_connection_is_lost(http, server, lab):
    with pytest.raises(http.RemoteProtocolError), http.Client() as client:
        client.post(server.url("drop") + PATH, json=PLAIN)
    call = seen(lab, "lost", {})
    assert (call["cost_state"], call["cost_usd"]) == ("unpriced", None)


def test_a_timeout_is_lost(http, server, lab):
    with pytest.raises(http.ReadTimeout), http.Client(timeout=0.05) as client:
        client.post(server.url("silent") + PATH, json=PLAIN)
    assert seen(lab, "lost", {})["error_type"] == "ReadTimeout"


def test_a_cancelled_request_is_cancelled(http, server, lab):
    async def run():
        async with http.AsyncClient(timeout=5) as client:
            async with client.stream("POST", server.url("hang") + PATH, json=STREAM) as response:
                reading = asyncio.ensure_future(response.aread())
                while response.num_bytes_downloaded == 0:
                    await asyncio.sleep(0)
                reading.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await reading

    asyncio.run(run())
    assert seen(lab, "cancelled", {})["error_type"] == "CancelledError"


def test_a_request_that_never_left_is_no_event(http, server, lab):
    with pytest.raises(http.ConnectError), http.Client() as client:
        client.post("http://127.0.0.1:1" + PATH, json=PLAIN)
    closed = http.Client()
    closed.close()
    with pytest.raises(RuntimeError, match="closed"):
        closed.post(server.url("plain") + PATH, json=PLAIN)
    assert lab.events() == []


def test_a_refused_call_is_not_billed(http, server, lab):
    with http.Client() as client:
        assert client.post(server.url("refuse") + PATH, json=PLAIN).status_code == 429
    call = seen(lab, "error", {})
    assert (call["cost_usd"], call["cost_source"]) == (0, "not_billed")


def test_a_refusal_that_a_hook_raises_is_not_billed_either(http, server, lab):
    hooks = {"response": [lambda response: response.raise_for_status()]}
    with pytest.raises(http.HTTPStatusError), http.Client(event_hooks=hooks) as client:
        client.post(server.url("refuse") + PATH, json=PLAIN)
    assert seen(lab, "error", {})["cost_source"] == "not_billed"


@pytest.mark.parametrize("read", [True, False])
def test_a_hook_may_read_the_response(http, server, lab, read):
    hooks = {"response": [lambda response: response.read()]} if read else {}
    with http.Client(event_hooks=hooks) as client:
        with client.stream("POST", server.url("plain") + PATH, json=STREAM) as response:
            assert b"".join(response.iter_bytes()) == b"".join(chat_events())
    seen(lab)


@pytest.mark.parametrize("what", ["moved", "locked"])
def test_redirects_and_challenges_are_part_of_one_exchange(http, server, lab, what):
    with http.Client(follow_redirects=True, auth=http.DigestAuth("u", "p")) as client:
        assert client.post(server.url(what) + PATH, json=PLAIN).json() == CHAT
    seen(lab)


def test_a_mock_transport_keeps_working(http, lab):
    transport = http.MockTransport(lambda request: http.Response(200, json=CHAT))
    with http.Client(transport=transport) as client:
        assert client.post("https://api.openai.com" + PATH, json=PLAIN).json() == CHAT
        with client.stream("POST", "https://api.openai.com" + PATH, json=PLAIN) as response:
            assert response.read() == json.dumps(CHAT, separators=(",", ":")).encode() or json.loads(response.read())
    assert [call["usage"] for call in lab.calls()] == [CHAT_USAGE] * 2


def test_respx_keeps_working(lab):
    import httpx

    respx = pytest.importorskip("respx")

    with respx.mock:
        route = respx.post("https://api.openai.com" + PATH).respond(json=CHAT)
        assert httpx.post("https://api.openai.com" + PATH, json=PLAIN).json() == CHAT
        assert route.called
    seen(lab)


def test_what_is_no_call_to_a_model_leaves_no_event(http, server, lab):
    def pieces():
        yield b"{}"

    with http.Client() as client:
        client.get(server.url("plain") + "/v1/models")
        client.post(server.url("upload") + "/v1/files", content=pieces(), headers={"content-length": "2"})
    assert lab.events() == []


def test_the_scope_of_the_request_owns_the_call(http, server, lab):
    with http.Client() as client:
        with llmlab.track(feature="search", user=7) as t:
            response = client.send(client.build_request("POST", server.url("plain") + PATH, json=STREAM), stream=True)
            assert (t.begun, t.calls) == (1, 0)
        response.read()
    assert t.calls == 1
    assert str(t.cost) == "0.0038"
    call = seen(lab)
    assert (call["feature"], call["user"]) == ("search", "7")


def test_uninstrument_puts_the_very_functions_back(http):
    llmlab.uninstrument()
    before = http.Client.send, http.AsyncClient.send
    llmlab.instrument()
    llmlab.instrument()
    assert (http.Client.send, http.AsyncClient.send) != before
    llmlab.uninstrument()
    assert (http.Client.send, http.AsyncClient.send) == before


def test_a_patch_of_somebody_else_over_the_tap_is_kept(http, server, lab, monkeypatch):
    from functools import wraps

    tapped = http.Client.send
    theirs = wraps(tapped)(lambda self, *args, **kwargs: tapped(self, *args, **kwargs))
    monkeypatch.setattr(http.Client, "send", theirs)

    def post():
        with http.Client() as client:
            client.post(server.url("plain") + PATH, json=PLAIN)
        return len(lab.calls())

    llmlab.instrument()
    assert post() == 1
    llmlab.uninstrument()
    assert http.Client.send is theirs
    assert post() == 1
    llmlab.instrument()
    assert post() == 2


def test_a_client_of_another_shape_is_left_alone_with_one_warning(monkeypatch, caplog):
    import sys
    from types import ModuleType

    strange = ModuleType("httpx2")
    monkeypatch.setitem(sys.modules, "httpx2", strange)
    llmlab.instrument()
    llmlab.instrument()
    assert vars(strange).keys() == vars(ModuleType("x")).keys()
    assert len([record for record in caplog.records if "instrument httpx2" in record.message]) == 1
    assert _guard.faults == 2


def test_a_fault_in_the_tap_leaves_the_request_alone(http, server, lab, monkeypatch):
    from llmlab.transports import httpx as transport

    def broken():
        raise LookupError("our own mistake")

    monkeypatch.setattr(transport, "client", broken)
    with http.Client() as client:
        assert client.post(server.url("plain") + PATH, json=PLAIN).json() == CHAT
    assert llmlab.stats()["faults"] == 1
    assert lab.events() == []


def test_a_client_inside_a_transport_of_the_program_is_counted_once(http, server, lab):
    class Relay(http.BaseTransport):
        def __init__(self):
            self.inner = http.Client()

        def handle_request(self, request):
            url = server.url("plain") + request.url.path
            answer = self.inner.post(url, content=request.content, headers={"content-type": "application/json"})
            return http.Response(answer.status_code, headers=answer.headers, stream=http.ByteStream(answer.content))

    with http.Client(transport=Relay()) as client:
        for _ in range(2):
            assert client.post("https://api.openai.com" + PATH, json=PLAIN).json() == CHAT
    assert [call["provider"] for call in lab.calls()] == ["openai", "openai"]


def test_a_task_that_a_send_leaves_behind_is_counted_by_itself(http, server, lab):
    """Red where ``sending`` is a plain flag: the task inherits it for the rest of its life."""

    async def run():
        sent, tasks = asyncio.Event(), []

        async def later():
            await sent.wait()
            async with http.AsyncClient() as client:
                await client.post(server.url("plain") + PATH, json=PLAIN)

        async def hook(request):
            tasks.append(asyncio.create_task(later()))

        async with http.AsyncClient(event_hooks={"request": [hook]}) as client:
            await client.post(server.url("plain") + PATH, json=PLAIN)
        sent.set()
        await asyncio.gather(*tasks)

    asyncio.run(run())
    assert len(lab.calls()) == 2


def test_what_is_sent_while_a_stream_is_read_is_counted_by_itself(http, server, lab):
    with http.Client() as client:
        with client.stream("POST", server.url("plain") + PATH, json=STREAM) as response:
            for _ in response.iter_lines():
                client.post(server.url("plain") + PATH, json=PLAIN)
                break
    assert sorted(call["status"] for call in lab.calls()) == ["aborted", "ok"]
