"""The crates, unpacked, as the dependency of a crate that knows no workspace."""

import json
import os
import shutil
import subprocess
import tarfile

from conftest import ROOT, artefact, names_in

# What they depend on is as locked here, so that what was compiled before is compiled once.
CRATES = ("llmlab", "llmlab-macros", "llmlab-cli")
TARGET = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))


def unpacked(elsewhere, pattern):
    archive = artefact(pattern)
    with tarfile.open(archive) as tar:
        tar.extractall(elsewhere.folder, filter="data")
    return elsewhere.folder / archive.name.removesuffix(".crate")


def test_the_library_has_its_prices_and_its_licence_and_not_its_tests():
    names = names_in(artefact("llmlab-[0-9]*.crate"))
    assert {"Cargo.toml", "LICENSE", "README.md", "catalogue/openai.jsonl", "catalogue/NOTICE.md"} <= names
    assert not [name for name in names if name.startswith(("conformance", "tests", "fuzz"))]


def test_the_command_has_its_licence():
    assert {"LICENSE", "README.md", "src/main.rs"} <= names_in(artefact("llmlab-cli-[0-9]*.crate"))


def dependencies_of_the_example():
    """In the words of a manifest, without llmlab; and the features of llmlab."""
    command = ["cargo", "metadata", "--no-deps", "--format-version=1", "--offline"]
    crates = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)["packages"]
    (example,) = (crate for crate in crates if crate["name"] == "llmlab-examples")
    asked = {it["name"]: it for it in example["dependencies"] if it["kind"] is None}
    features = asked.pop("llmlab")["features"]
    lines = [
        f"{name} = {{ version = {json.dumps(it['req'])}, features = {json.dumps(it['features'])}, "
        f"default-features = {json.dumps(it['uses_default_features'])} }}\n"
        for name, it in asked.items()
    ]
    return "".join(lines), ",".join(features)


def test_a_fresh_crate_runs_the_quickstart_and_the_command_shows_it(elsewhere):
    library, macros, command = (unpacked(elsewhere, f"{name}-[0-9]*.crate") for name in CRATES)
    # Cargo takes from here what it will take from the registry.
    (elsewhere.folder / ".cargo").mkdir()
    patch = f"[patch.crates-io]\nllmlab.path = {str(library)!r}\nllmlab-macros.path = {str(macros)!r}\n"
    (elsewhere.folder / ".cargo/config.toml").write_text(patch)

    install = ("cargo", "install", "--quiet", "--debug", "--root", "installed", "--path", command)
    elsewhere.run(*install, CARGO_TARGET_DIR=TARGET)

    elsewhere.run("cargo", "init", "--quiet", "--vcs=none", "--name", "consumer", "consumer")
    manifest = elsewhere.folder / "consumer/Cargo.toml"
    shutil.copy(ROOT / "Cargo.lock", manifest.parent)
    shutil.copy(ROOT / "examples/rust/quickstart.rs", manifest.parent / "src/main.rs")
    others, features = dependencies_of_the_example()
    manifest.write_text(manifest.read_text() + others)
    add = ("cargo", "add", "--quiet", "--manifest-path", manifest, "--features", features, "--path", library)
    elsewhere.run(*add)
    elsewhere.run("cargo", "build", "--quiet", "--manifest-path", manifest, CARGO_TARGET_DIR=TARGET)
    elsewhere.quickstart(f"{TARGET}/debug/consumer", llmlab=[elsewhere.folder / "installed/bin/llmlab"])
