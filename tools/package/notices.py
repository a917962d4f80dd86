"""Writes the notices of the crates that are linked into what we publish compiled.

    python tools/package/notices.py llmlab-python --target x86_64-unknown-linux-gnu --out python/THIRD-PARTY.md

A crate that offers Apache-2.0 is used under it: the text is that of our own LICENSE. Of the others, their texts.
"""

import argparse
import json
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = re.compile(r"(un)?licen[cs]e|copying|copyright|notice", re.IGNORECASE)
HEAD = """# Third-party notices

The compiled part of llmlab is made with these crates, and with some of them only where a feature asks for it.
"""


def host():
    told = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout
    return re.search(r"^host: (.+)$", told, re.MULTILINE)[1]


def metadata(target):
    command = ["cargo", "metadata", "--format-version=1", "--locked", f"--filter-platform={target}"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


def linked(root, target):
    """The crates of others that a crate contains: neither what only builds or tests it, nor macros."""
    world = metadata(target)
    crates = {crate["id"]: crate for crate in world["packages"]}
    nodes = {node["id"]: node for node in world["resolve"]["nodes"]}
    waiting = [crate["id"] for crate in crates.values() if crate["name"] == root]
    seen = set(waiting)
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            ours = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            macro = any("proc-macro" in it["kind"] for it in crates[dependency["pkg"]]["targets"])
            if ours and not macro and dependency["pkg"] not in seen:
                seen.add(dependency["pkg"])
                waiting.append(dependency["pkg"])
    found = [crates[each] for each in seen if crates[each]["source"]]
    return sorted(found, key=lambda crate: (crate["name"], crate["version"]))


def offers_apache(crate):
    licence = crate["license"] or ""
    return " AND " not in licence and "Apache-2.0" in re.split(r" OR |/", licence)


def texts(crate):
    """The licences in a crate's folder, and in those of the C libraries that it brings."""
    folder = Path(crate["manifest_path"]).parent
    files = [path for path in [*folder.glob("*"), *folder.glob("*/*")] if path.is_file()]
    named = sorted(path for path in files if TEXT.match(path.name) and path.suffix in ("", ".md", ".txt"))
    return [path.read_text(errors="replace").strip() for path in named]


def terms(crate):
    authors = ", ".join(crate["authors"]) or "its authors"
    none = f"Copyright {authors}. The crate brings no text of its licence: {crate['repository']}"
    return "\n\n".join(texts(crate)) or none


def page(crates):
    apache = [crate for crate in crates if offers_apache(crate)]
    names = ", ".join(f"{crate['name']} {crate['version']}" for crate in apache)
    parts = [HEAD, f"## Under Apache-2.0, whose text is in LICENSE\n\n{names}\n"]
    alike = {}
    for crate in crates:
        if crate not in apache:
            alike.setdefault(terms(crate), []).append(f"{crate['name']} {crate['version']} ({crate['license']})")
    parts += [f"## {', '.join(names)}\n\n````text\n{text}\n````\n" for text, names in alike.items()]
    return "\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", help="the crate that is compiled")
    parser.add_argument("--target", help="for which platform; by default this one")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.write_text(page(linked(given.package, given.target or host())))


if __name__ == "__main__":
    main()
