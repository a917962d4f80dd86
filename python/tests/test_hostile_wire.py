"""Answers that nobody should send: the application sees what it sees without us, and each request is one call.

What is tapped is compared with the same client untapped. Sabotages that turn these red: a tap that decodes a body with
`json.loads`; one that lets an error of a reader pass; an `Exchange` that takes a count by way of a float.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import socketserver
import threading
from typing import NamedTuple

import pytest

import llmlab

from .wire import CHAT, CHAT_USAGE, chat_events

aiohttp = pytest.importorskip("aiohttp")
httpx = pytest.importorskip("httpx")
openai = pytest.importorskip("openai")
requests = pytest.importorskip("requests")

PATH = "/v1/chat/completions"
PLAIN = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
BODY = json.dumps(CHAT).encode()
EVENTS = b"".join(chat_events())
FORTY = b'{"prompt_tokens": 1200, "completion_tokens": 80, "total_tokens": 1280}'
assert FORTY in BODY


def answer(body: bytes, kind: str = "application/json", status: str = "200 OK", **headers: str) -> bytes:
    lines = {"content-type": kind, "content-length": str(len(body)), "connection": "close"}
    lines.update({name.replace("_", "-"): value for name, value in headers.items()})
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + body


def chunked(body: bytes, **headers: str) -> bytes:
    head = answer(b"", **headers).replace(b"content-length: 0", b"transfer-encoding: chunked")
    return head + body


def usage(counts: str) -> bytes:
    return answer(BODY.replace(FORTY, counts.encode()))


def with_text(text: bytes) -> bytes:
    return answer(BODY.replace(b"forty-two", text))


DEEP = b"[" * 100_000
# What comes, and what of it is usage: nothing, where nothing trustworthy was told.
ANSWERS = {
    "good": (answer(BODY), CHAT_USAGE),
    "empty": (answer(b""), {}),
    "nothing at all": (b"", {}),
    "half a head": (b"HTTP/1.1 200 OK\r\ncontent-ty", {}),
    "no content": (b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n", {}),
    "null": (answer(b"null"), {}),
    "a number": (answer(b"7"), {}),
    "a cut text": (answer(BODY[:-40]), {}),
    "a connection that is cut": (answer(BODY)[:-40], {}),
    "a length of nonsense": (answer(BODY, content_length="many"), None),
    "an open bracket, often": (answer(DEEP), {}),
    "depth in the usage": (usage('{"prompt_tokens": ' + "[" * 10_000 + "]" * 10_000 + "}"), {}),
    "depth beside the usage": (
        answer(BODY.replace(b'{"id"', b'{"x": ' + DEEP + b"]" * 100_000 + b', "id"')),
        CHAT_USAGE,
    ),
    "negative": (usage('{"prompt_tokens": -1200, "completion_tokens": -80}'), {}),
    "floats": (usage('{"prompt_tokens": 1200.0, "completion_tokens": 8e1}'), {}),
    "no numbers": (usage('{"prompt_tokens": NaN, "completion_tokens": Infinity}'), {}),
    "texts": (usage('{"prompt_tokens": "1200", "completion_tokens": "80"}'), {}),
    "beyond all numbers": (
        usage('{"prompt_tokens": 18446744073709551616, "completion_tokens": 1' + "0" * 400 + "}"),
        {},
    ),
    "beyond floats": (
        usage('{"prompt_tokens": 9007199254740993, "completion_tokens": 1}'),
        {"input": 9007199254740993, "output": 1},
    ),
    "a list of usage": (usage(f"[{FORTY.decode()}]"), {}),
    "no text in the model": (answer(BODY.replace(b"gpt-4o-2024-08-06", b"\xff\xfe\xed\xa0\x80")), CHAT_USAGE),
    "no text in the text": (with_text(b"\xff\xfe\x00\x01"), CHAT_USAGE),
    "half a surrogate": (with_text(b"\\ud800"), CHAT_USAGE),
    "usage in the text": (answer(BODY.replace(FORTY, b"null").replace(b"forty-two", b'\\"usage\\":{}')), {}),
    "a page": (answer(b"<html><body>usage: 1200 tokens</body></html>", "text/html"), {}),
    "a text as a page": (answer(BODY, "text/html"), CHAT_USAGE),
    "a text as events": (answer(BODY, "text/event-stream"), CHAT_USAGE),
    "a text as Amazon's messages": (answer(BODY, "application/vnd.amazon.eventstream"), CHAT_USAGE),
    "a text of no type": (answer(BODY, "\xe9;;=\x01"), None),
    "events as a text": (answer(EVENTS), CHAT_USAGE),
    "events": (answer(EVENTS, "text/event-stream"), CHAT_USAGE),
    "events that break off": (answer(EVENTS[:700], "text/event-stream"), {}),
    "an event of depth": (answer(b"data: " + DEEP + b"\n\n" + EVENTS, "text/event-stream"), CHAT_USAGE),
    "an event of no text": (answer(b"data: \xff\xfe\n\n" + EVENTS, "text/event-stream"), CHAT_USAGE),
    "events that are all comments": (answer(b": ping\n\n" * 50_000, "text/event-stream"), {}),
    "ten thousand events": (answer(chat_events()[0] * 10_000 + EVENTS, "text/event-stream"), CHAT_USAGE),
    "a line without end": (answer(b"data: " + b"x" * 5_000_000, "text/event-stream"), {}),
    "no gzip": (answer(BODY, content_encoding="gzip"), {}),
    "half a gzip": (answer(gzip.compress(BODY * 50)[:-200], content_encoding="gzip"), None),
    "gzip and something behind": (answer(gzip.compress(BODY) + b"more", content_encoding="gzip"), None),
    "a coding that nobody knows": (answer(BODY, content_encoding="rot13"), None),
    "a bomb": (answer(gzip.compress(b" " * 20_000_000 + BODY), content_encoding="gzip"), CHAT_USAGE),
    "a bomb in a bomb": (
        answer(gzip.compress(gzip.compress(b" " * 20_000_000)), content_encoding="gzip, gzip"),
        {},
    ),
    "no zstd": (answer(BODY, content_encoding="zstd"), None),
    "no brotli": (answer(BODY, content_encoding="br"), None),
    "chunks": (chunked(b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)), CHAT_USAGE),
    "chunks of nonsense": (chunked(b"zz\r\n" + BODY + b"\r\n0\r\n\r\n"), {}),
    "a chunk of more than all": (chunked(b"ffffffffffffffff\r\n" + BODY), None),
    "an error that is a page": (answer(b"<html>\xff", "text/html", "502 Bad Gateway"), {}),
    "an error with usage": (answer(BODY, status="500 No"), None),
    "a status of its own": (answer(BODY, status="299 Fine"), CHAT_USAGE),
}


class Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        length, number = 0, int(self.rfile.readline().split()[1].split(b"/")[1])
        while (line := self.rfile.readline()).strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        self.rfile.read(length)
        self.wfile.write(list(ANSWERS.values())[number][0])


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has enough goes away."""


