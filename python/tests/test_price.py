"""Questions about prices and usage."""

from __future__ import annotations

import datetime
import pickle
from decimal import Decimal
from types import MappingProxyType

import pytest

import llmlab

from .wire import CHAT, CHAT_USAGE

UTC = datetime.timezone.utc


def test_a_cost_is_exact_and_its_lines_add_up():
    cost = llmlab.cost("openai", "gpt-4", {"input": 1001, "output": 501})
    assert cost.total == Decimal("0.06009")
    assert isinstance(cost.total, Decimal)
    assert sum(line.total for line in cost.lines) == cost.total
    assert [(line.dimension, line.count, line.unit_price) for line in cost.lines] == [
        ("input", 1001, Decimal("0.00003")),
        ("output", 501, Decimal("0.00006")),
    ]
    assert (cost.state, cost.model, cost.matched_by) == ("priced", "gpt-4", "exact")
    assert cost.catalogue_version > 0


def test_all_ways_to_give_the_usage_agree():
    ways = [
        llmlab.cost("openai", "gpt-4", {"input": 7, "output": 3}),
        llmlab.cost("openai", "gpt-4", MappingProxyType({"input": 7, "output": 3, "reasoning": None})),
        llmlab.cost("openai", "gpt-4", input_tokens=7, output_tokens=3),
        llmlab.cost("openai", "gpt-4", {"output": 3}, input_tokens=7),
        llmlab.cost(provider="OpenAI", model="gpt-4", usage={"input": 7}, output_tokens=3),
    ]
    assert len({cost.total for cost in ways}) == 1


def test_a_time_is_a_datetime_or_a_text():
    at = datetime.datetime(2026, 6, 15, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    assert llmlab.cost("openai", "gpt-4", {"input": 1}, at).total == Decimal("0.00003")
    assert llmlab.cost("openai", "gpt-4", {"input": 1}, at=at.isoformat()).total == Decimal("0.00003")


def test_an_unknown_model_is_unpriced_and_no_error():
    cost = llmlab.cost("openai", "gpt-nine", {"input": 1})
    assert (cost.total, cost.state, cost.model, cost.lines) == (None, "unpriced", None, ())


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        ({"usage": {"input": -1}}, "invalid_usage", "-1"),
        ({"usage": {"input": float("nan")}}, "invalid_usage", "nan"),
        ({"usage": {"input": "5"}}, "invalid_usage", "'5'"),
        ({"usage": {"input": True}}, "invalid_usage", "True"),
        ({"usage": {"inputs": 5}}, "invalid_usage", "'inputs'"),
        ({"usage": {5: 5}}, "invalid_usage", "5"),
        ({"usage": 5}, "invalid_usage", "mapping"),
        ({"usage": "input"}, "invalid_usage", "mapping"),
        ({"usage": {"output": 3, "reasoning": 4}}, "invalid_usage", "reasoning 4"),
        ({"usage": {"input": 3}, "input_tokens": 4}, "invalid_usage", "input_tokens is 4"),
        ({"output_tokens": 1.0}, "invalid_usage", "1.0"),
        ({"at": "yesterday"}, "invalid_time", "yesterday"),
        ({"at": datetime.datetime(2026, 1, 1)}, "invalid_time", "aware"),
        ({"at": datetime.date(2026, 1, 1)}, "invalid_time", "aware"),
        ({"at": 1_700_000_000}, "invalid_time", "1700000000"),
        ({"at": datetime.datetime(9999, 1, 1, tzinfo=UTC)}, "invalid_time", "9999"),
        ({"provider": 5}, "invalid_usage", "int"),
        ({"service_tier": 5}, "invalid_usage", "int"),
    ],
)
def test_a_question_that_makes_no_sense_is_an_error_that_names_the_value(arguments, code, word):
    arguments = {"provider": "openai", "model": "gpt-4", **arguments}
    with pytest.raises(llmlab.LlmlabError, match=".") as raised:
        llmlab.cost(**arguments)
    assert raised.value.code == code
    assert word in str(raised.value)
    assert str(raised.value)[0].islower() or not str(raised.value)[0].isalpha()


def test_an_unknown_argument_is_a_type_error():
    with pytest.raises(TypeError, match="tokens"):
        llmlab.cost("openai", "gpt-4", tokens=5)


def test_the_models_of_a_provider_are_listed_and_an_unknown_one_is_named():
    assert "gpt-4" in llmlab.models("openai")
    with pytest.raises(llmlab.LlmlabError, match="opnai") as raised:
        llmlab.models("opnai")
    assert raised.value.code == "unknown_provider"


def test_usage_is_read_from_any_form():
    from openai.types.chat import ChatCompletion

    assert llmlab.read_usage("openai", CHAT) == CHAT_USAGE
    assert llmlab.read_usage(None, ChatCompletion.model_validate(CHAT)) == CHAT_USAGE
    assert llmlab.read_usage("openai", b"{}") is None
    assert llmlab.read_usage("openai", "no json") is None
    assert llmlab.read_usage("openai", object()) is None


def test_an_error_can_be_pickled():
    error = pickle.loads(pickle.dumps(llmlab.ConfigError("x", "invalid_config")))
    assert (type(error), str(error), error.code) == (llmlab.ConfigError, "x", "invalid_config")
