"""One version and one licence, whatever the package. Needs nothing built."""

import json
import re
import subprocess

from conftest import ROOT

NODE = json.loads((ROOT / "node/package.json").read_text())


def stated(manifest, key):
    """The first value of a key of a TOML file: on one line it is JSON, and Python reads TOML only since 3.11."""
    return json.loads(re.search(rf"^{key} = (.+)$", (ROOT / manifest).read_text(), re.MULTILINE)[1])


def crates():
    command = ["cargo", "metadata", "--no-deps", "--format-version=1", "--offline"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)["packages"]


def test_every_crate_has_the_version_of_the_workspace_and_asks_its_siblings_for_it():
    version = stated("Cargo.toml", "version")
    names = {crate["name"] for crate in crates()}
    assert {crate["version"] for crate in crates()} == {version}
    asked = {
        dependency["req"]
        for crate in crates()
        for dependency in crate["dependencies"]
        if dependency["name"] in names and dependency["kind"] is None
    }
    assert asked == {f"^{version}"}


def test_the_package_of_node_has_the_version_of_the_crates():
    assert NODE["version"] == stated("Cargo.toml", "version")
    assert json.loads((ROOT / "node/package-lock.json").read_text())["version"] == NODE["version"]


def test_the_package_of_python_takes_its_version_from_its_crate():
    assert stated("python/pyproject.toml", "dynamic") == ["version"]


def test_every_package_says_the_same_of_itself():
    for key in ("license", "description", "keywords"):
        assert stated("Cargo.toml", key) == NODE[key] == stated("python/pyproject.toml", key)


def test_what_is_published_says_all_that_its_registry_asks_for():
    for crate in crates():
        if crate["publish"] != []:
            for field in (
                "description",
                "license",
                "documentation",
                "keywords",
                "categories",
                "rust_version",
                "readme",
            ):
                assert crate[field], f"{crate['name']} has no {field}"
