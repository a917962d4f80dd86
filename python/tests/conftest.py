"""A client of its own for every test, on a ledger of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import llmlab
from llmlab import _guard, _lab, _native

from . import stand_in


class Lab:
    """What was recorded since the test began."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def events(self) -> list[dict]:
        """Every event, as the export tells it."""
        return exported(self.home)

    def calls(self) -> list[dict]:
        return [event for event in self.events() if event["kind"] == "call"]

    def call(self) -> dict:
        """The one call there is."""
        calls = self.calls()
        assert len(calls) == 1, calls
        return calls[0]


def exported(home: Path) -> list[dict]:
    path = home.parent / "export.jsonl"
    assert _native.cli(["llmlab", "export", "--output", str(path)]) == 0
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    prices = ("PRICES", "PRICES_URL", "PRICES_KEY", "PROVIDERS", "MODELS", "HOSTS")
    for name in ("DISABLED", "PROJECT", "TAGS", *prices, "RUN_ID", "DEBUG"):
        monkeypatch.delenv(f"LLMLAB_{name}", raising=False)
    home = tmp_path / "home"
    monkeypatch.setenv("LLMLAB_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def lab(home: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr(_lab.lab, "_held", None)
    monkeypatch.setattr(_lab.lab, "_callbacks", None)
    monkeypatch.setattr(_lab.lab, "_told", {})
    monkeypatch.setattr(_guard, "faults", 0)
    monkeypatch.setattr(_guard, "_said", set())
    before = _native.faults()
    yield Lab(home)
    # A test that calls `init` leaves the taps in.
    llmlab.uninstrument()
    if _lab.lab._held is not None:
        _lab.lab.shutdown(5.0)
    assert _native.faults() == before, "the core panicked"


@pytest.fixture
def tapped():
    """The clients of this process are observed."""
    llmlab.instrument()
    yield
    llmlab.uninstrument()


@pytest.fixture(scope="session")
def server() -> stand_in.StandIn:
    with stand_in.StandIn() as running:
        yield running


@pytest.fixture(scope="session")
def say(request):
    """Says a line that pytest does not swallow."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def said(line):
        with capture.global_and_fixture_disabled():
            print(f"\n{line}", file=sys.stderr, flush=True)

    return said
