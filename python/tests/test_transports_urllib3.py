"""The tap of urllib3, by itself and below requests: one event for every physical request, and nothing else changes."""

from __future__ import annotations

import gc
import io
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

import llmlab

from .stand_in import StandIn
from .wire import CHAT, CHAT_USAGE, PLAIN, STREAM, chat_events

urllib3 = pytest.importorskip("urllib3")
requests = pytest.importorskip("requests")

PATH = "/v1/chat/completions"
JSON = {"content-type": "application/json"}
EVENTS = b"".join(chat_events())

pytestmark = pytest.mark.usefixtures("tapped")


@pytest.fixture
def pool():
    with urllib3.PoolManager(retries=False) as pool:
        yield pool


@pytest.fixture
def session():
    with requests.Session() as session:
        yield session


def seen(lab, status="ok", usage=CHAT_USAGE):
    call = lab.call()
    assert (call["status"], call["usage"]) == (status, usage), call
    return call


def post(pool, url, body=PLAIN, **kwargs):
    return pool.request("POST", url + PATH, body=json.dumps(body).encode(), headers=JSON, **kwargs)


@pytest.mark.parametrize("what", ["plain", "gzip", "chunked", "until_close"])
def test_a_plain_call_is_recorded_once_with_its_cost(pool, server, lab, what):
    assert json.loads(post(pool, server.url(what)).data) == CHAT
    call = seen(lab)
    assert (call["model"], call["model_requested"], call["provider"]) == ("gpt-4o-2024-08-06", "gpt-4o", "openai")
    assert (call["cost_state"], call["cost_usd"]) == ("priced", 0.0038)


@pytest.mark.parametrize("what", ["plain", "gzip", "chunked", "until_close"])
def test_a_plain_call_of_requests_is_recorded_once(session, server, lab, what):
    assert session.post(server.url(what) + PATH, json=PLAIN).json() == CHAT
    seen(lab)


def test_a_compressed_body_that_is_not_decoded_is_read(pool, server, lab):
    response = post(pool, server.url("gzip"), decode_content=False)
    assert response.data.startswith(b"\x1f\x8b")
    seen(lab)


READINGS = {
    "stream": lambda response: b"".join(response.stream(100, decode_content=True)),
    "read_chunked": lambda response: b"".join(response.read_chunked(decode_content=True)),
    "read_chunked_10": lambda response: b"".join(response.read_chunked(10, decode_content=True)),
    "read": lambda response: response.read(),
    "read_some": lambda response: b"".join(iter(lambda: response.read(300), b"")),
    "lines": lambda response: b"".join(response),
    "data": lambda response: response.data,
    "text_wrapper": lambda response: io.TextIOWrapper(io.BufferedReader(response)).read().encode(),
}
if hasattr(urllib3.HTTPResponse, "read1"):
    READINGS["read1"] = lambda response: b"".join(iter(lambda: response.read1(50), b""))


@pytest.mark.parametrize("what", ["plain", "gzip"])
@pytest.mark.parametrize("way", READINGS)
def test_a_stream_is_recorded_once_however_it_is_read(pool, server, lab, way, what):
    response = post(pool, server.url(what), STREAM, preload_content=False, decode_content=True)
    response.auto_close = way != "text_wrapper"  # urllib3 asks for it where an `io` object reads a response
    assert type(response) is urllib3.HTTPResponse
    assert READINGS[way](response) == EVENTS
    response.release_conn()
    assert seen(lab)["stream"] is True


REQUESTS_READINGS = {
    "content": lambda response: response.content,
    "iter_content": lambda response: b"".join(response.iter_content(11)),
    "iter_content_none": lambda response: b"".join(response.iter_content(None)),
    "iter_lines": lambda response: b"".join(line + b"\n" for line in response.iter_lines(1)),
    "raw": lambda response: response.raw.read(decode_content=True),
}


