"""`track_cost` and `track`, in all forms of functions."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import threading
from decimal import Decimal
from types import SimpleNamespace

import pytest
from openai.types.chat import ChatCompletion

import llmlab
from llmlab._scope import current

from .wire import CHAT, CHAT_USAGE

USAGE = {"usage": {"prompt_tokens": 1000, "completion_tokens": 500}}


def call_of(result=USAGE, **labels):
    @llmlab.track_cost(provider="openai", model="gpt-4", **labels)
    def call():
        return result

    return call


def test_the_result_of_a_function_without_exchanges_is_recorded(lab):
    assert call_of(feature="ask")() is USAGE
    call = lab.call()
    assert (call["provider"], call["model"], call["usage"]) == ("openai", "gpt-4", {"input": 1000, "output": 500})
    assert (call["cost_usd"], call["feature"]) == (0.06, "ask")


def test_the_decorator_works_without_parentheses(lab):
    @llmlab.track_cost
    def call():
        return {**CHAT, "id": None}

    assert call.__name__ == "call"
    assert call()["usage"] == CHAT["usage"]
    assert lab.call()["usage"] == CHAT_USAGE


@pytest.mark.parametrize("result", [None, "text", 7, 1.5, True, b"bytes", object(), [], {}, SimpleNamespace(usage=3)])
def test_what_is_no_response_is_not_recorded(lab, result):
    assert call_of(result)() is result
    assert lab.events() == []
    assert llmlab.stats()["faults"] == 0


def test_a_mock_is_no_response(lab):
    from unittest.mock import MagicMock

    mock = MagicMock()
    call_of(mock)()
    assert lab.events() == []
    assert mock.mock_calls == []
    assert llmlab.stats()["faults"] == 0


def test_the_object_of_an_sdk_is_read_and_its_id_counts_once(lab):
    answer = ChatCompletion.model_validate(CHAT)
    call = call_of(answer)
    assert call() is answer
    assert call() is answer
    assert lab.call()["usage"] == CHAT_USAGE
    assert lab.call()["model"] == "gpt-4o-2024-08-06"


def test_every_response_of_a_list_counts(lab):
    call_of([USAGE, USAGE])()
    assert len(lab.calls()) == 2


def test_a_response_inside_a_dict_of_the_host_is_read(lab):
    call_of({"answer": "x" * 10_000, "usage": ChatCompletion.model_validate(CHAT).usage})()
    assert lab.call()["usage"] == CHAT_USAGE


def test_the_innermost_decorator_records(lab):
    @llmlab.track_cost(feature="outer", user="ann")
    def outer():
        return call_of(feature="inner")()

    outer()
    call = lab.call()
    assert (call["feature"], call["user"]) == ("inner", "ann")


def test_what_is_recorded_by_hand_inside_is_not_recorded_again(lab):
    @llmlab.track_cost
    def call():
        llmlab.track_call("openai", "gpt-4", 1, 1)
        return USAGE

    call()
    assert lab.call()["usage"] == {"input": 1, "output": 1}


def test_a_cached_answer_is_not_recorded_where_the_host_says_so(lab):
    @llmlab.track_cost(provider="openai", model="gpt-4")
    def call():
        with llmlab.track(record=False):
            return USAGE

    call()
    assert lab.events() == []


def test_a_coroutine_stays_one(lab):
    @llmlab.track_cost(provider="openai", model="gpt-4")
    async def call(value):
        await asyncio.sleep(0)
        return value

    assert inspect.iscoroutinefunction(call)
    assert asyncio.run(call(USAGE)) is USAGE
    assert lab.call()["usage"]["input"] == 1000


def test_a_coroutine_that_a_plain_function_returns_runs_within_its_scope(lab):
    async def ask():
        await asyncio.sleep(0)
        llmlab.track_call("openai", "gpt-4", 1000, 500)
        return "answer"

    @llmlab.track_cost(feature="ask")
    def call():
        return ask()

    assert asyncio.run(call()) == "answer"
    assert lab.call()["feature"] == "ask"
    assert current.get() is None


def test_a_generator_stays_one_and_its_last_items_are_read(lab):
    @llmlab.track_cost(provider="openai", model="gpt-4")
    def call():
        yield "for"
        yield "ty"
        yield USAGE
        yield {"choices": []}

    assert inspect.isgeneratorfunction(call)
    assert list(call())[2] is USAGE
    assert lab.call()["usage"]["input"] == 1000


def test_an_async_generator_stays_one_and_its_last_items_are_read(lab):
    @llmlab.track_cost(provider="openai", model="gpt-4")
    async def call():
        yield "for"
        await asyncio.sleep(0)
        yield USAGE

    async def run():
        return [item async for item in call()]

    assert inspect.isasyncgenfunction(call)
    assert asyncio.run(run()) == ["for", USAGE]
    assert lab.call()["usage"]["input"] == 1000


def test_methods_of_all_kinds_are_tracked(lab):
    class Bot:
        @llmlab.track_cost(provider="openai", model="gpt-4")
        def own(self):
            return self, USAGE

        @llmlab.track_cost(provider="openai", model="gpt-4")
        @classmethod
        def of_class(cls):
            return [cls, USAGE]

        @classmethod
        @llmlab.track_cost(provider="openai", model="gpt-4")
        def of_class_inside(cls):
            return [cls, USAGE]

        @llmlab.track_cost(provider="openai", model="gpt-4")
        @staticmethod
        def static():
            return USAGE

        @llmlab.track_cost
        @classmethod
        def of_class_bare(cls):
            return cls

    bot = Bot()
    assert bot.own()[0] is bot
    assert Bot.of_class()[0] is Bot
    assert bot.of_class_inside()[0] is Bot
    assert Bot.static() is USAGE
    assert Bot.of_class_bare() is Bot
    assert len(lab.calls()) == 4


def test_partials_and_callable_objects_are_tracked(lab):
    from functools import partial

    async def ask(value):
        return value

    class Model:
        def __call__(self):
            return USAGE

    tracked = llmlab.track_cost(provider="openai", model="gpt-4")(partial(ask, USAGE))
    assert inspect.iscoroutinefunction(tracked)
    assert asyncio.run(tracked()) is USAGE
    assert llmlab.track_cost(provider="openai", model="gpt-4")(Model())() is USAGE
    assert len(lab.calls()) == 2


def test_the_error_of_a_function_passes_unchanged():
    mine = KeyError("mine")

    @llmlab.track_cost
    @llmlab.trace
    def call():
        raise mine

    with pytest.raises(KeyError) as raised:
        call()
    assert raised.value is mine
    assert mine.__context__ is None
    assert mine.__cause__ is None
    assert current.get() is None


def test_a_generator_is_driven_as_without_the_decorator():
    log = []

    def bare():
        try:
            got = yield 1
            log.append(got)
            try:
                yield 2
            except ValueError as error:
                log.append(error)
            yield 3
        finally:
            log.append("closed")
        return "end"

    def drive(generator):
        log.clear()
        seen = [next(generator), generator.send("sent"), generator.throw(ValueError("thrown"))]
        with pytest.raises(StopIteration) as stop:
            next(generator)
        return seen, stop.value.value, repr(log)

    assert drive(llmlab.track_cost(bare)()) == drive(bare())

    def leave(generator):
        log.clear()
        next(generator)
        generator.close()
        return repr(log)

    assert leave(llmlab.trace(bare)()) == leave(bare()) == "['closed']"


def test_an_async_generator_is_driven_as_without_the_decorator():
    log = []

    async def bare():
        try:
            log.append((yield 1))
            try:
                yield 2
            except ValueError as error:
                log.append(repr(error))
            yield 3
        finally:
            await asyncio.sleep(0)
            log.append("closed")

    async def drive(generator):
        log.clear()
        seen = [
            await generator.asend(None),
            await generator.asend("sent"),
            await generator.athrow(ValueError("thrown")),
        ]
        await generator.aclose()
        return seen, list(log)

    assert asyncio.run(drive(llmlab.track_cost(bare)())) == asyncio.run(drive(bare()))


def test_the_scope_is_open_only_while_a_generator_runs():
    inside = []

    @llmlab.track_cost(feature="inner")
    def items():
        inside.append(current.get())
        yield 1
        inside.append(current.get())
        yield 2

    outside = []
    for _ in items():
        outside.append(current.get())
    assert outside == [None, None]
    assert inside[0] is inside[1] is not None
    abandoned = items()
    next(abandoned)
    del abandoned
    gc.collect()
    assert current.get() is None


def test_an_async_generator_that_ends_in_another_context_raises_nothing():
    @llmlab.track_cost
    async def items():
        yield 1
        yield 2

    async def run():
        generator = items()
        loop = asyncio.get_running_loop()
        for context in (contextvars.copy_context(), contextvars.copy_context()):
            await loop.create_task(generator.__anext__(), context=context)
        await loop.create_task(generator.aclose(), context=contextvars.copy_context())

    asyncio.run(run())


def test_tasks_and_threads_keep_their_scopes_apart(lab):
    @llmlab.track_cost
    async def ask(user):
        with llmlab.track(user=user):
            await asyncio.sleep(0)
            llmlab.track_call("openai", "gpt-4", 1, 1)

    async def run():
        await asyncio.gather(*(ask(f"user {number}") for number in range(50)))

    def in_thread(user):
        with llmlab.track(user=user):
            llmlab.track_call("openai", "gpt-4", 1, 1)

    asyncio.run(run())
    threads = [threading.Thread(target=in_thread, args=(f"user {number}",)) for number in range(50, 60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(call["user"] for call in lab.calls()) == sorted(f"user {number}" for number in range(60))


def test_track_tells_cost_and_calls_and_says_when_it_does_not_know():
    with llmlab.track(feature="outer") as outer:
        assert (outer.cost, outer.calls) == (Decimal(0), 0)
        with llmlab.track() as inner:
            llmlab.track_call("openai", "gpt-4", 1000, 500)
        llmlab.track_call("openai", "gpt-4", 1000, 500)
    assert (inner.cost, inner.calls) == (Decimal("0.06"), 1)
    assert (outer.cost, outer.calls) == (Decimal("0.12"), 2)
    with llmlab.track() as unknown:
        llmlab.track_call("openai", "gpt-4", 1000, 500)
        llmlab.track_call("nobody", "model-x", 1, 1)
    assert (unknown.cost, unknown.calls, unknown.unpriced) == (None, 2, 1)


def test_track_works_in_async_with(lab):
    async def run():
        async with llmlab.track(session="s", tags={"a": 1}) as t:
            llmlab.track_call("openai", "gpt-4", 1, 1)
        return t.calls

    assert asyncio.run(run()) == 1
    assert (lab.call()["session"], lab.call()["tags"]) == ("s", {"a": "1"})


def test_labels_that_cannot_be_used_are_counted_and_the_function_runs(lab, caplog):
    class Untold:
        def __str__(self):
            raise RuntimeError("no text")

    @llmlab.track_cost(tags=["not", "a", "mapping"])
    def call():
        return 5

    assert call() == 5
    with llmlab.track(user=Untold()) as t:
        llmlab.track_call("openai", "gpt-4", 1, 1)
    assert t.calls == 1
    assert llmlab.stats()["faults"] == 2
    assert len(caplog.records) == 1


@pytest.mark.parametrize("thing", [object(), SimpleNamespace])
def test_what_is_no_function_is_handed_back(thing):
    assert llmlab.track_cost(feature="x")(thing) is thing
    assert llmlab.stats()["faults"] == 1


def test_a_label_without_its_name_is_left_out_and_counted(lab):
    @llmlab.track_cost("chat")
    def call():
        return CHAT

    assert call() is CHAT
    assert lab.call()["feature"] is None
    assert llmlab.stats()["faults"] == 1
