"""The examples that need a framework, as their README says, against the local stand-in."""

from __future__ import annotations

import sys

import pytest

from ..test_examples import EXAMPLES, LAYERS, in_front_of_the_stand_in

PRINTED = {
    "fastapi_service.py": "{'ben': '0.0000685', 'ann': '0.00003425'}\n",
    "langchain_chain.py": "2 calls cost $0.000071825\n",
}


@pytest.mark.parametrize("example", sorted(LAYERS))
def test_the_examples_run(example, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES.parent / "python"))  # this environment has no llmlab of its own
    result = in_front_of_the_stand_in(sys.executable, str(EXAMPLES / example), home=tmp_path)
    assert result.stdout == PRINTED[example]
