"""Streams of OpenAI are asked for their usage, and nobody but the bill can tell."""

from __future__ import annotations

import asyncio
import importlib
import json
import socket

import openai
import pytest
import respx

import llmlab

from .wire import CHAT_USAGE, asked_events

PATH = "/v1/chat/completions"
PLAIN = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
STREAM = {**PLAIN, "stream": True}
ASKED = {"include_usage": True}


@pytest.fixture(params=["httpx", "httpx2"])
def http(request):
    return importlib.import_module(request.param)


@pytest.fixture
def provider(server, monkeypatch):
    """The stand-in, found where OpenAI is."""
    real = socket.getaddrinfo

    def found(host, *args, **kwargs):
        named = host.decode() if isinstance(host, bytes) else host
        is_there = named == "api.openai.com" or named.endswith(".openai.azure.com")
        return real("127.0.0.1" if is_there else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", found)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server.bodies.clear()
    yield server
    llmlab.uninstrument()


def base(provider, what="asked"):
    return f"http://api.openai.com:{provider.port}/{what}"


def sdk(provider, what="asked", cls=openai.OpenAI, **options):
    return cls(base_url=f"{base(provider, what)}/v1", api_key="x", max_retries=0, **options)


def sent(provider):
    return json.loads(provider.bodies[-1])


def with_and_without(run):
    """What the program receives without llmlab, which it has to receive with it."""
    without = run()
    llmlab.instrument()
    try:
        assert run() == without
    finally:
        llmlab.uninstrument()
    return without


@pytest.mark.parametrize("what", ["asked", "asked_gzip"])
def test_the_sdk_yields_the_same_chunks_and_the_call_is_priced(provider, lab, what):
    def run():
        with sdk(provider, what) as client:
            stream = client.chat.completions.create(**STREAM)
            return [chunk.model_dump_json() for chunk in stream]

    chunks = with_and_without(run)
    assert len(chunks) == 6 and not any('"usage":{' in chunk for chunk in chunks)
    call = lab.call()
    assert (call["usage"], call["cost_state"], call["stream"]) == (CHAT_USAGE, "priced", True)
    assert sent(provider) == {**STREAM, "stream_options": ASKED}


@pytest.mark.parametrize("what", ["asked", "asked_gzip"])
def test_the_async_sdk_yields_the_same_chunks_and_the_call_is_priced(provider, lab, what):
    async def run():
        async with sdk(provider, what, openai.AsyncOpenAI) as client:
            stream = await client.chat.completions.create(**STREAM)
            return [chunk.model_dump_json() async for chunk in stream]

    assert len(with_and_without(lambda: asyncio.run(run()))) == 6
    assert lab.call()["usage"] == CHAT_USAGE


@pytest.mark.parametrize("what", ["asked", "asked_gzip"])
@pytest.mark.parametrize("way", ["bytes", "raw", "text", "lines", "read", "post"])
def test_a_client_receives_the_same_however_it_reads(provider, lab, http, way, what):
    def run():
        with http.Client() as client:
            if way == "post":
                response = client.post(base(provider, what) + PATH, json=STREAM)
                return response.content, response.headers.get("content-encoding")
            with client.stream("POST", base(provider, what) + PATH, json=STREAM) as response:
                if way == "read":
                    return response.read()
                pieces = list(getattr(response, f"iter_{way}")())
        if way == "lines":
            return pieces
        whole = ("" if way == "text" else b"").join(pieces)
        return importlib.import_module("gzip").decompress(whole) if way == "raw" and what == "asked_gzip" else whole

    with_and_without(run)
    assert lab.call()["usage"] == CHAT_USAGE


@pytest.mark.parametrize("way", ["bytes", "raw", "lines", "read", "post"])
def test_an_async_client_receives_the_same_however_it_reads(provider, lab, http, way):
    async def run():
        async with http.AsyncClient() as client:
            if way == "post":
                return (await client.post(base(provider) + PATH, json=STREAM)).content
            async with client.stream("POST", base(provider) + PATH, json=STREAM) as response:
                if way == "read":
                    return await response.aread()
                pieces = [piece async for piece in getattr(response, f"aiter_{way}")()]
        return pieces if way == "lines" else b"".join(pieces)

    with_and_without(lambda: asyncio.run(run()))
    assert lab.call()["usage"] == CHAT_USAGE


def test_a_raw_response_and_a_helper_of_the_sdk_receive_the_same(provider, lab):
    def run():
        with sdk(provider) as client:
            raw = client.chat.completions.with_raw_response.create(**STREAM)
            first = [chunk.model_dump_json() for chunk in raw.parse()]
            with client.chat.completions.with_streaming_response.create(**STREAM) as response:
                second = list(response.iter_lines())
            with client.chat.completions.stream(**PLAIN) as events:
                third = [event.type for event in events]
            return first, second, third

    with_and_without(run)
    assert [call["usage"] for call in lab.calls()] == [CHAT_USAGE] * 3


@pytest.mark.parametrize(
    ("options", "goes_out", "usage"),
    [
        ({}, ASKED, CHAT_USAGE),
        ({"include_usage": True}, ASKED, CHAT_USAGE),
        ({"include_usage": False}, {"include_usage": False}, {}),
        ({"include_obfuscation": False}, {"include_obfuscation": False, **ASKED}, CHAT_USAGE),
    ],
)
def test_the_options_of_the_program_stand(provider, lab, options, goes_out, usage):
    def run():
        with sdk(provider) as client:
            return [
                chunk.model_dump_json() for chunk in client.chat.completions.create(**STREAM, stream_options=options)
            ]

    assert any('"usage":{' in chunk for chunk in with_and_without(run)) == (options.get("include_usage") is True)
    assert sent(provider)["stream_options"] == goes_out
    call = lab.call()
    assert (call["usage"], call["cost_state"]) == (usage, "priced" if usage else "unpriced")


@pytest.mark.parametrize(
    ("version", "asks"), [("2024-10-21", True), ("2025-04-01-preview", True), ("2024-06-01", False)]
)
def test_azure_is_asked_since_the_version_that_knows_the_question(provider, lab, version, asks):
    def run():
        endpoint = f"http://shop.openai.azure.com:{provider.port}/asked"
        options = {"azure_endpoint": endpoint, "api_key": "x", "api_version": version, "max_retries": 0}
        with openai.AzureOpenAI(**options) as client:
            return [chunk.model_dump_json() for chunk in client.chat.completions.create(**STREAM)]

    with_and_without(run)
    call = lab.call()
    assert (call["provider"], call["usage"]) == ("azure", CHAT_USAGE if asks else {})


def test_never_changes_no_request(provider, lab):
    llmlab.init(stream_usage="never")
    with sdk(provider) as client:
        assert len(list(client.chat.completions.create(**STREAM))) == 6
    assert sent(provider) == STREAM
    assert lab.call()["cost_state"] == "unpriced"


def test_the_programs_own_request_stays_and_may_be_sent_twice(provider, lab, http):
    llmlab.instrument()
    with http.Client() as client:
        request = client.build_request("POST", base(provider) + PATH, json=STREAM)
        before = request.content, dict(request.headers)
        bodies = [client.send(request).content for _ in range(2)]
        response = client.send(request)
    assert (request.content, dict(request.headers)) == before
    assert bodies == [b"".join(asked_events(include_usage=False))] * 2
    assert json.loads(response.request.content)["stream_options"] == ASKED
    assert response.request.headers["content-length"] == str(len(response.request.content))
    assert [call["usage"] for call in lab.calls()] == [CHAT_USAGE] * 3


def test_a_hook_sees_what_is_sent(provider, lab, http):
    llmlab.instrument()
    seen = []
    with http.Client(event_hooks={"request": [lambda request: seen.append(request.content)]}) as client:
        client.post(base(provider) + PATH, json=STREAM)
    assert seen == provider.bodies


def test_an_error_is_the_one_the_program_would_have_had(provider, lab, http):
    def run():
        with http.Client() as client, client.stream("POST", base(provider, "refuse") + PATH, json=STREAM) as response:
            return response.status_code, response.read()

    assert with_and_without(run)[0] == 429
    assert lab.call()["cost_source"] == "not_billed"


def test_of_a_broken_stream_the_program_receives_all_that_came(provider, lab, http):
    def all_of_it():
        pieces = []
        with (
            http.Client() as client,
            client.stream("POST", base(provider, "asked_cut") + PATH, json=STREAM) as response,
        ):
            with pytest.raises(http.RemoteProtocolError):
                for piece in response.iter_raw():
                    pieces.append(piece)
        return b"".join(pieces)

    async def all_of_it_async():
        pieces = []
        async with http.AsyncClient() as client:
            async with client.stream("POST", base(provider, "asked_cut") + PATH, json=STREAM) as response:
                with pytest.raises(http.RemoteProtocolError):
                    async for piece in response.aiter_raw():
                        pieces.append(piece)
        return b"".join(pieces)

    assert with_and_without(all_of_it) == with_and_without(lambda: asyncio.run(all_of_it_async()))
    assert [(call["status"], call["cost_state"]) for call in lab.calls()] == [("lost", "unpriced")] * 2


# --- whoever else has to do with the request sees the program's own


def unchanged(bodies):
    assert bodies and all(json.loads(body) == STREAM for body in bodies)


def test_a_mock_transport_gets_the_programs_own_request(provider, lab, http):
    seen = []

    def answer(request):
        seen.append(request.content)
        return http.Response(200, content=b"".join(asked_events(include_usage=False)))

    llmlab.instrument()
    with http.Client(transport=http.MockTransport(answer)) as client:
        client.post(base(provider) + PATH, json=STREAM)
    with http.Client(mounts={"http://api.openai.com": http.MockTransport(answer)}) as client:
        client.post(base(provider) + PATH, json=STREAM)
    unchanged(seen)


@pytest.mark.parametrize("using", ["httpcore", "httpx"])
def test_respx_gets_the_programs_own_request(provider, lab, using):
    httpx = importlib.import_module("httpx")
    llmlab.instrument()
    with respx.mock(using=using) as mock:
        mock.post(base(provider) + PATH).respond(200, content=b"data: [DONE]\n\n")
        with httpx.Client() as client:
            client.post(base(provider) + PATH, json=STREAM)

        async def run():
            async with httpx.AsyncClient() as client:
                await client.post(base(provider) + PATH, json=STREAM)

        asyncio.run(run())
        unchanged([call.request.content for call in mock.calls])
        assert len(mock.calls) == 2


def recording(real, seen):
    """As a recorder wraps a function."""
    from functools import wraps

    @wraps(real)
    def record(self, request, *args, **kwargs):
        seen.append(json.dumps(STREAM).encode() if not hasattr(request, "content") else request.content)
        return real(self, request, *args, **kwargs)

    return record


@pytest.mark.parametrize("place", ["client", "transport", "object"])
def test_a_recorder_gets_the_programs_own_request(provider, lab, http, monkeypatch, place):
    seen = []
    llmlab.instrument()
    with http.Client() as client:
        if place == "client":
            real = http.Client._send_single_request
            monkeypatch.setattr(http.Client, "_send_single_request", recording(real, seen))
        elif place == "transport":
            monkeypatch.setattr(
                http.HTTPTransport, "handle_request", recording(http.HTTPTransport.handle_request, seen)
            )
        else:
            real = client._transport.handle_request
            client._transport.handle_request = lambda request: seen.append(request.content) or real(request)
        client.post(base(provider) + PATH, json=STREAM)
    unchanged(seen)
    unchanged(provider.bodies)


def test_a_recorder_below_gets_the_programs_own_request(provider, lab, http, monkeypatch):
    seen = []
    llmlab.instrument()
    with http.Client() as client:
        pool = type(client._transport._pool)
        monkeypatch.setattr(pool, "handle_request", recording(pool.handle_request, seen))
        client.post(base(provider) + PATH, json=STREAM)
    assert seen
    unchanged(provider.bodies)


@pytest.mark.parametrize(
    "header",
    [
        ("Authorization", "AWS4-HMAC-SHA256 Credential=x"),
        ("Content-Digest", "sha-256=:x:"),
        ("X-Acme-Signature", "x"),
        ("Content-MD5", "x"),
    ],
)
def test_a_signed_request_stays(provider, lab, http, header):
    llmlab.instrument()
    with http.Client() as client:
        client.post(base(provider) + PATH, json=STREAM, headers=dict([header]))
    unchanged(provider.bodies)


def test_who_reads_the_answer_before_the_program_does_reads_the_programs_own(provider, lab, http):
    seen = []
    hooks = {"response": [lambda response: seen.append(response.read())]}
    llmlab.instrument()
    with http.Client(event_hooks=hooks) as client:
        client.post(base(provider) + PATH, json=STREAM)
    assert seen == [b"".join(asked_events(include_usage=False))]
    unchanged(provider.bodies)


def test_a_transport_of_the_programs_own_gets_the_programs_own_request(provider, lab, http):
    class Own(http.HTTPTransport):
        pass

    llmlab.instrument()
    with http.Client(transport=Own()) as client:
        client.post(base(provider) + PATH, json=STREAM)
    unchanged(provider.bodies)
