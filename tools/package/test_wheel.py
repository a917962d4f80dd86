"""The wheel, in an empty environment of every CPython that is here."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from conftest import ROOT, artefact, names_in

WHEEL_BYTES = 8 << 20
INSTALLED_BYTES = 20 << 20
REQUIREMENTS = (ROOT / "python/requirements-dev.txt").read_text()


def interpreters():
    """CPython 3.10 and newer, on the path or where pyenv has them; one of each version."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = {}
    for minor in range(10, 20):
        installed = sorted(pyenv.glob(f"3.{minor}.*/bin/python3.{minor}"))
        if program := shutil.which(f"python3.{minor}"):
            installed.append(Path(program))
        # A shim of pyenv is there also where the version is not chosen.
        if installed := [it for it in installed if "shims" not in it.parts]:
            found[f"3.{minor}"] = installed[0]
    return found or {f"3.{sys.version_info.minor}": sys.executable}


def pinned(package):
    return re.search(rf"^{package}==.*$", REQUIREMENTS, re.MULTILINE)[0]


def run_quickstart(elsewhere, interpreter, package, **environment):
    elsewhere.run(interpreter, "-m", "venv", "venv")
    binaries = elsewhere.folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    pip = [binaries / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    elsewhere.run(*pip, "--no-deps", package, **environment)
    elsewhere.run(*pip, pinned("openai"))
    elsewhere.take("examples/quickstart.py")
    elsewhere.quickstart(binaries / "python", "quickstart.py", llmlab=[binaries / "llmlab"])


def test_the_wheel_is_for_every_cpython_from_the_oldest_that_is_supported():
    assert "-cp310-abi3-" in artefact("*.whl").name


def test_the_wheel_has_the_library_its_types_and_its_licences_and_no_more():
    names = names_in(artefact("*.whl"))
    assert {"llmlab/__init__.py", "llmlab/py.typed", "llmlab/_native.pyi"} <= names
    notices = {Path(name).name for name in names if ".dist-info/licenses/" in name}
    assert notices == {"LICENSE", "NOTICE.md", "THIRD-PARTY.md"}
    assert {name.split("/")[0].split("-")[0] for name in names} == {"llmlab"}
    assert not [name for name in names if "test" in name or "bench" in name]


def test_the_wheel_is_stripped_and_small():
    wheel = artefact("*.whl")
    assert wheel.stat().st_size < WHEEL_BYTES


@pytest.mark.parametrize("version", interpreters())
def test_the_wheel_runs_the_quickstart(version, elsewhere):
    run_quickstart(elsewhere, interpreters()[version], artefact("*.whl"))
    files = (elsewhere.folder / "venv").glob("**/site-packages/llmlab*/**/*")
    assert sum(path.stat().st_size for path in files) < INSTALLED_BYTES
