"""`trace`: the steps of a program and what belongs to them."""

from __future__ import annotations

import asyncio
import gc

import pytest

import llmlab


def test_the_steps_of_a_trace_know_their_parents(lab):
    @llmlab.trace(name="plan", kind="agent", tags={"team": "a"})
    def plan():
        llmlab.track_call("openai", "gpt-4", 1, 1)
        return asyncio.run(search())

    @llmlab.trace
    async def search():
        llmlab.track_call("openai", "gpt-4", 2, 2)
        raise LookupError("nothing found")

    with pytest.raises(LookupError):
        plan()
    events = {(event["kind"], event["name"] or event["usage"]["input"]): event for event in lab.events()}
    outer, inner = events["step", "plan"], events["step", f"{search.__qualname__}"]
    assert {event["trace_id"] for event in events.values()} == {outer["trace_id"]}
    assert (outer["parent_id"], outer["step_kind"], outer["status"]) == (None, "agent", "error")
    assert (inner["parent_id"], inner["error_type"]) == (outer["span_id"], "LookupError")
    assert events["call", 1]["parent_id"] == outer["span_id"]
    assert events["call", 2]["parent_id"] == inner["span_id"]
    assert events["call", 2]["tags"] == {"team": "a"}


def test_a_traced_generator_is_one_step_when_it_is_left(lab):
    @llmlab.trace("walk")
    def walk():
        yield 1
        yield 2

    for _ in walk():
        break
    gc.collect()
    (step,) = lab.events()
    assert (step["name"], step["status"]) == ("walk", "ok")


def test_a_class_method_is_traced_without_parentheses(lab):
    class Bot:
        @llmlab.trace
        @classmethod
        def plan(cls):
            return cls

    assert Bot.plan() is Bot
    (step,) = lab.events()
    assert (step["kind"], step["status"]) == ("step", "ok")
