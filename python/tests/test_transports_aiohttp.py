"""The tap of aiohttp: one event for every physical request, whatever becomes of it, and nothing else changes."""

from __future__ import annotations

import asyncio
import gc
import json

import pytest

import llmlab

from .stand_in import StandIn
from .wire import CHAT, CHAT_USAGE, PLAIN, STREAM, chat_events

aiohttp = pytest.importorskip("aiohttp")

PATH = "/v1/chat/completions"
EVENTS = b"".join(chat_events())

pytestmark = pytest.mark.usefixtures("tapped")


def seen(lab, status="ok", usage=CHAT_USAGE):
    call = lab.call()
    assert (call["status"], call["usage"]) == (status, usage), call
    return call


def run(work, **options):
    """Runs a coroutine function with a session."""

    async def with_session():
        async with aiohttp.ClientSession(**options) as session:
            return await work(session)

    return asyncio.run(with_session())


async def joined(pieces):
    return b"".join([piece async for piece in pieces])


@pytest.mark.parametrize("what", ["plain", "gzip", "chunked", "until_close"])
def test_a_plain_call_is_recorded_once_with_its_cost(server, lab, what):
    async def ask(session):
        async with session.post(server.url(what) + PATH, json=PLAIN) as response:
            return await response.json()

    assert run(ask) == CHAT
    call = seen(lab)
    assert (call["model"], call["model_requested"], call["provider"]) == ("gpt-4o-2024-08-06", "gpt-4o", "openai")
    assert (call["cost_state"], call["cost_usd"]) == ("priced", 0.0038)


def test_a_body_that_aiohttp_does_not_decode_is_read(server, lab):
    async def ask(session):
        async with session.post(server.url("gzip") + PATH, json=STREAM) as response:
            return await response.read()

    assert run(ask, auto_decompress=False).startswith(b"\x1f\x8b")
    seen(lab)


async def by_read_chunks(content):
    pieces = []
    while True:
        piece, _ = await content.readchunk()
        if not piece and content.at_eof():
            return b"".join(pieces)
        pieces.append(piece)


async def by_size(content):
    pieces = []
    while piece := await content.read(7):
        pieces.append(piece)
    return b"".join(pieces)


async def put_back(content):
    """In the middle of the usage, which would be unreadable if these bytes were seen twice."""
    first = await content.readexactly(EVENTS.index(b"prompt_tokens") + 5)
    content.unread_data(first[-9:])
    return first[:-9] + await content.read()


READINGS = {
    "lines": joined,
    "iter_any": lambda content: joined(content.iter_any()),
    "iter_chunked": lambda content: joined(content.iter_chunked(9)),
    "iter_chunks": lambda content: joined(piece async for piece, _ in content.iter_chunks()),
    "read": lambda content: content.read(),
    "by_size": by_size,
    "readchunk": by_read_chunks,
    "readexactly": lambda content: content.readexactly(len(EVENTS)),
    "put_back": put_back,
}


@pytest.mark.filterwarnings("ignore:unread_data:DeprecationWarning")
@pytest.mark.parametrize("what", ["plain", "gzip"])
@pytest.mark.parametrize("way", READINGS)
def test_a_stream_is_recorded_once_however_it_is_read(server, lab, way, what):
    async def ask(session):
        async with session.post(server.url(what) + PATH, json=STREAM) as response:
            assert isinstance(response.content, aiohttp.StreamReader)
            got = await READINGS[way](response.content)
            return got, response.content.total_bytes

    assert run(ask) == (EVENTS, len(EVENTS))
    assert seen(lab)["stream"] is True


@pytest.mark.parametrize("way", ["text", "json", "read"])
def test_a_response_is_recorded_once_however_it_is_read(server, lab, way):
    async def ask(session):
        response = await session.post(server.url("plain") + PATH, json=PLAIN)
        return await getattr(response, way)()

    got = run(ask)
    assert (got if way == "json" else json.loads(got)) == CHAT
    seen(lab)


