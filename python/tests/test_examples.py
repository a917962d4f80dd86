"""Every example runs, as its README says, against the local stand-in."""

import json
import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
COMMAND = [sys.executable, "-m", "llmlab"]


def run(*command, home):
    environment = {**os.environ, "LLMLAB_HOME": str(home), "NO_COLOR": "1"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    return result


def in_front_of_the_stand_in(*command, home):
    return run(sys.executable, str(EXAMPLES / "stand_in.py"), *command, home=home)


def test_an_application_that_knows_nothing_of_llmlab_is_priced_exactly(tmp_path):
    app = [sys.executable, str(EXAMPLES / "support_desk.py")]
    bare = in_front_of_the_stand_in(*app, home=tmp_path)
    watched = in_front_of_the_stand_in(*COMMAND, "run", *app, home=tmp_path)
    assert watched.stdout == bare.stdout
    assert watched.stderr.startswith("llmlab  11 calls · $"), watched.stderr

    exported = run(*COMMAND, "export", "--format", "jsonl", home=tmp_path).stdout
    calls = [json.loads(line, parse_float=Decimal) for line in exported.splitlines()]
    assert len(calls) == 11
    # $ per million tokens: input, cached input, output.
    rates = {
        "gpt-5-mini": (Decimal("0.25"), Decimal("0.025"), Decimal(2)),
        "claude-sonnet-4-6": (Decimal(3), Decimal("0.30"), Decimal(15)),
    }
    for call in calls:
        fresh, cached, written = rates[call["model"]]
        usage = call["usage"]
        read = usage.get("cache_read", 0)
        expected = (usage["input"] - read) * fresh + read * cached + usage["output"] * written
        assert call["cost_usd"] == expected / 1_000_000
    assert {call["run_id"] for call in calls} != {None}

    status = json.loads(run(*COMMAND, "status", "--json", home=tmp_path).stdout, parse_float=Decimal)
    assert status["total"]["cost_usd"] == sum(call["cost_usd"] for call in calls)


# They serve until they are stopped; `llmlab conformance` tries the receiver.
SERVERS = {"receiver.py", "stand_in.py"}
# They need frameworks, which are in an environment of their own: layers/test_examples.py runs them.
LAYERS = {"fastapi_service.py", "langchain_chain.py"}


@pytest.mark.parametrize("example", sorted({path.name for path in EXAMPLES.glob("*.py")} - SERVERS - LAYERS))
def test_the_examples_run(example, tmp_path):
    result = in_front_of_the_stand_in(sys.executable, str(EXAMPLES / example), home=tmp_path)
    assert result.stdout


@pytest.mark.parametrize(
    ("page", "printed"),
    [("README.md", "1 0.00003455\n"), ("docs/configuration.md", "0.06\n"), ("docs/providers.md", "")],
)
def test_the_snippets_of_a_page_run_one_after_the_other(tmp_path, page, printed):
    text = (EXAMPLES.parent / page).read_text("utf-8")
    snippets = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    program = tmp_path / "page.py"
    program.write_text(snippets, "utf-8")
    assert in_front_of_the_stand_in(sys.executable, str(program), home=tmp_path / "home").stdout == printed


def test_the_examples_are_listed():
    listed = (EXAMPLES / "README.md").read_text()
    for path in EXAMPLES.glob("*.py"):
        assert path.name in listed
