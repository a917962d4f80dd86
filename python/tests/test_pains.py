"""What people complain about most where the cost of LLM calls is measured, each as a test through a real SDK.

They are numbered as in the study of these complaints. Those about delivery (10 to 13, 15, 21, 22) are elsewhere:
`test_fork`, `test_exit`, `test_disk`, `test_torture`. Real frameworks are in ``layers``.
"""

from __future__ import annotations

import asyncio
import logging
from contextvars import copy_context
from decimal import Decimal
from importlib import metadata
from types import ModuleType

import anthropic
import openai
import pytest

import llmlab
from llmlab import _instrument

from .program import run

ASK = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
WRITE = {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}
CHOICE = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "yes"}}
DELTA = {"index": 0, "finish_reason": None, "delta": {"content": "yes"}}
HEAD = {"id": "chatcmpl-1", "created": 1, "model": "gpt-4o-2024-08-06"}
CACHED = {"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 800}}

pytestmark = pytest.mark.usefixtures("tapped")


def chat(usage, **told):
    return {**HEAD, "object": "chat.completion", "choices": [CHOICE], "usage": usage, **told}


def gpt(base):
    return openai.OpenAI(base_url=f"{base}/v1", api_key="x", max_retries=0)


def message(usage):
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-6", "stop_sequence": None}
    return {**head, "content": [{"type": "text", "text": "yes"}], "stop_reason": "end_turn", "usage": usage}


def claude(base):
    return anthropic.Anthropic(base_url=base, api_key="x", max_retries=0)


def usd(text):
    """As the export writes it."""
    return float(Decimal(text))


def test_pain_01_cached_input_is_counted_once(server, lab):
    gpt(server.give(chat(CACHED))).chat.completions.create(**ASK)
    call = lab.call()
    assert (call["usage"]["input"], call["usage"]["cache_read"]) == (1000, 800)
    assert call["cost_usd"] == usd("0.0025")  # 200 at 2.50, 800 at 1.25, 100 at 10 dollars a million


def test_pain_01_input_that_anthropic_counts_beside_the_cache_is_all_of_it(server, lab):
    usage = {"input_tokens": 200, "cache_read_input_tokens": 800, "output_tokens": 100}
    claude(server.give(message(usage))).messages.create(**WRITE)
    call = lab.call()
    assert (call["usage"]["input"], call["usage"]["cache_read"]) == (1000, 800)
    assert call["cost_usd"] == usd("0.00234")  # 200 at 3, 800 at 0.30, 100 at 15 dollars a million


def test_pain_02_an_unknown_model_is_unpriced_and_said_aloud_and_not_free(server, lab, caplog):
    unknown = chat(CACHED, model="gpt-77-ultra")
    gpt(server.give(unknown)).chat.completions.create(model="gpt-77-ultra", messages=ASK["messages"])
    call = lab.call()
    assert (call["cost_usd"], call["cost_state"], call["usage"]["input"]) == (None, "unpriced", 1000)
    assert "gpt-77-ultra has no price" in caplog.text


def test_pain_03_two_layers_are_one_call(server, lab):
    @llmlab.track_cost(feature="outer")
    def outer(client):
        return inner(client)

    @llmlab.track_cost(feature="inner")
    def inner(client):
        return client.chat.completions.create(**ASK)

    outer(gpt(server.give(chat(CACHED))))
    assert lab.call()["feature"] == "inner"


def test_pain_04_a_stream_costs_what_the_plain_call_costs(server, lab):
    gpt(server.give(chat(CACHED))).chat.completions.create(**ASK)
    chunk = {**HEAD, "object": "chat.completion.chunk"}
    events = [{**chunk, "choices": [DELTA]}, {**chunk, "choices": [], "usage": CACHED}]
    list(gpt(server.give(events)).chat.completions.create(**ASK, **WITH_USAGE))
    plain, streamed = lab.calls()
    assert streamed["stream"] and not plain["stream"]
    assert (streamed["usage"], streamed["cost_usd"]) == (plain["usage"], plain["cost_usd"])


def test_pain_05_a_stream_that_is_left_is_a_call_of_unknown_or_estimated_cost(server, lab):
    with gpt(server.url("hang")).chat.completions.create(**ASK, **WITH_USAGE) as stream:
        next(iter(stream))
    call = lab.call()
    assert (call["status"], call["calls"]) == ("aborted", 1)
    assert call["cost_state"] in ("estimated", "unpriced")
    assert call["cost_usd"] != 0


def test_pain_06_a_stream_that_another_task_finishes_keeps_its_scope(server, lab):
    async def words(client):
        with llmlab.track(feature="stream"):
            async for chunk in await client.chat.completions.create(**ASK, **WITH_USAGE):
                yield chunk

    async def main():
        async with openai.AsyncOpenAI(base_url=server.url("plain") + "/v1", api_key="x") as client:
            generator = words(client)
            await anext(generator)
            await asyncio.create_task(drained(generator))

    async def drained(generator):
        return [chunk async for chunk in generator]

    asyncio.run(main())
    assert (lab.call()["feature"], lab.call()["status"]) == ("stream", "ok")


def test_pain_07_nothing_is_said_where_a_generator_ends_in_another_context(server, lab, caplog, capfd):
    @llmlab.track_cost(feature="stream")
    def words():
        yield from gpt(server.url("plain")).chat.completions.create(**ASK, **WITH_USAGE)

    generator = words()
    next(generator)
    copy_context().run(list, generator)
    assert lab.call()["feature"] == "stream"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("usage", [[], {"prompt_tokens": [{}]}, {"prompt_tokens": -1}, "many", {"prompt_tokens": "é"}])
def test_pain_08_what_cannot_be_read_reaches_the_application_as_it_came(server, lab, usage):
    answer = gpt(server.give(chat(usage))).chat.completions.with_raw_response.create(**ASK, tools=[])
    assert answer.http_response.json()["usage"] == usage
    assert lab.call()["cost_state"] == "unpriced"


def test_pain_09_the_call_itself_says_for_whom_it_was(server, lab):
    async def main():
        async with openai.AsyncOpenAI(base_url=server.url("plain") + "/v1", api_key="x") as client:
            with llmlab.track(feature="search", user="ada", session="s1", tags={"team": "blue"}):
                await asyncio.gather(*(client.chat.completions.create(**ASK) for _ in range(2)))

    asyncio.run(main())
    for call in lab.calls():
        assert (call["feature"], call["user"], call["session"]) == ("search", "ada", "s1")
        assert call["tags"] == {"team": "blue"}


def test_pain_14_the_import_opens_no_socket_and_writes_no_file(lab):
    ran = run(
        """
        import sys
        seen = []

        def audit(event, args):
            if event.startswith("socket.") or (event == "open" and any(mode in str(args[1]) for mode in "wax+")):
                seen.append((event, args))

        sys.addaudithook(audit)
        for name in [name for name in sys.modules if name.startswith("llmlab")]:
            del sys.modules[name]
        import llmlab
        assert seen == [], seen
        """
    )
    assert ran.returncode == 0, ran.stderr


def test_pain_17_it_brings_no_dependencies():
    assert not metadata.requires("llmlab")


def test_pain_18_a_client_of_an_unknown_shape_is_left_alone_with_one_warning(caplog):
    for _ in range(2):
        _instrument._tap("httpx", ModuleType("httpx"))
    (warning,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "httpx" in warning.getMessage()


def test_pain_19_a_cache_write_for_an_hour_costs_twice_the_input(server, lab):
    written = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 1000}
    usage = {"input_tokens": 0, "cache_creation_input_tokens": 1000, "cache_creation": written, "output_tokens": 0}
    claude(server.give(message(usage))).messages.create(**WRITE)
    call = lab.call()
    assert call["usage"]["cache_write_1h"] == 1000
    assert call["cost_usd"] == usd("0.006")  # twice 3 dollars a million


def test_pain_20_the_tier_of_the_response_is_charged_and_not_the_one_asked_for(server, lab):
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 0}
    for tier in ("default", "flex"):
        client = gpt(server.give(chat(usage, model="gpt-5-mini-2025-08-07", service_tier=tier)))
        client.chat.completions.create(model="gpt-5-mini", messages=ASK["messages"], service_tier="flex")
    standard, flex = lab.calls()
    assert (standard["service_tier"], standard["cost_usd"]) == (None, usd("0.25"))
    assert (flex["service_tier"], flex["cost_usd"]) == ("flex", usd("0.125"))