@pytest.mark.parametrize("way", ["bytes", "text", "generator"])
def test_a_body_is_known_as_bytes_and_as_text_and_a_generator_is_not_consumed(server, lab, way):
    text = json.dumps(PLAIN)

    async def pieces():
        yield text.encode()

    data = {"bytes": text.encode(), "text": text, "generator": pieces()}[way]

    async def ask(session):
        async with session.post(server.url("plain") + PATH, data=data) as response:
            return await response.json()

    assert run(ask) == CHAT
    assert seen(lab)["model_requested"] == (None if way == "generator" else "gpt-4o")


def test_the_connection_is_used_again(lab):
    with StandIn() as server:

        async def ask(session):
            for body in (PLAIN, STREAM, PLAIN, STREAM):
                async with session.post(server.url("plain") + PATH, json=body) as response:
                    assert await response.read()

        run(ask)
        assert server.connections == 1
    assert len(lab.calls()) == 4


@pytest.mark.parametrize("leave", ["exit", "close", "release", "unread"])
def test_a_stream_that_is_left_early_is_recorded_as_aborted(server, lab, leave):
    async def ask(session):
        response = await session.post(server.url("hang") + PATH, json=STREAM)
        if leave != "unread":
            await response.content.readline()
        if leave == "close":
            response.close()
        elif leave == "release":
            response.release()
        else:
            async with response:
                pass

    run(ask)
    seen(lab, "aborted", {})


def test_a_response_that_is_forgotten_is_recorded_when_it_is_collected(server, lab):
    async def ask(session):
        response = await session.post(server.url("hang") + PATH, json=STREAM)
        await response.content.readline()
        assert lab.calls() == []

    run(ask)
    gc.collect()  # a response lives as long as its connection
    seen(lab, "aborted", {})


def test_an_error_of_the_consumer_passes_unchanged(server, lab):
    mine = ValueError("mine")

    async def ask(session):
        async with session.post(server.url("hang") + PATH, json=STREAM) as response:
            async for _ in response.content:
                raise mine

    with pytest.raises(ValueError) as raised:
        run(ask)
    assert raised.value is mine
    seen(lab, "aborted", {})


@pytest.mark.parametrize("what", ["cut", "short"])
def test_a_broken_body_is_lost_and_its_error_is_that_of_the_client(server, lab, what):
    async def ask(session):
        async with session.post(server.url(what) + PATH, json=STREAM) as response:
            await response.read()

    with pytest.raises(aiohttp.ClientPayloadError):
        run(ask)
    call = seen(lab, "lost", {})
    assert (call["error_type"], call["cost_usd"]) == ("ClientPayloadError", None)


def test_a_dropped_connection_is_lost(server, lab):
    with pytest.raises(aiohttp.ServerDisconnectedError):
        run(lambda session: session.post(server.url("drop") + PATH, json=PLAIN))
    call = seen(lab, "lost", {})
    assert (call["cost_state"], call["cost_usd"]) == ("unpriced", None)


@pytest.mark.parametrize("limit", ["total", "sock_read"])
@pytest.mark.parametrize("what", ["silent", "hang"])
def test_a_timeout_is_lost(server, lab, what, limit):
    async def ask(session):
        async with session.post(server.url(what) + PATH, json=STREAM) as response:
            await response.read()

    with pytest.raises(asyncio.TimeoutError):
        run(ask, timeout=aiohttp.ClientTimeout(**{limit: 0.2}))
    assert seen(lab, "lost", {})["error_type"].endswith(("TimeoutError", "Timeout"))


@pytest.mark.parametrize("what", ["silent", "hang"])
def test_a_cancelled_request_is_cancelled(server, lab, what):
    async def ask(session):
        arrived = asyncio.Event()

        async def read():
            async with session.post(server.url(what) + PATH, json=STREAM) as response:
                await response.content.readline()
                arrived.set()
                await response.read()

        with llmlab.track() as t:
            reading = asyncio.ensure_future(read())
            while not (t.begun if what == "silent" else arrived.is_set()):
                await asyncio.sleep(0)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading

    run(ask)
    assert seen(lab, "cancelled", {})["error_type"] == "CancelledError"


