"""The frameworks agree with nobody on versions, so they have an environment of their own, made by ``make test``."""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest

# Else it fetches its prices over the network when it is imported.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

if find_spec("litellm") is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(autouse=True)
def always_tapped(tapped):
    """Every one of them."""