@pytest.fixture(scope="module")
def port():
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def of_httpx(url):
    response = httpx.post(url, json=PLAIN, trust_env=False)
    return response.status_code, response.content


def of_httpx_in_pieces(url):
    with httpx.stream("POST", url, json=PLAIN, trust_env=False) as response:
        return response.status_code, b"".join(response.iter_bytes())


def of_requests(url):
    response = requests.post(url, json=PLAIN)
    return response.status_code, response.content


def of_requests_in_pieces(url):
    with requests.post(url, json=PLAIN, stream=True) as response:
        return response.status_code, b"".join(response.iter_content(1000))


def of_aiohttp(url):
    async def ask():
        async with aiohttp.ClientSession() as session, session.post(url, json=PLAIN) as response:
            return response.status, await response.read()

    return asyncio.run(ask())


def of_aiohttp_in_pieces(url):
    async def ask():
        async with aiohttp.ClientSession() as session, session.post(url, json=PLAIN) as response:
            return response.status, b"".join([piece async for piece in response.content.iter_any()])

    return asyncio.run(ask())


def sdk(url):
    return openai.OpenAI(api_key="k", base_url=url.removesuffix("/chat/completions"), max_retries=0)


def of_openai(url):
    with sdk(url) as client:
        return repr(client.chat.completions.create(**PLAIN))


def of_openai_in_events(url):
    with sdk(url) as client:
        return [repr(event) for event in client.chat.completions.create(**PLAIN, stream=True)]


CLIENTS = (
    of_httpx,
    of_httpx_in_pieces,
    of_requests,
    of_requests_in_pieces,
    of_aiohttp,
    of_aiohttp_in_pieces,
    of_openai,
    of_openai_in_events,
)


class Raised(NamedTuple):
    """The classes of what an application had to catch."""

    error: type
    cause: type


def outcome(client, url):
    try:
        return client(url)
    except Exception as error:
        return Raised(type(error), type(error.__cause__))


@pytest.fixture(autouse=True)
def untapped():
    yield
    llmlab.uninstrument()


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
@pytest.mark.parametrize("name", ANSWERS)
def test_the_application_sees_what_it_sees_without_us_and_the_request_is_one_call(name, client, port, lab):
    url = f"http://127.0.0.1:{port}/{list(ANSWERS).index(name)}{PATH}"
    alone = outcome(client, url)
    llmlab.instrument()
    assert outcome(client, url) == alone
    call = lab.call()
    told = ANSWERS[name][1]
    # Whether a client gives us what it cannot decode is its own affair: all or nothing of it is told.
    allowed = [{}, CHAT_USAGE] if told is None else [told]
    # One that does not read a body to its end has told us less.
    if isinstance(alone, Raised) or client is of_openai_in_events:
        allowed.append({})
    assert call["usage"] in allowed, call
    if not call["usage"] and call["status"] != "error":
        assert (call["cost_usd"], call["cost_state"]) == (None, "unpriced")
    assert llmlab.stats()["faults"] == 0
