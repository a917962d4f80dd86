"""Costs that were computed independently of this project, if they are at hand.

``LLMLAB_SHARED`` names the folder that has them, by default ``../shared`` beside the repository; where there is none,
this says so, and the vectors of `test_conformance` stand for it.
"""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path

import pytest

import llmlab

FOLDER = Path(os.environ.get("LLMLAB_SHARED") or Path(__file__).parents[2] / ".." / "shared").resolve() / "prices"
TERMS = ("service_tier", "inference_geo", "speed", "search_context_size")


def cases(say, name):
    path = FOLDER / name
    if not path.exists():
        say(f"*** SKIPPED: no cost cases at {path}; set LLMLAB_SHARED ***")
        pytest.skip(f"no cost cases at {path}")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_every_cost_case_comes_out_exactly(say):
    asked = cases(say, "cost_cases.jsonl")
    for case in asked:
        terms = {name: case[name] for name in TERMS if name in case}
        cost = llmlab.cost(case["provider"], case["model"], case["usage"], case["timestamp"], **terms)
        expected = case["expected_usd"]
        assert cost.total == (None if expected is None else Decimal(expected)), case
    assert len(asked) == 60


def test_every_native_usage_is_read_and_costs_what_it_should(say):
    asked = cases(say, "usage_native_cases.jsonl")
    for case in asked:
        usage = llmlab.read_usage(case["provider"], case["body"], case["api"])
        expected = case["expected_usage"]
        assert {name: usage.get(name, 0) for name in {*usage, *expected}} == dict.fromkeys(usage, 0) | expected, case
        cost = llmlab.cost(case["provider"], case["model"], usage, case["timestamp"])
        assert cost.total == Decimal(case["expected_usd"]), case
    assert len(asked) == 16
