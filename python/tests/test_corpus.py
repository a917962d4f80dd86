"""Recorded traffic of 26 real services, through the real SDKs and through what people use without one.

Where there are no recordings, this says so, and `test_sdks` stands for it.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter

import pytest

import llmlab

from .corpus import recording, sdk
from .corpus.expectation import EXCEPTIONS, difference
from .corpus.replay import play, replaying
from .corpus.sdk import raw

CASES = 266
WITHOUT_SCOPE = "cohere-embeddings-01"
"""Its SDK asks from a pool of plain threads, which do not know the scope of whoever waits for them."""


@pytest.fixture(scope="module")
def replay(say):
    if not recording.FILE.exists():
        say(f"*** SKIPPED: no recordings at {recording.FOLDER}; set LLMLAB_CORPUS ***")
        pytest.skip(f"no recordings at {recording.FOLDER}")
    with replaying() as running:
        yield running


@pytest.fixture(scope="module")
def cases(replay):
    return recording.cases(replay.port)


def plain(value):
    """What the application can see of what it received."""
    if isinstance(value, BaseException):
        return [type(value).__name__, str(value), plain(getattr(value, "body", None))]
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", warnings=False, exclude={"sdk_http_response"})
    return value


def through_sdk(case):
    theirs = sdk.of(case)
    with theirs.client(case) as client:
        answer = theirs.ask(client, case)
        return list(answer) if case.streams else answer


def through_async_sdk(case):
    theirs = sdk.raw if sdk.of(case) is raw else sdk.of(case)
    ask = getattr(theirs, "ask_async", theirs.ask)

    async def call():
        async with theirs.async_client(case) as client:
            answer = ask(client, case)
            if hasattr(answer, "__await__"):
                answer = await answer
            return [item async for item in answer] if hasattr(answer, "__aiter__") else answer

    return asyncio.run(call())


def through_httpx(case):
    with raw.httpx_client(case) as client:
        return raw.ask(client, case)


def through_requests(case):
    with raw.client(case) as client:
        return raw.ask(client, case)


def through_aiohttp(case):
    async def call():
        async with raw.async_client(case) as client:
            return await raw.ask(client, case)

    return asyncio.run(call())


def received(through, case):
    try:
        return plain(through(case))
    except Exception as error:
        return plain(error)


@pytest.mark.parametrize("through", [through_sdk, through_async_sdk, through_httpx, through_requests, through_aiohttp])
def test_every_case_is_one_call_with_the_counts_and_the_cost_of_the_recording(cases, replay, lab, say, through):
    without, with_tap, requests = {}, {}, {}
    for case in cases:
        play(replay, case)
        without[case.id] = received(through, case)
    assert lab.events() == []
    llmlab.instrument()
    for case in cases:
        play(replay, case)
        before = replay.requests
        with llmlab.track(feature=case.id):
            with_tap[case.id] = received(through, case)
        requests[case.id] = replay.requests - before
    llmlab.uninstrument()
    left = {case.id: [] for case in cases}
    for call in lab.calls():
        left[call["feature"] or WITHOUT_SCOPE].append(call)
    wrong = {}
    for case in cases:
        problem = difference(case, left[case.id])
        if requests[case.id] != 1:
            problem = f"{requests[case.id]} requests: {with_tap[case.id]}"
        elif without[case.id] != with_tap[case.id]:
            problem = f"the application received something else: {without[case.id]} / {with_tap[case.id]}"
        if problem:
            wrong[case.id] = problem
    all_, right = (Counter(case.provider for case in cases if case.id not in out) for out in ({}, wrong))
    figures = ", ".join(f"{provider} {right[provider]}/{count}" for provider, count in sorted(all_.items()))
    say(f"corpus, {through.__name__.removeprefix('through_')}: {right.total()} of {all_.total()} ({figures})")
    assert all_.total() == CASES
    assert wrong.keys() == EXCEPTIONS.keys(), "\n".join(f"{case}: {wrong[case]}" for case in wrong)
    assert len(EXCEPTIONS) <= math.floor(CASES * 0.01)
