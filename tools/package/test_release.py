"""The release, as far as it can be checked without one. Needs nothing built."""

import json
import re

import npm
from conftest import ROOT

WORKFLOW = (ROOT / ".github/workflows/release.yml").read_text()


def pins(path):
    return dict(re.findall(r"^([\w-]+)==(\S+)$", (ROOT / path).read_text(), re.MULTILINE))


def test_the_release_builds_every_platform_that_the_package_names():
    assert re.findall(r"- { target: ([\w-]+),", WORKFLOW) == [platform["target"] for platform in npm.platforms()]


def test_the_names_of_the_platforms_are_those_that_the_loader_asks_for():
    for platform in npm.platforms():
        toolchain = {"glibc": "-gnu", "musl": "-musl", None: "-msvc" if platform["os"] == "win32" else ""}
        assert platform["name"] == f"{platform['os']}-{platform['cpu']}{toolchain[platform.get('libc')]}"


def test_a_release_is_built_with_the_tools_that_were_tried():
    ours = pins("python/requirements-dev.txt")
    assert {(name, pin) for name, pin in pins("tools/package/requirements.txt").items() if name in ours} <= ours.items()


def test_the_lock_file_of_node_knows_every_platform_of_its_tools():
    """Where a registry lacks one, `npm install` forgets it, and then `npm ci` refuses everything."""
    packages = json.loads((ROOT / "node/package-lock.json").read_text())["packages"]
    known = {path.rsplit("node_modules/", 1)[-1] for path in packages}
    asked = {name for package in packages.values() for name in package.get("optionalDependencies", {})}
    assert asked <= known
