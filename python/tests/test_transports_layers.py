"""Clients on top of clients: a physical request is counted once, by the outermost tap."""

from __future__ import annotations

import asyncio

import pytest

from .wire import CHAT, CHAT_USAGE, PLAIN, STREAM, chat_events

httpx = pytest.importorskip("httpx")

PATH = "/v1/chat/completions"
EVENTS = b"".join(chat_events())

pytestmark = pytest.mark.usefixtures("tapped")


@pytest.mark.parametrize("body", [PLAIN, STREAM])
def test_httpx_over_aiohttp_is_counted_once(server, lab, body):
    httpx_aiohttp = pytest.importorskip("httpx_aiohttp")

    async def ask():
        async with httpx_aiohttp.HttpxAiohttpClient() as client:
            async with client.stream("POST", server.url("plain") + PATH, json=body) as response:
                return await response.aread()

    got = asyncio.run(ask())
    assert got == EVENTS if body is STREAM else b"forty-two" in got
    assert lab.call()["usage"] == CHAT_USAGE


class OverRequests(httpx.BaseTransport):
    """A transport of the program's own."""

    def handle_request(self, request):
        import requests

        answer = requests.request(
            request.method, str(request.url), data=request.read(), headers=dict(request.headers), stream=True
        )
        return httpx.Response(answer.status_code, headers=dict(answer.headers), stream=Answer(answer))


class Answer(httpx.SyncByteStream):
    def __init__(self, answer):
        self.answer = answer

    def __iter__(self):
        yield from self.answer.raw.stream(16, decode_content=False)

    def close(self):
        self.answer.close()


@pytest.mark.parametrize("body", [PLAIN, STREAM])
def test_httpx_over_requests_is_counted_once(server, lab, body):
    pytest.importorskip("requests")
    with httpx.Client(transport=OverRequests()) as client:
        got = client.post(server.url("plain") + PATH, json=body)
    assert got.content == EVENTS if body is STREAM else got.json() == CHAT
    assert lab.call()["usage"] == CHAT_USAGE


def test_a_request_of_its_own_after_an_outer_one_is_counted(server, lab):
    requests = pytest.importorskip("requests")
    with httpx.Client(transport=OverRequests()) as client:
        client.post(server.url("plain") + PATH, json=PLAIN)
    requests.post(server.url("plain") + PATH, json=PLAIN)
    assert len(lab.calls()) == 2
