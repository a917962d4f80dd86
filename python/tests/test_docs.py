"""The examples in the docstrings run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import llmlab

MODULES = ["llmlab", *(f"llmlab.{module.name}" for module in pkgutil.iter_modules(llmlab.__path__))]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith(("_native", "__main__"))])
def test_the_examples_of_a_module_run(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


@pytest.mark.parametrize("name", [name for name in llmlab.__all__ if callable(getattr(llmlab, name))])
def test_every_public_function_has_an_example(name):
    item = getattr(llmlab, name)
    assert item.__doc__
    if not (isinstance(item, type) and issubclass(item, Exception)):
        assert ">>> " in item.__doc__
