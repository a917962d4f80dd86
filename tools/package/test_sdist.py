"""The source distribution: what it needs is a Rust toolchain and a C compiler."""

import os
import sys
import tarfile

from conftest import ROOT, artefact, names_in
from test_wheel import run_quickstart


def test_the_source_distribution_has_what_is_built_and_no_more():
    names = names_in(artefact("*.tar.gz"))
    assert {"Cargo.lock", "LICENSE", "NOTICE.md", "THIRD-PARTY.md", "README.md", "llmlab/__init__.py"} <= names
    for needed in ("core/catalogue/openai.jsonl", "core/src/lib.rs", "cli/src/lib.rs", "bindings/python/src/lib.rs"):
        assert needed in names
    foreign = ("bindings/node", "node", "examples", "tests", "core/tests", "core/conformance")
    assert not [name for name in names if name.startswith(foreign)]


def test_the_source_distribution_is_built_where_it_is_installed(elsewhere):
    with tarfile.open(artefact("*.tar.gz")) as tar:
        tar.extractall(elsewhere.folder, filter="data")
    (source,) = elsewhere.folder.glob("llmlab-*")
    # The crates that it depends on may have been compiled before: that is minutes, and says nothing of it. Its own are
    # told from those of the repository by their times only, and the archive's are old.
    for path in source.glob("**/*.rs"):
        path.touch()
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    run_quickstart(elsewhere, sys.executable, source, CARGO_TARGET_DIR=str(target), PIP_NO_CACHE_DIR="1")
