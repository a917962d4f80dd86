"""Makes the tarballs of npm from what is built: the package, and one package a platform with its addon.

    python tools/package/npm.py main --out dist
    python tools/package/npm.py native TARGET ADDON --out dist

node/package.json does not name the platform packages: a clone could not be installed before they are published. What is
packed names them, with the exact version. node/platforms.json lists them.
"""

import argparse
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import notices

ROOT = Path(__file__).parents[2]
NODE = ROOT / "node"
ADDON = "llmlab.node"
# On Windows a script, which is found by its full name only.
NPM = shutil.which("npm") or "npm"
NOTICES = {"LICENSE": ROOT / "LICENSE", "NOTICE.md": ROOT / "core/catalogue/NOTICE.md"}


def platforms():
    return json.loads((NODE / "platforms.json").read_text())


def package_name(platform):
    return f"@llmlab/{platform['name']}"


def source_manifest():
    return json.loads((NODE / "package.json").read_text())


def main_manifest():
    source = source_manifest()
    manifest = {key: value for key, value in source.items() if key not in ("scripts", "devDependencies", "private")}
    manifest["files"] = [*source["files"], *NOTICES]
    # Exactly this version: the two halves speak a language that changes with every one.
    manifest["optionalDependencies"] = {package_name(it): source["version"] for it in platforms()}
    return manifest


def native_manifest(platform):
    source = source_manifest()
    manifest = {
        "name": package_name(platform),
        "version": source["version"],
        "description": f"The native part of llmlab for {platform['name']}. It comes with the package llmlab.",
        "license": source["license"],
        "engines": source["engines"],
        "os": [platform["os"]],
        "cpu": [platform["cpu"]],
        "main": ADDON,
        "files": [ADDON, *NOTICES, "THIRD-PARTY.md"],
    }
    if "libc" in platform:
        manifest["libc"] = [platform["libc"]]
    return manifest


def stage_main(folder):
    """What npm would pack of node/, under the manifest that is published."""
    listed = subprocess.run([NPM, "pack", "--dry-run", "--json"], cwd=NODE, check=True, capture_output=True).stdout
    for entry in json.loads(listed)[0]["files"]:
        path = folder / entry["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(NODE / entry["path"], path)
    shutil.copy(ROOT / "README.md", folder)
    return main_manifest()


def stage_native(folder, target, addon):
    (platform,) = (it for it in platforms() if it["target"] == target)
    shutil.copy(addon, folder / ADDON)
    (folder / "THIRD-PARTY.md").write_text(notices.page(notices.linked("llmlab-node", target)))
    manifest = native_manifest(platform)
    (folder / "README.md").write_text(f"# {manifest['name']}\n\n{manifest['description']}\n")
    return manifest


def pack(folder, manifest, repository, out):
    if repository:
        manifest["repository"] = {"type": "git", "url": f"git+https://github.com/{repository}.git"}
    manifest["publishConfig"] = {"access": "public"}
    (folder / "package.json").write_text(json.dumps(manifest, indent=2) + "\n")
    for name, path in NOTICES.items():
        shutil.copy(path, folder / name)
    out.mkdir(parents=True, exist_ok=True)
    subprocess.run([NPM, "pack", "--silent", "--pack-destination", out.resolve()], cwd=folder, check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_subparsers(dest="which", required=True)
    main_parser = which.add_parser("main", help="the package llmlab, from node/dist")
    native_parser = which.add_parser("native", help="the package of one platform")
    native_parser.add_argument("target", choices=[it["target"] for it in platforms()], help="what cargo calls it")
    native_parser.add_argument("addon", type=Path, help="what cargo made of bindings/node")
    for it in (main_parser, native_parser):
        it.add_argument("--out", type=Path, required=True)
        it.add_argument("--repository", help="OWNER/NAME on GitHub; npm's provenance asks for it")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        manifest = stage_main(folder) if given.which == "main" else stage_native(folder, given.target, given.addon)
        pack(folder, manifest, given.repository, given.out)


if __name__ == "__main__":
    main()
