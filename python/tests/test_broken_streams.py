"""A stream that does not come to its end is one call, with what is known of it.

Of a message of Anthropic the start is known, which tells the input and the first token of the output: an estimate. Of a
chat that broke off before its usage nothing is known but the model: unpriced.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import socket

import pytest

import llmlab

from .program import run

MESSAGES = {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": [], "stream": True}
CHAT = {"model": "gpt-4o", "messages": [], "stream": True}
KNOWN = {"input": 900, "output": 1}
KINDS = {
    "anthropic": ("/v1/messages", MESSAGES, KNOWN, "estimated", "claude-sonnet-4-6"),
    "openai": ("/v1/chat/completions", CHAT, {}, "unpriced", "gpt-4o-2024-08-06"),
}


@pytest.fixture(params=["httpx", "httpx2"])
def http(request):
    return importlib.import_module(request.param)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(autouse=True)
def tapped(monkeypatch):
    real = socket.getaddrinfo

    def found(host, *args, **kwargs):
        named = host.decode() if isinstance(host, bytes) else host
        return real("127.0.0.1" if named.startswith("api.") else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", found)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    llmlab.instrument()
    yield
    llmlab.uninstrument()


def target(server, kind):
    path, body, *_ = KINDS[kind]
    what = "asked_hang" if kind == "openai" else "hang"
    return {"method": "POST", "url": f"http://api.{kind}.com:{server.port}/{what}{path}", "json": body}


def is_known(lab, kind, status):
    call = lab.call()
    *_, usage, state, model = KINDS[kind]
    assert (call["status"], call["usage"], call["cost_state"], call["model"]) == (status, usage, state, model), call
    assert (call["cost_usd"] is None) == (state == "unpriced")


def words(response):
    """A program's own generator, which reads as far as it is asked."""
    for line in response.iter_lines():
        if line.startswith("data:"):
            yield line


def test_a_generator_that_is_closed(http, server, lab, kind):
    with http.Client() as client, client.stream(**target(server, kind)) as response:
        lines = words(response)
        next(lines)
        lines.close()
    is_known(lab, kind, "aborted")


def test_a_loop_that_is_left(http, server, lab, kind):
    with http.Client() as client, client.stream(**target(server, kind)) as response:
        for _ in words(response):
            break
    is_known(lab, kind, "aborted")


def test_a_response_that_is_collected(http, server, lab, kind):
    client = http.Client()
    response = client.send(client.build_request(**target(server, kind)), stream=True)
    lines = words(response)
    next(lines)
    assert lab.calls() == []
    del response, lines
    gc.collect()
    is_known(lab, kind, "aborted")
    client.close()


def test_a_timeout(http, server, lab, kind):
    with http.Client(timeout=0.2) as client, client.stream(**target(server, kind)) as response:
        with pytest.raises(http.ReadTimeout):
            response.read()
    is_known(lab, kind, "lost")
    assert lab.call()["error_type"] == "ReadTimeout"


def test_a_client_that_is_closed_in_the_middle(http, server, lab, kind):
    client = http.Client()
    response = client.send(client.build_request(**target(server, kind)), stream=True)
    lines = words(response)
    next(lines)
    client.close()
    with contextlib.suppress(http.HTTPError, http.StreamError, RuntimeError, OSError):
        list(lines)
    del lines, response
    gc.collect()
    assert lab.call()["status"] in ("lost", "aborted")
    is_known(lab, kind, lab.call()["status"])


def test_a_task_that_is_cancelled(http, server, lab, kind):
    async def main():
        begun = asyncio.Event()

        async def read():
            async with http.AsyncClient() as client, client.stream(**target(server, kind)) as response:
                async for _ in response.aiter_lines():
                    begun.set()

        task = asyncio.ensure_future(read())
        await asyncio.wait_for(begun.wait(), 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    is_known(lab, kind, "cancelled")


def test_an_async_loop_that_is_left(http, server, lab, kind):
    async def main():
        async with http.AsyncClient() as client, client.stream(**target(server, kind)) as response:
            async for line in response.aiter_lines():
                if line.startswith("data:"):
                    break

    asyncio.run(main())
    is_known(lab, kind, "aborted")


def test_an_async_timeout(http, server, lab, kind):
    async def main():
        async with http.AsyncClient(timeout=0.2) as client, client.stream(**target(server, kind)) as response:
            with pytest.raises(http.ReadTimeout):
                await response.aread()

    asyncio.run(main())
    is_known(lab, kind, "lost")


def test_a_program_that_ends_in_the_middle(server, lab, kind):
    asked = target(server, kind)
    run(
        f"""
        import httpx, socket
        real = socket.getaddrinfo
        def found(host, *args, **kwargs):
            named = host.decode() if isinstance(host, bytes) else host
            return real("127.0.0.1" if named.startswith("api.") else host, *args, **kwargs)
        socket.getaddrinfo = found
        llmlab.init()
        client = httpx.Client()
        response = client.send(client.build_request("POST", {asked["url"]!r}, json={asked["json"]!r}), stream=True)
        lines = response.iter_lines()
        next(lines)
        """
    )
    is_known(lab, kind, "aborted")