def test_who_gives_up_waiting_for_a_piece_may_ask_again(server, lab):
    async def ask(session):
        async with session.post(server.url("hang") + PATH, json=STREAM) as response:
            for _ in range(4):
                await response.content.readline()
            for _ in range(2):
                reading = asyncio.ensure_future(response.content.readline())
                await asyncio.sleep(0)
                reading.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await reading
            with pytest.raises(ValueError):
                await response.content.readuntil(b"")
            assert lab.calls() == []

    run(ask)
    seen(lab, "cancelled", {})


def test_a_request_that_never_left_is_no_event(lab):
    for url in ("http://127.0.0.1:1", "https://127.0.0.1:1", "http://nowhere.invalid"):
        with pytest.raises(aiohttp.ClientConnectorError):
            run(lambda session, url=url: session.post(url + PATH, json=PLAIN))
    assert lab.events() == []


@pytest.mark.parametrize("strict", [False, True])
def test_a_refused_call_is_not_billed(server, lab, strict):
    async def ask(session):
        async with session.post(server.url("refuse") + PATH, json=PLAIN) as response:
            return response.status

    if strict:
        with pytest.raises(aiohttp.ClientResponseError):
            run(ask, raise_for_status=True)
    else:
        assert run(ask) == 429
    call = seen(lab, "error", {})
    assert (call["cost_usd"], call["cost_source"]) == (0, "not_billed")


def test_every_try_of_the_program_is_a_call_of_its_own(server, lab):
    async def ask(session):
        while True:
            async with session.post(server.url("flaky/aiohttp") + PATH, json=PLAIN) as response:
                if response.ok:
                    return await response.json()

    assert run(ask) == CHAT
    assert [call["status"] for call in lab.calls()] == ["error", "ok"]


def test_a_redirect_is_no_call(server, lab):
    async def ask(session):
        async with session.post(server.url("moved") + PATH, json=PLAIN) as response:
            return await response.json()

    assert run(ask) == CHAT
    seen(lab)


@pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")
def test_classes_of_the_program_are_seen_as_well(server, lab):
    class Request(aiohttp.ClientRequest):
        pass

    class Response(aiohttp.ClientResponse):
        pass

    async def ask(session):
        async with session.post(server.url("plain") + PATH, json=PLAIN) as response:
            assert type(response) is Response
            return await response.json()

    assert run(ask, request_class=Request, response_class=Response) == CHAT
    seen(lab)


def test_what_is_no_call_to_a_model_leaves_no_event(server, lab):
    async def ask(session):
        async with session.get(server.url("plain") + "/v1/models") as response:
            assert type(response.content) is aiohttp.StreamReader
            await response.read()
        form = aiohttp.FormData({"purpose": "batch"})
        form.add_field("file", b"{}", filename="a.jsonl")
        async with session.post(server.url("nothing") + "/v1/files", data=form) as response:
            await response.read()

    with pytest.raises(aiohttp.ClientError):  # the stand-in knows nothing of forms
        run(ask)
    assert lab.events() == []


def test_fifty_at_once_are_fifty_calls(server, lab):
    async def ask(session):
        async def one(number):
            async with session.post(server.url("plain") + PATH, json=STREAM if number % 2 else PLAIN) as response:
                return await response.read()

        return await asyncio.gather(*(one(number) for number in range(50)))

    assert all(run(ask))
    assert [call["usage"] for call in lab.calls()] == [CHAT_USAGE] * 50


def test_the_scope_of_the_request_owns_the_call(server, lab):
    async def ask(session):
        with llmlab.track(feature="search", user=7) as t:
            response = await session.post(server.url("plain") + PATH, json=STREAM)
            assert (t.begun, t.calls) == (1, 0)
        await response.read()
        return t

    t = run(ask)
    assert (t.calls, str(t.cost)) == (1, "0.0038")
    call = seen(lab)
    assert (call["feature"], call["user"]) == ("search", "7")


def test_uninstrument_puts_the_very_functions_back():
    llmlab.uninstrument()
    before = dict(vars(aiohttp.ClientRequest)), dict(vars(aiohttp.ClientResponse))
    llmlab.instrument()
    llmlab.instrument()
    assert aiohttp.ClientRequest.send is not before[0]["send"]
    llmlab.uninstrument()
    assert (dict(vars(aiohttp.ClientRequest)), dict(vars(aiohttp.ClientResponse))) == before
