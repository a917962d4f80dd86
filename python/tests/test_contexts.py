"""The scope that surrounds a call, wherever Python runs it.

What copies its context takes the scope along: tasks, `asyncio.to_thread`, callbacks of a loop. What does not, begins
without one: plain threads and pools of threads, before CPython 3.14 and its free-threaded builds. There the host hands
its context over: ``copy_context().run``.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import openai
import pytest

import llmlab

ASK = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
STREAM = {**ASK, "stream": True, "stream_options": {"include_usage": True}}
THREADS_INHERIT = bool(getattr(sys.flags, "thread_inherit_context", False))

pytestmark = pytest.mark.usefixtures("tapped")


@pytest.fixture
def gpt(server):
    with openai.OpenAI(base_url=server.url("plain") + "/v1", api_key="x") as client:
        yield client


def run_async(server, work):
    """Runs a coroutine that is given a client."""

    async def main():
        async with openai.AsyncOpenAI(base_url=server.url("plain") + "/v1", api_key="x") as client:
            return await work(client)

    return asyncio.run(main())


def features(lab):
    return sorted(call["feature"] or "" for call in lab.calls())


def test_a_plain_thread_begins_without_a_scope(gpt, lab):
    with llmlab.track(feature="outside"):
        thread = threading.Thread(target=lambda: gpt.chat.completions.create(**ASK))
        thread.start()
        thread.join()
    assert features(lab) == (["outside"] if THREADS_INHERIT else [""])


def test_a_plain_thread_that_is_given_the_context_has_the_scope(gpt, lab):
    with llmlab.track(feature="outside") as block:
        context = copy_context()
        thread = threading.Thread(target=context.run, args=(lambda: gpt.chat.completions.create(**ASK),))
        thread.start()
        thread.join()
    assert features(lab) == ["outside"]
    assert block.calls == 1


def test_a_pool_of_threads_has_the_scope_where_each_task_is_given_the_context(gpt, lab):
    def ask(user):
        with llmlab.track(user=user):
            return gpt.chat.completions.create(**ASK)

    with llmlab.track(feature="outside") as block, ThreadPoolExecutor(3) as pool:
        handed = [pool.submit(copy_context().run, ask, user) for user in range(6)]
        for future in handed:
            future.result()
    assert features(lab) == ["outside"] * 6
    assert sorted(call["user"] for call in lab.calls()) == [str(user) for user in range(6)]
    assert block.calls == 6


def test_a_scope_that_a_pooled_thread_opens_ends_with_its_task(gpt, lab):
    def ask(feature):
        if feature is None:
            return gpt.chat.completions.create(**ASK)
        with llmlab.track(feature=feature):
            return gpt.chat.completions.create(**ASK)

    with ThreadPoolExecutor(1) as pool:
        for feature in ("one", None, "two"):
            pool.submit(ask, feature).result()
    assert features(lab) == ["", "one", "two"]


def test_to_thread_takes_the_scope_along(gpt, lab):
    async def main():
        with llmlab.track(feature="outside"):
            await asyncio.to_thread(gpt.chat.completions.create, **ASK)

    asyncio.run(main())
    assert features(lab) == ["outside"]


def test_an_executor_of_a_loop_is_given_the_context_by_hand(gpt, lab):
    async def main():
        def ask():
            return gpt.chat.completions.create(**ASK)

        with llmlab.track(feature="outside"):
            await asyncio.get_running_loop().run_in_executor(None, copy_context().run, ask)

    asyncio.run(main())
    assert features(lab) == ["outside"]


def test_gathered_coroutines_keep_their_own_scopes(server, lab):
    async def one(client, feature):
        with llmlab.track(feature=feature):
            await client.chat.completions.create(**ASK)

    async def work(client):
        with llmlab.track(user="u"):
            await asyncio.gather(*(one(client, f"f{number}") for number in range(5)))

    run_async(server, work)
    assert features(lab) == [f"f{number}" for number in range(5)]
    assert {call["user"] for call in lab.calls()} == {"u"}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="task groups came with 3.11")
def test_a_task_group_has_the_scope_in_which_its_tasks_were_made(server, lab):
    async def work(client):
        async with asyncio.TaskGroup() as group:
            for number in range(5):
                with llmlab.track(feature=f"f{number}"):
                    group.create_task(client.chat.completions.create(**ASK))
            group.create_task(client.chat.completions.create(**ASK))

    run_async(server, work)
    assert features(lab) == ["", *(f"f{number}" for number in range(5))]


def test_a_step_around_tasks_is_the_parent_of_their_calls(server, lab):
    async def work(client):
        @llmlab.trace("plan")
        async def plan():
            await asyncio.gather(*(client.chat.completions.create(**ASK) for _ in range(3)))

        await plan()

    run_async(server, work)
    (step,) = [event for event in lab.events() if event["kind"] == "step"]
    assert [call["parent_id"] for call in lab.calls()] == [step["span_id"]] * 3


def test_a_stream_that_is_read_elsewhere_belongs_to_where_it_was_asked_for(gpt, lab):
    with llmlab.track(feature="asked"):
        stream = gpt.chat.completions.create(**STREAM)
    with llmlab.track(feature="read"):
        read = threading.Thread(target=list, args=(stream,))
        read.start()
        read.join()
    assert features(lab) == ["asked"]
    assert lab.call()["usage"] == {"input": 1200, "output": 80}


def test_an_async_generator_has_its_own_scope_and_leaves_that_of_its_reader(server, lab):
    async def work(client):
        @llmlab.track_cost(feature="inside")
        async def words():
            for _ in range(2):
                answer = await client.chat.completions.create(**ASK)
                yield answer.choices[0].message.content

        with llmlab.track(feature="outside"):
            async for word in words():
                assert word == "forty-two"
                await client.chat.completions.create(**ASK)

    run_async(server, work)
    assert features(lab) == ["inside", "inside", "outside", "outside"]


def test_an_async_generator_that_is_left_early_has_counted_what_it_asked_for(server, lab):
    async def work(client):
        @llmlab.track_cost(feature="inside")
        async def chunks():
            async with await client.chat.completions.create(**STREAM) as stream:
                async for chunk in stream:
                    yield chunk

        generator = chunks()
        async for _ in generator:
            break
        await generator.aclose()

    run_async(server, work)
    assert lab.call()["feature"] == "inside"
    assert lab.call()["status"] == "aborted"
