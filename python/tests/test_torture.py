"""The torture of Python programs, smaller than users run it.

Sabotage that turns it red: keep what `track_call` records in a list and post it a millisecond later (lost); give
the core the recorder's `Decimal` as a float (altered). What breaks the spool itself: cli/tests/cli/torture.rs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

KILLS = {"python": 15, "rust": 5}
SOAK = {"python": 300, "rust": 100}


@pytest.mark.skipif(sys.platform == "win32", reason="programs are killed by signals")
@pytest.mark.parametrize("host", KILLS)
def test_killed_programs_lose_nothing_and_the_totals_are_exact(host, home):
    kills = SOAK[host] if "LLMLAB_SOAK" in os.environ else KILLS[host]
    command = [sys.executable, "-m", "llmlab", "torture", "--json"]
    command += ["--host", host, "--python", sys.executable, "--kills", str(kills)]
    ended = subprocess.run(command, cwd=home.parent, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    report = json.loads(ended.stdout, parse_float=str)
    assert report["balanced"]
    assert report["acknowledged"] >= kills
    assert report["cost_usd"] == report["ledger"]["cost_usd"] == report["backend"]["cost_usd"]
    assert not home.exists(), "the user's own home was touched"
