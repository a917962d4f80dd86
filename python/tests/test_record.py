"""Recording by hand, and everything that can be wrong with it: never an exception, never a silent zero."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

import llmlab

from .wire import CHAT, CHAT_USAGE, CONTENT, MESSAGE


def test_a_call_by_hand_has_all_that_was_given(lab):
    llmlab.track_call(
        "gcp.gemini",
        "gemini-2.5-flash",
        1000,
        200,
        usage={"cache_read": 400, "reasoning": 50},
        latency_ms=12.5,
        service_tier="batch",
        operation="generate_content",
        feature="f",
        user="u",
        session="s",
        tags={"k": "v"},
    )
    call = lab.call()
    assert (call["provider"], call["model"], call["operation"]) == ("google", "gemini-2.5-flash", "generate_content")
    assert call["usage"] == {"input": 1000, "output": 200, "cache_read": 400, "reasoning": 50}
    assert (call["latency_ms"], call["service_tier"], call["cost_source"]) == (12.5, "batch", "catalogue")
    assert (call["feature"], call["user"], call["session"], call["tags"]) == ("f", "u", "s", {"k": "v"})


@pytest.mark.parametrize("cost", [Decimal("0.00001"), "0.00001", 0.00001, 1e-05])
def test_the_cost_that_the_host_gives_goes_first_and_is_exact(lab, cost):
    llmlab.track_call("openai", "gpt-4", 1000, 500, cost_usd=cost)
    call = lab.call()
    assert (Decimal(str(call["cost_usd"])), call["cost_source"]) == (Decimal("0.00001"), "host")


@pytest.mark.parametrize(
    ("arguments", "options", "word"),
    [
        (("openai", "gpt-4", -5, 10), {}, "-5"),
        (("openai", "gpt-4", float("nan"), 10), {}, "nan"),
        (("openai", "gpt-4", 1.5, 10), {}, "1.5"),
        (("openai", "gpt-4", "7", 10), {}, "'7'"),
        (("openai", "gpt-4", True, 10), {}, "True"),
        (("openai", "gpt-4", 2**70, 10), {}, str(2**70)),
        (("openai", "gpt-4", 1, 1), {"usage": {"cache": 1}}, "'cache'"),
        (("openai", "gpt-4", 1, 1), {"usage": {3: 1}}, "3"),
        (("openai", "gpt-4", 1, 1), {"usage": [1]}, "[1]"),
        (("openai", "gpt-4", 1, 1), {"usage": {"input": 2}}, "input 2"),
    ],
)
def test_a_wrong_count_makes_the_cost_unknown_and_is_said_once(lab, caplog, arguments, options, word):
    for _ in range(2):
        llmlab.track_call(*arguments, **options)
    for call in lab.calls():
        assert (call["usage"], call["cost_usd"], call["cost_state"]) == ({}, None, "unpriced")
    assert len(lab.calls()) == 2
    assert llmlab.stats()["faults"] == 2
    (record,) = caplog.records
    assert word in record.message
    assert record.levelname == "WARNING"


@pytest.mark.parametrize(
    "options",
    [
        {"cost_usd": float("nan")},
        {"cost_usd": -1},
        {"cost_usd": "1e3"},
        {"cost_usd": object()},
        {"cost_usd": True},
        {"latency_ms": -1},
        {"latency_ms": "fast"},
        {"latency_ms": float("inf")},
        {"operation": "chatting"},
        {"service_tier": 7},
    ],
)
def test_any_other_wrong_value_is_left_out_and_the_call_is_priced(lab, options):
    llmlab.track_call("openai", "gpt-4", 1000, 500, **options)
    call = lab.call()
    assert (call["cost_usd"], call["cost_source"]) == (0.06, "catalogue")
    assert llmlab.stats()["faults"] == 1


@pytest.mark.parametrize(("provider", "model"), [(None, None), (7, "gpt-4"), ("openai", b"gpt-4"), ("", "gpt-4")])
def test_names_that_are_no_text_leave_a_call_all_the_same(lab, provider, model):
    llmlab.track_call(provider, model, 1, 1)
    assert len(lab.calls()) == 1


def test_a_text_with_lone_surrogates_is_recorded(lab):
    llmlab.track_call("openai", "gpt-4\ud800", 1, 1, feature="\udfff", tags={"\ud800": "\ud800"})
    assert len(lab.calls()) == 1


def test_an_unknown_model_is_said_once_with_its_neighbours(lab, caplog):
    for _ in range(3):
        llmlab.track_call("openai", "gpt-4o-minni", 1, 1)
    assert [call["cost_usd"] for call in lab.calls()] == [None] * 3
    assert len(caplog.records) == 1
    assert "gpt-4o-mini" in caplog.text


@pytest.mark.parametrize("form", [dict, json.dumps, lambda body: json.dumps(body).encode()])
def test_a_response_of_any_form_is_recorded_once(lab, form):
    assert llmlab.record_response(form(CHAT)) is True
    assert llmlab.record_response(form(CHAT)) is False
    call = lab.call()
    assert (call["usage"], call["provider"], call["response_id"]) == (CHAT_USAGE, "openai", "chatcmpl-1")


def test_the_provider_of_a_response_is_told_by_its_shape(lab):
    for body in (CHAT, MESSAGE, CONTENT):
        assert llmlab.record_response(body)
    assert [call["provider"] for call in lab.calls()] == ["openai", "anthropic", "google"]


@pytest.mark.parametrize("response", [None, 5, "no json", b"\xff", {}, [], {"usage": "x"}, object(), {1: 2}])
def test_what_is_no_response_is_refused_without_an_exception(lab, response):
    assert llmlab.record_response(response) is False
    assert lab.events() == []


def test_a_structure_that_contains_itself_is_refused(lab):
    knot = {}
    knot["usage"] = knot
    assert llmlab.record_response(knot) is False
    assert llmlab.record_response(CHAT, provider=7) is False
    assert llmlab.stats()["faults"] == 1


def test_nothing_is_written_on_the_terminal(lab, capfd):
    llmlab.track_call("openai", "gpt-nine", -1, 1)
    llmlab.flush()
    assert capfd.readouterr() == ("", "")


def test_a_log_handler_that_raises_does_not_reach_the_program(lab):
    import logging

    class Broken(logging.Handler):
        def emit(self, record):
            raise RuntimeError("the host's own handler")

    handler = Broken()
    logging.getLogger("llmlab").addHandler(handler)
    try:
        llmlab.track_call("openai", "gpt-nine", 1, 1)
    finally:
        logging.getLogger("llmlab").removeHandler(handler)
    assert len(lab.calls()) == 1
    assert llmlab.stats()["faults"] == 1
