"""LangChain, LiteLLM, OpenAI's agents and instructor: every request that goes out is one call, and has its scope.

Sabotages that turn these red: counting what an SDK or a framework returns beside what is on the wire; a scope that is
read when a response is over, not when its request begins; counting the response that a decorated function returns.
"""

from __future__ import annotations

import asyncio
import inspect

import openai
import pytest

import llmlab

from ..wire import CHAT_USAGE
from . import frameworks as of

TEXT = "forty-two"


def run(ask, base):
    answer = ask(base)
    return asyncio.run(answer) if inspect.iscoroutine(answer) else answer


def asked(server, lab, what, ask):
    """What comes out, and the calls; as many as there were requests."""
    before = len(server.bodies)
    # A base URL of its own: LangChain keeps an async client for each, and with it connections of a loop that is over.
    answer = run(ask, f"{server.url(what)}/{before}/v1")
    calls = lab.calls()
    assert len(calls) == len(server.bodies) - before, calls
    return answer, calls


@pytest.mark.parametrize(
    ("what", "ask", "answer", "requests"),
    [
        ("plain", of.langchain, TEXT, 1),
        ("plain", of.langchain_stream, TEXT, 1),
        ("plain", of.langchain_async, TEXT, 1),
        ("plain", of.langchain_async_stream, TEXT, 1),
        ("plain", of.lite, TEXT, 1),
        ("plain", of.lite_stream, TEXT, 1),
        ("plain", of.lite_async, TEXT, 1),
        ("plain", of.lite_async_stream, TEXT, 1),
        ("tools", of.agent_run, TEXT, 2),
        ("tools", of.agent_async, TEXT, 2),
        ("tools", of.agent_async_stream, TEXT, 2),
        ("tools", of.typed, 42, 1),
        ("tools", of.typed_stream, 42, 1),
        ("tools", of.typed_async, 42, 1),
        ("tools", of.typed_async_stream, 42, 1),
    ],
)
def test_every_request_is_one_call_of_the_scope_around_it(server, lab, what, ask, answer, requests):
    with llmlab.track(feature=ask.__name__, user=7) as block:
        given, calls = asked(server, lab, what, ask)
    assert given == answer
    assert [(call["feature"], call["user"], call["status"]) for call in calls] == [(ask.__name__, "7", "ok")] * requests
    assert [call["usage"] for call in calls] == [CHAT_USAGE] * requests
    assert {call["stream"] for call in calls} == {"stream" in ask.__name__}
    assert (block.calls, block.unpriced) == (requests, 0)


@pytest.mark.parametrize("ask", [of.agent_run, of.agent_async, of.agent_async_stream])
def test_the_calls_of_an_agent_are_below_the_step_around_its_run(server, lab, ask):
    @llmlab.trace("oracle", kind="agent")
    def step():
        return asked(server, lab, "tools", ask)

    step()
    (parent,) = [event for event in lab.events() if event["kind"] == "step"]
    assert [call["parent_id"] for call in lab.calls()] == [parent["span_id"]] * 2
    assert {call["trace_id"] for call in lab.calls()} == {parent["trace_id"]}


@pytest.mark.parametrize("returned", [lambda message: message, lambda message: message.model_dump()])
def test_a_decorated_function_around_langchain_counts_nothing_itself(server, lab, returned):
    @llmlab.track_cost(feature="decorated")
    def ask(base):
        return returned(of.model(base).invoke("hi"))

    _, (call,) = asked(server, lab, "plain", ask)
    assert (call["feature"], call["usage"]) == ("decorated", CHAT_USAGE)


def test_a_decorated_function_around_litellm_counts_nothing_itself(server, lab):
    @llmlab.track_cost(feature="decorated")
    async def ask(base):
        return await of.litellm.acompletion(**of.of_litellm(base))

    _, (call,) = asked(server, lab, "plain", ask)
    assert (call["feature"], call["usage"]) == ("decorated", CHAT_USAGE)


def test_a_retry_below_a_framework_is_an_attempt_of_its_own(server, lab):
    answer, calls = asked(server, lab, "retry", lambda base: of.model(base, retries=1).invoke("hi").content)
    assert answer == TEXT
    assert [(call["attempt"], call["status"], call["cost_usd"] == 0) for call in calls] == [
        (1, "error", True),
        (2, "ok", False),
    ]
    assert [(call["calls"], call["failed_attempts"]) for call in calls] == [(0, 1), (1, 0)]


def test_asking_again_for_what_can_be_read_is_another_call(server, lab):
    answer, calls = asked(server, lab, "doubt", lambda base: of.typed(base, retries=2))
    assert answer == 42
    assert [(call["status"], call["calls"]) for call in calls] == [("ok", 1)] * 2


def test_a_refusal_is_a_failed_attempt_and_the_framework_raises_its_own_error(server, lab):
    def ask(base):
        with pytest.raises(openai.RateLimitError):
            of.lite(base)

    _, (call,) = asked(server, lab, "refuse", ask)
    assert (call["status"], call["error_type"], call["failed_attempts"]) == ("error", "rate_limited", 1)


def test_a_batch_in_threads_of_the_framework_keeps_the_scope(server, lab):
    def ask(base):
        with llmlab.track(feature="batch"):
            return [message.content for message in of.model(base).batch(["a", "b", "c"])]

    answer, calls = asked(server, lab, "plain", ask)
    assert answer == [TEXT] * 3
    assert [call["feature"] for call in calls] == ["batch"] * 3


def test_requests_beside_each_other_keep_their_own_scopes(server, lab):
    async def one(base, user):
        with llmlab.track(user=user):
            return await of.lite_async(base) if user % 2 else await of.langchain_async_stream(base)

    async def ask(base):
        return await asyncio.gather(*(one(base, user) for user in range(8)))

    _, calls = asked(server, lab, "plain", ask)
    assert sorted(call["user"] for call in calls) == [str(user) for user in range(8)]
    assert all(call["stream"] == (int(call["user"]) % 2 == 0) for call in calls)
