"""The SDKs of the three families, in every way they hand out a response: one event each."""

from __future__ import annotations

import asyncio
import gc

import anthropic
import httpx
import httpx2
import openai
import pytest
from google import genai

import llmlab

from .wire import CHAT_USAGE

ASK = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
WRITE = {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
MESSAGE_USAGE = {"input": 900, "output": 30}
WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}

pytestmark = pytest.mark.usefixtures("tapped")


@pytest.fixture
def gpt(server):
    with openai.OpenAI(base_url=server.url("plain") + "/v1", api_key="x") as client:
        yield client


@pytest.fixture
def claude(server):
    with anthropic.Anthropic(base_url=server.url("plain"), api_key="x") as client:
        yield client


def through_raw_response(gpt):
    return gpt.chat.completions.with_raw_response.create(**ASK).parse()


def through_streaming_response(gpt):
    with gpt.chat.completions.with_streaming_response.create(**ASK) as response:
        return response.parse()


def through_streaming_lines(gpt):
    with gpt.chat.completions.with_streaming_response.create(**ASK, **WITH_USAGE) as response:
        return list(response.iter_lines())


def through_raw_stream(gpt):
    return list(gpt.chat.completions.with_raw_response.create(**ASK, **WITH_USAGE).parse())


def through_stream_manager(gpt):
    with gpt.chat.completions.stream(**ASK, stream_options={"include_usage": True}) as stream:
        return list(stream)


@pytest.mark.parametrize(
    "through",
    [
        lambda gpt: gpt.chat.completions.create(**ASK),
        lambda gpt: list(gpt.chat.completions.create(**ASK, **WITH_USAGE)),
        lambda gpt: gpt.with_options(timeout=5).chat.completions.create(**ASK),
        lambda gpt: gpt.chat.completions.parse(**ASK),
        through_raw_response,
        through_streaming_response,
        through_streaming_lines,
        through_raw_stream,
        through_stream_manager,
    ],
)
def test_every_way_of_openai_is_one_call(gpt, lab, through):
    assert through(gpt)
    call = lab.call()
    assert (call["usage"], call["status"], call["provider"]) == (CHAT_USAGE, "ok", "openai")


def through_text_stream(claude):
    with claude.messages.stream(**WRITE) as stream:
        return list(stream.text_stream)


def through_final_message(claude):
    with claude.messages.stream(**WRITE) as stream:
        return stream.get_final_message()


@pytest.mark.parametrize(
    "through",
    [
        lambda claude: claude.messages.create(**WRITE),
        lambda claude: list(claude.messages.create(**WRITE, stream=True)),
        lambda claude: claude.messages.with_raw_response.create(**WRITE).parse(),
        through_text_stream,
        through_final_message,
    ],
)
def test_every_way_of_anthropic_is_one_call(claude, lab, through):
    assert through(claude)
    call = lab.call()
    assert (call["usage"], call["status"], call["provider"]) == (MESSAGE_USAGE, "ok", "anthropic")


@pytest.mark.parametrize("stream", [True, False])
def test_both_ways_of_google_are_one_call(server, lab, stream):
    client = genai.Client(api_key="x", http_options={"base_url": server.url("plain")})
    if stream:
        assert list(client.models.generate_content_stream(model="gemini-2.5-flash", contents="hi"))
    else:
        assert client.models.generate_content(model="gemini-2.5-flash", contents="hi").text == "forty-two"
    assert (lab.call()["usage"], lab.call()["stream"]) == ({"input": 70, "output": 8}, stream)


def test_a_stream_that_is_left_early_is_one_aborted_call(gpt, lab):
    for _ in gpt.chat.completions.create(**ASK, **WITH_USAGE):
        break
    gc.collect()
    assert (lab.call()["status"], lab.call()["usage"]) == ("aborted", {})


def test_a_stream_without_usage_is_unpriced(server, lab):
    with openai.OpenAI(base_url=server.url("nousage") + "/v1", api_key="x") as client:
        list(client.chat.completions.create(**ASK, stream=True))
    call = lab.call()
    assert (call["usage"], call["cost_usd"], call["cost_state"], call["status"]) == ({}, None, "unpriced", "ok")


def test_a_retry_is_an_exchange_of_its_own(server, lab):
    with openai.OpenAI(base_url=server.url("retry") + "/v1", api_key="x", max_retries=1) as client:
        client.chat.completions.create(**ASK)
    first, second = lab.calls()
    assert (first["attempt"], first["status"], first["cost_usd"], first["cost_source"]) == (1, "error", 0, "not_billed")
    assert (second["attempt"], second["status"], second["usage"]) == (2, "ok", CHAT_USAGE)


def test_an_error_of_the_sdk_is_the_same_with_the_tap(server, lab):
    def ask():
        with openai.OpenAI(base_url=server.url("refuse") + "/v1", api_key="x", max_retries=0) as client:
            with pytest.raises(openai.RateLimitError) as raised:
                client.chat.completions.create(**ASK)
        return str(raised.value), raised.value.code, raised.value.body

    with_tap = ask()
    llmlab.uninstrument()
    assert ask() == with_tap
    assert lab.call()["status"] == "error"


def test_the_decorator_adds_its_labels_and_no_second_call(gpt, lab):
    @llmlab.track_cost(feature="ask")
    def ask():
        return gpt.chat.completions.create(**ASK)

    assert ask().choices[0].message.content == "forty-two"
    assert lab.call()["feature"] == "ask"


def test_the_async_clients_are_tapped(server, lab):
    async def run():
        async with openai.AsyncOpenAI(base_url=server.url("plain") + "/v1", api_key="x") as gpt:
            await gpt.chat.completions.create(**ASK)
            async for _ in await gpt.chat.completions.create(**ASK, **WITH_USAGE):
                pass
        async with anthropic.AsyncAnthropic(base_url=server.url("plain"), api_key="x") as claude:
            async with claude.messages.stream(**WRITE) as stream:
                await stream.get_final_message()

    asyncio.run(run())
    assert [call["usage"] for call in lab.calls()] == [CHAT_USAGE, CHAT_USAGE, MESSAGE_USAGE]


@pytest.mark.parametrize("module", [httpx, httpx2])
def test_the_model_of_a_form_with_a_file_is_known(server, lab, module):
    base = server.give({"text": "yes", "usage": {"type": "tokens", "input_tokens": 26, "output_tokens": 4}})
    with openai.OpenAI(base_url=f"{base}/v1", api_key="x", http_client=module.Client()) as client:
        client.audio.transcriptions.create(model="gpt-4o-transcribe", file=("a.wav", b"RIFF"))
    call = lab.call()
    assert (call["model"], call["model_requested"]) == ("gpt-4o-transcribe", "gpt-4o-transcribe")
    assert (call["usage"], call["cost_state"]) == ({"input": 26, "output": 4}, "priced")
    assert b"RIFF" in server.bodies[-1]
