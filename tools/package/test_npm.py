"""The tarballs of npm, in an empty folder."""

import json
import re
import shutil
import tarfile

import npm
import pytest
from conftest import ROOT, artefact, names_in

MAIN = "llmlab-[0-9]*.tgz"
NATIVE = "llmlab-*-*-[0-9]*.tgz"
# Without it, npx would ask the registry for what is not installed, and read the options itself.
NPX = ("npx", "--no", "--")
NATIVE_BYTES = 8 << 20
DEVELOPMENT = json.loads((ROOT / "node/package.json").read_text())["devDependencies"]
CONSUMER = """
import { init, track, trackCost, cost, summary } from "llmlab";
init({ project: "types" });
const double = trackCost((n: number) => n * 2, { feature: "arithmetic" });
export const four: number = double(2);
export const spent: string | null = track({ user: "ann" }, (t) => t.cost);
export const price: string | null = cost("openai", "gpt-5-mini", { inputTokens: 1 }).total;
export const totals = summary({ groupBy: ["model"] }).then((it) => it.totals.calls);
"""


def manifest_in(tarball):
    with tarfile.open(tarball) as tar:
        return json.load(tar.extractfile("package/package.json"))


@pytest.fixture
def installed(elsewhere):
    """A folder with the two packages. The registry is not asked for llmlab."""
    (elsewhere.folder / "package.json").write_text('{"name": "consumer", "private": true}')
    elsewhere.run("npm", "install", "--no-audit", "--no-fund", artefact(MAIN), artefact(NATIVE))
    return elsewhere


def test_the_package_has_no_dependency_but_its_platforms_and_no_script():
    manifest = manifest_in(artefact(MAIN))
    assert not {"dependencies", "devDependencies", "peerDependencies", "scripts"} & set(manifest)
    expected = {npm.package_name(platform): manifest["version"] for platform in npm.platforms()}
    assert manifest["optionalDependencies"] == expected


def test_the_package_has_everything_that_it_names():
    names = names_in(artefact(MAIN))
    manifest = manifest_in(artefact(MAIN))
    named = set(re.findall(r'"\./([^"*]+\.\w+)"', json.dumps([manifest["exports"], manifest["bin"]])))
    assert named <= names
    assert {"LICENSE", "NOTICE.md", "README.md"} <= names
    assert not [name for name in names if name.endswith((".node", ".map")) or "test" in name]


def test_the_package_of_a_platform_is_its_addon_and_says_where_it_runs():
    tarball = artefact(NATIVE)
    manifest = manifest_in(tarball)
    assert names_in(tarball) == {npm.ADDON, "LICENSE", "NOTICE.md", "THIRD-PARTY.md", "README.md", "package.json"}
    assert tarball.stat().st_size < NATIVE_BYTES
    (platform,) = (it for it in npm.platforms() if npm.package_name(it) == manifest["name"])
    assert (manifest["os"], manifest["cpu"]) == ([platform["os"]], [platform["cpu"]])
    assert manifest.get("libc") == ([platform["libc"]] if "libc" in platform else None)


def test_installing_brings_the_two_packages_and_no_more(installed):
    modules = installed.folder / "node_modules"
    found = {str(path.parent.relative_to(modules)) for path in modules.glob("**/package.json")}
    assert found == {"llmlab", manifest_in(artefact(NATIVE))["name"]}


def test_the_package_runs_the_quickstart(installed):
    installed.run("npm", "install", "--no-audit", "--no-fund", f"openai@{DEVELOPMENT['openai']}")
    shutil.copy(ROOT / "examples/node/quickstart.mjs", installed.folder)
    installed.quickstart("node", "quickstart.mjs", llmlab=[*NPX, "llmlab"])


def test_the_package_is_one_to_modules_of_both_kinds(installed):
    (installed.folder / "both.mjs").write_text(
        'import * as esm from "llmlab";\nimport { createRequire } from "node:module";\n'
        'const cjs = createRequire(import.meta.url)("llmlab");\n'
        'esm.trackCall("openai", "gpt-5-mini", { inputTokens: 1000000 });\n'
        "console.log(cjs.stats().recorded, Object.keys(cjs).every((name) => cjs[name] === esm[name]));\n"
    )
    assert installed.run("node", "both.mjs") == "1 true\n"


def test_the_command_comes_with_the_package(installed):
    assert installed.run(*NPX, "llmlab", "--version") == f"llmlab {manifest_in(artefact(MAIN))['version']}\n"
    assert "llmlab" in installed.run(*NPX, "llmlab", "status")


@pytest.mark.parametrize(
    ("file", "module", "resolution"),
    [("it.mts", "node16", "node16"), ("it.cts", "node16", "node16"), ("it.ts", "esnext", "bundler")],
)
def test_a_program_in_typescript_compiles_against_it(file, module, resolution, installed):
    tools = [f"{name}@{DEVELOPMENT[name]}" for name in ("typescript", "@types/node")]
    installed.run("npm", "install", "--no-audit", "--no-fund", *tools)
    (installed.folder / file).write_text(CONSUMER)
    options = ["--strict", "--noEmit", "--target", "es2022", "--module", module, "--moduleResolution", resolution]
    installed.run(*NPX, "tsc", *options, file)