def test_pain_23_a_call_has_the_price_of_its_day():
    before, after = (llmlab.cost("openai", "o3", {"input": 1_000_000}, at=f"2025-0{m}-01T00:00:00Z") for m in (5, 8))
    assert (before.total, after.total) == (Decimal(10), Decimal(2))


def test_pain_24_prompts_and_answers_are_nowhere_on_the_disk(server, lab, home):
    said = {**CHOICE, "message": {"role": "assistant", "content": "the-answer-zebra"}}
    client = gpt(server.give({**chat(CACHED), "choices": [said]}))
    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "the-prompt-zebra"}])
    assert lab.call()["usage"]["input"] == 1000
    llmlab.flush()
    written = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    assert any(b"gpt-4o" in content for content in written)
    assert not any(b"zebra" in content for content in written)


def test_pain_25_what_is_too_long_to_keep_is_shortened_and_its_money_is_not(lab):
    llmlab.track_call("openai", "gpt-4", 1000, 500, feature="é" * 2_000_000, tags={"t": "x" * 2_000_000})
    stats = llmlab.stats()
    assert (stats["recorded"], stats["dropped"]) == (1, 0)
    call = lab.call()
    assert (call["feature"], call["tags"], call["cost_usd"]) == ("é" * 256, {}, usd("0.06"))
