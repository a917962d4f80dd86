"""Mocks and recorders keep working with the taps in, and nothing is counted twice.

What answers in the place of urllib3's connections or of aiohttp's requests is above the taps and leaves no event; a
recorder that sends a request for real is seen doing so. The tap of httpx is above all of them: a mock counts there.
"""

from __future__ import annotations

import asyncio
from inspect import signature

import pytest

from .wire import CHAT, CHAT_USAGE, PLAIN, STREAM, chat_events

aiohttp = pytest.importorskip("aiohttp")
requests = pytest.importorskip("requests")
urllib3 = pytest.importorskip("urllib3")

PATH = "/v1/chat/completions"
URL = "https://api.openai.com" + PATH
EVENTS = b"".join(chat_events())

pytestmark = pytest.mark.usefixtures("tapped")


def test_responses_keeps_working(lab):
    responses = pytest.importorskip("responses")
    with responses.RequestsMock() as mock:
        mock.add(responses.POST, URL, json=CHAT)
        mock.add(responses.POST, URL, body=EVENTS)
        assert requests.post(URL, json=PLAIN).json() == CHAT
        with requests.post(URL, json=STREAM, stream=True) as response:
            assert b"".join(response.iter_content(10)) == EVENTS
    assert lab.events() == []


def test_requests_mock_keeps_working(lab):
    requests_mock = pytest.importorskip("requests_mock")
    with requests_mock.Mocker() as mock:
        mock.post(URL, [{"json": CHAT}, {"content": EVENTS}])
        assert requests.post(URL, json=PLAIN).json() == CHAT
        assert requests.post(URL, json=STREAM, stream=True).content == EVENTS
    assert lab.events() == []


def test_what_responses_lets_through_is_recorded_once(server, lab):
    responses = pytest.importorskip("responses")
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add_passthru("http://127.0.0.1")
        assert requests.post(server.url("plain") + PATH, json=PLAIN).json() == CHAT
    assert lab.call()["usage"] == CHAT_USAGE


def test_an_adapter_of_the_program_keeps_working(lab):
    class Adapter(requests.adapters.BaseAdapter):
        def send(self, request, **kwargs):
            response = requests.Response()
            response.status_code, response._content, response.request = 200, b"{}", request
            return response

        def close(self):
            pass

    with requests.Session() as session:
        session.mount("https://", Adapter())
        assert session.post(URL, json=PLAIN).json() == {}
    assert lab.events() == []


def test_aioresponses_keeps_working(lab):
    aioresponses = pytest.importorskip("aioresponses")
    if "stream_writer" in signature(aiohttp.ClientResponse).parameters:
        pytest.skip("the newest aioresponses, 0.7.9, does not work with the newest aiohttp; the oldest ones do")

    async def ask():
        with aioresponses.aioresponses() as mock:
            mock.post(URL, payload=CHAT)
            mock.post(URL, body=EVENTS)
            async with aiohttp.ClientSession() as session:
                async with session.post(URL, json=PLAIN) as response:
                    assert await response.json() == CHAT
                async with session.post(URL, json=STREAM) as response:
                    assert await response.read() == EVENTS

    asyncio.run(ask())
    assert lab.events() == []


def by_requests(url):
    whole = requests.post(url, json=PLAIN).json() == CHAT
    with requests.post(url, json=STREAM, stream=True) as response:
        return whole and b"".join(response.iter_content(10)) == EVENTS


def by_urllib3(url):
    import json

    with urllib3.PoolManager() as pool:
        bodies = [json.dumps(body).encode() for body in (PLAIN, STREAM)]
        answers = [pool.request("POST", url, body=body).data for body in bodies]
    return json.loads(answers[0]) == CHAT and answers[1] == EVENTS


def by_aiohttp(url):
    async def ask():
        async with aiohttp.ClientSession() as session:
            async with session.post(url, json=PLAIN) as response:
                whole = await response.json() == CHAT
            async with session.post(url, json=STREAM) as response:
                return whole and await response.read() == EVENTS

    return asyncio.run(ask())


def by_httpx(url):
    httpx = pytest.importorskip("httpx")
    with httpx.Client() as client:
        whole = client.post(url, json=PLAIN).json() == CHAT
        with client.stream("POST", url, json=STREAM) as response:
            return whole and b"".join(response.iter_bytes()) == EVENTS


@pytest.mark.parametrize("ask", [by_requests, by_urllib3, by_aiohttp, by_httpx])
def test_vcr_records_and_plays_back(server, lab, tmp_path, ask):
    vcr = pytest.importorskip("vcr")
    recorder = vcr.VCR(match_on=["uri", "body"])
    for time in ("recorded", "played back"):
        with recorder.use_cassette(str(tmp_path / "cassette.yaml")) as cassette:
            assert ask(server.url("plain") + PATH)
            assert cassette.play_count == (0 if time == "recorded" else 2)
        if time == "recorded":
            assert [call["usage"] for call in lab.calls()] == [CHAT_USAGE] * 2
    assert len(lab.calls()) == (4 if ask is by_httpx else 2)
