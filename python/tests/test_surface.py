"""The public names are those of the surface vector, no more and no fewer."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path

import llmlab
from llmlab import _native

SURFACE = json.loads((Path(__file__).parents[2] / "core" / "conformance" / "surface.json").read_text("utf-8"))


def parameters(function):
    described = []
    kind = inspect.Parameter
    before = None
    for parameter in inspect.signature(function).parameters.values():
        if before is kind.POSITIONAL_ONLY and parameter.kind is not before:
            described.append("/")
        if parameter.kind is kind.KEYWORD_ONLY and before is not parameter.kind:
            described.append("*")
        before = parameter.kind
        stars = "**" if parameter.kind is kind.VAR_KEYWORD else ""
        default = "" if parameter.default is parameter.empty else f"={json.dumps(parameter.default)}"
        described.append(stars + parameter.name + default)
    return described


def test_every_public_name_is_in_the_vector_and_has_its_parameters():
    functions = {
        name: parameters(getattr(llmlab, name))
        for name in llmlab.__all__
        if not name.startswith("_") and name not in SURFACE["errors"]
    }
    assert functions == SURFACE["functions"]
    assert set(SURFACE["errors"]) <= set(llmlab.__all__)


def test_every_function_is_a_method_of_a_client_too():
    methods = [name for name in dir(llmlab.LLMLab) if not name.startswith("_")]
    assert methods == sorted(set(SURFACE["functions"]) - {"LLMLab"} - set(SURFACE["not_methods"]))
    lab = llmlab.LLMLab()
    assert {name: parameters(getattr(lab, name)) for name in methods} == {
        name: SURFACE["functions"][name] for name in methods
    }


def test_the_answers_have_what_the_vector_says():
    for name, fields in SURFACE["values"].items():
        assert [field for field in dir(getattr(_native, name)) if not field.startswith("_")] == fields, name
    stats = llmlab.stats()
    assert sorted(stats) == SURFACE["stats"]
    assert [sorted(sink) for sink in stats["sinks"]] == [SURFACE["sink_stats"]]


def test_the_stubs_of_the_native_half_are_those_of_its_classes():
    command = [sys.executable, "-m", "mypy.stubtest", "llmlab._native", "--ignore-disjoint-bases"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_what_sdk_exports_is_public():
    from llmlab import sdk

    assert set(sdk.__all__) <= set(llmlab.__all__)