@pytest.mark.parametrize("what", ["plain", "gzip"])
@pytest.mark.parametrize("way", REQUESTS_READINGS)
def test_a_stream_of_requests_is_recorded_once_however_it_is_read(session, server, lab, way, what):
    with session.post(server.url(what) + PATH, json=STREAM, stream=True) as response:
        assert REQUESTS_READINGS[way](response) == EVENTS
    seen(lab)


def test_a_body_is_known_as_bytes_as_text_and_in_no_other_form_consumed(session, server, lab):
    text = json.dumps(PLAIN)
    session.post(server.url("plain") + PATH, data=text)
    session.post(server.url("plain") + PATH, data=text.encode())
    assert session.post(server.url("plain") + PATH, data=io.BytesIO(text.encode())).json() == CHAT
    assert session.post(server.url("plain") + PATH, data=iter([text.encode()])).json() == CHAT
    assert [call["model_requested"] for call in lab.calls()][:3] == ["gpt-4o", "gpt-4o", None]
    assert {call["model"] for call in lab.calls()} == {"gpt-4o-2024-08-06"}


def test_the_connection_is_used_again(session, lab):
    with StandIn() as server:
        for body in (PLAIN, STREAM, PLAIN, STREAM):
            with session.post(server.url("plain") + PATH, json=body, stream=True) as response:
                assert b"".join(response.iter_content(64))
        assert server.connections == 1
    assert len(lab.calls()) == 4


@pytest.mark.parametrize("leave", ["break", "close", "exit"])
def test_a_stream_that_is_left_early_is_recorded_as_aborted(session, server, lab, leave):
    response = session.post(server.url("plain") + PATH, json=STREAM, stream=True)
    if leave == "break":
        for _ in response.iter_lines(1):
            break
    if leave == "exit":
        with response:
            pass
    response.close()
    seen(lab, "aborted", {})


def test_a_response_that_is_forgotten_is_recorded_when_it_is_collected(session, server, lab):
    response = session.post(server.url("plain") + PATH, json=STREAM, stream=True)
    assert lab.calls() == []
    lines = response.iter_lines(1)
    next(lines)
    del response, lines
    gc.collect()
    seen(lab, "aborted", {})


def test_an_error_of_the_consumer_passes_unchanged(session, server, lab):
    mine = ValueError("mine")
    with pytest.raises(ValueError) as raised:
        with session.post(server.url("plain") + PATH, json=STREAM, stream=True) as response:
            for _ in response.iter_lines(1):
                raise mine
    assert raised.value is mine
    seen(lab, "aborted", {})


def test_a_broken_stream_is_lost_and_its_error_is_that_of_the_client(session, server, lab):
    with session.post(server.url("cut") + PATH, json=STREAM, stream=True) as response:
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            response.json()
    call = seen(lab, "lost", {})
    assert (call["error_type"], call["cost_usd"]) == ("IncompleteRead", None)


@pytest.mark.parametrize("way", ["read", "stream", "preloaded"])
def test_a_body_that_is_shorter_than_announced_is_lost(pool, server, lab, way):
    strict = {"preload_content": way == "preloaded", "enforce_content_length": True}
    with pytest.raises(urllib3.exceptions.ProtocolError):
        response = post(pool, server.url("short"), **strict)
        list(iter(lambda: response.read(8), b"")) if way == "read" else list(response.stream(8))
    seen(lab, "lost", {})


def test_a_dropped_connection_is_lost(session, server, lab):
    with pytest.raises(requests.ConnectionError):
        session.post(server.url("drop") + PATH, json=PLAIN)
    call = seen(lab, "lost", {})
    assert (call["cost_state"], call["cost_usd"]) == ("unpriced", None)


def test_a_timeout_is_lost(session, server, lab):
    with pytest.raises(requests.ReadTimeout):
        session.post(server.url("silent") + PATH, json=PLAIN, timeout=0.05)
    assert seen(lab, "lost", {})["error_type"] == "TimeoutError"


