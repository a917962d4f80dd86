"""Builds what is compiled for one platform: the wheel, and npm's package of the addon.

    python tools/package/compiled.py x86_64-unknown-linux-gnu --linked manylinux_2_28 --out dist

Without `--linked` it is for machines like this one: it may need a glibc as new.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from notices import ROOT, host, linked, page

FILES = ("libllmlab_node.so", "libllmlab_node.dylib", "llmlab_node.dll")
STRIPPED = ("--", "-C", "strip=symbols")


def run(*command, folder=ROOT, **environment):
    subprocess.run([str(part) for part in command], cwd=folder, check=True, env={**os.environ, **environment})


def wheel(given, target):
    (ROOT / "python/THIRD-PARTY.md").write_text(page(linked("llmlab-python", given.target)))
    libc = ["--zig", "--compatibility", given.linked] if given.linked else []
    maturin = (sys.executable, "-m", "maturin", "build", "--quiet", "--release", "--locked")
    run(*maturin, *target, *libc, "--out", given.out, folder=ROOT / "python")


def addon(given, target):
    cargo = ["cargo"]
    environment = {}
    if given.linked:
        cargo = ["cargo-zigbuild"]
        kind, *version = given.linked.split("_")
        if kind == "manylinux":
            target = ["--target", f"{given.target}.{'.'.join(version)}"]
        else:
            # A library for a program that has its libc; of itself Rust would make programs that bring theirs.
            environment["RUSTFLAGS"] = "-C target-feature=-crt-static"
    run(*cargo, "rustc", "--release", "--locked", "-p", "llmlab-node", "--lib", *target, *STRIPPED, **environment)
    folder = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), *target[1:] and [given.target], "release")
    (built,) = (folder / name for name in FILES if (folder / name).exists())
    repository = ["--repository", given.repository] if given.repository else []
    run(sys.executable, "tools/package/npm.py", "native", given.target, built, "--out", given.out, *repository)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", nargs="?", default=host(), help="what cargo calls the platform; by default this one")
    parser.add_argument("--linked", help="manylinux_X_Y or musllinux_X_Y: the libc that it is linked against, by zig")
    parser.add_argument("--repository", help="OWNER/NAME on GitHub, for the manifest of npm")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out = given.out.resolve()
    # What is built for this machine is shared with what else is.
    target = ["--target", given.target] if given.linked or given.target != host() else []
    wheel(given, target)
    addon(given, target)


if __name__ == "__main__":
    main()
