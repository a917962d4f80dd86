"""The packages, and a place outside the repository to try them in."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"
# What would let an installed package find something of the repository, or of the user.
FOREIGN = ("LLMLAB_", "PYTHON", "VIRTUAL_ENV", "NODE_PATH", "NODE_OPTIONS", "npm_", "PYTEST_")


def artefact(pattern):
    found = sorted(DIST.glob(pattern))
    assert len(found) == 1, f"{DIST} should have one {pattern}, and has {found}: run make package"
    return found[0]


def names_in(archive):
    """The files of a package, below the folder that tarballs put around them."""
    if archive.suffix == ".whl":
        return set(zipfile.ZipFile(archive).namelist())
    with tarfile.open(archive) as tar:
        return {name.split("/", 1)[1] for name in tar.getnames()}


class Elsewhere:
    """An empty folder, with a ledger of its own and nothing of the repository in its environment."""

    def __init__(self, folder):
        assert ROOT not in folder.parents
        self.folder = folder
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        self.environment |= {"LLMLAB_HOME": str(folder / "home"), "NO_COLOR": "1"}

    def run(self, *command, timeout_s=900, **environment):
        # On Windows npm and npx are no programs but scripts, which are found by their full name only.
        program = shutil.which(command[0]) or command[0]
        result = subprocess.run(
            [str(part) for part in (program, *command[1:])],
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
        return result.stdout

    def take(self, *paths):
        for path in paths:
            shutil.copy(ROOT / path, self.folder)

    def quickstart(self, *program, llmlab):
        """Runs it in front of the stand-in for the providers; what it prints must be what the ledger has."""
        self.take("examples/stand_in.py")
        printed = self.run(sys.executable, "stand_in.py", *program)
        exported = self.run(*llmlab, "export", "--format", "jsonl").splitlines()
        events = [json.loads(line, parse_float=Decimal) for line in exported]
        calls = [event for event in events if event["kind"] == "call"]
        assert sorted((call["feature"], call["user"]) for call in calls) == [("greeting", "ann"), ("greeting", "ben")]
        assert f"2 calls cost ${sum(call['cost_usd'] for call in calls)}" in printed, printed
        status = json.loads(self.run(*llmlab, "status", "--json"), parse_float=Decimal)
        assert status["total"]["cost_usd"] == sum(call["cost_usd"] for call in calls)


@pytest.fixture
def elsewhere(tmp_path):
    return Elsewhere(tmp_path)