def test_a_timeout_in_the_middle_of_a_stream_is_lost(session, server, lab):
    # On a machine that is busy, the head may be late already.
    with pytest.raises((requests.ConnectionError, requests.ReadTimeout), match="timed out"):
        with session.post(server.url("hang") + PATH, json=STREAM, stream=True, timeout=0.5) as response:
            response.json()
    assert seen(lab, "lost", {})["error_type"] == "TimeoutError"


def test_a_request_that_never_left_is_no_event(session, server, lab):
    for url in ("http://127.0.0.1:1", "https://127.0.0.1:1", "http://nowhere.invalid"):
        with pytest.raises(requests.ConnectionError):
            session.post(url + PATH, json=PLAIN)
    with pytest.raises(requests.exceptions.SSLError):
        session.post(server.url("plain").replace("http", "https") + PATH, json=PLAIN)
    assert lab.events() == []


def test_a_refused_call_is_not_billed(session, server, lab):
    assert session.post(server.url("refuse") + PATH, json=PLAIN).status_code == 429
    call = seen(lab, "error", {})
    assert (call["cost_usd"], call["cost_source"]) == (0, "not_billed")


def test_every_try_of_urllib3_is_a_call_of_its_own(server, lab):
    retries = urllib3.Retry(2, status_forcelist=[503], **{NAMES_OF_METHODS: None})
    with urllib3.PoolManager(retries=retries) as pool:
        assert json.loads(post(pool, server.url("flaky/urllib3")).data) == CHAT
    assert [call["status"] for call in lab.calls()] == ["error", "ok"]


def test_every_try_of_requests_is_a_call_of_its_own(server, lab):
    class Session(requests.Session):
        """A class of the program's own."""

    retries = urllib3.Retry(2, status_forcelist=[503], **{NAMES_OF_METHODS: None})
    with Session() as session:
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retries))
        assert session.post(server.url("flaky/requests") + PATH, json=PLAIN).json() == CHAT
    assert [call["status"] for call in lab.calls()] == ["error", "ok"]


NAMES_OF_METHODS = "allowed_methods" if hasattr(urllib3.Retry(), "allowed_methods") else "method_whitelist"


def test_a_redirect_is_no_call(session, server, lab):
    assert session.post(server.url("moved") + PATH, json=PLAIN).json() == CHAT
    seen(lab)


def test_what_is_no_call_to_a_model_leaves_no_event(session, server, lab):
    session.get(server.url("plain") + "/v1/models")
    session.post(server.url("upload") + "/v1/files", data=iter([b"{}"]))
    assert lab.events() == []


def test_fifty_at_once_are_fifty_calls(server, lab):
    def ask(number):
        body = STREAM if number % 2 else PLAIN
        return len(requests.post(server.url("plain") + PATH, json=body).content) > 0

    with ThreadPoolExecutor(50) as threads:
        assert all(threads.map(ask, range(50)))
    assert [call["usage"] for call in lab.calls()] == [CHAT_USAGE] * 50


def test_the_scope_of_the_request_owns_the_call(session, server, lab):
    with llmlab.track(feature="search", user=7) as t:
        response = session.post(server.url("plain") + PATH, json=STREAM, stream=True)
        assert (t.begun, t.calls) == (1, 0)
    assert response.content == EVENTS
    assert (t.calls, str(t.cost)) == (1, "0.0038")
    call = seen(lab)
    assert (call["feature"], call["user"]) == ("search", "7")


def test_uninstrument_puts_the_very_functions_back():
    llmlab.uninstrument()
    before = dict(vars(urllib3.connection.HTTPConnection))
    llmlab.instrument()
    llmlab.instrument()
    assert urllib3.connection.HTTPConnection.request is not before["request"]
    llmlab.uninstrument()
    assert dict(vars(urllib3.connection.HTTPConnection)) == before
