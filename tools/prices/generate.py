"""Writes core/catalogue/<provider>.jsonl from the pinned sources, and a report of what changed.

python tools/prices/generate.py [--check] [--percent 5] [--report FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import adjudications
import litellm_source
import report
from genai_source import Source
from merge import Merged, Tally, merge
from record import DIMENSIONS, PROVIDERS, Period, RateSet, plain

CATALOGUE = Path(__file__).parents[2] / "core" / "catalogue"
# The day on which the versions of requirements.txt were pinned: it decides which dated price litellm's undated ones
# are compared with, so that the same pins give the same catalogue on every day.
PINNED_ON = date(2026, 11, 21)


def written(rates: RateSet) -> dict:
    out: dict = {d: str(rates[d, 0]) for d in DIMENSIONS if (d, 0) in rates}
    tiers = []
    for start in sorted({start for _, start in rates if start}):
        # "over" a round number, or "from" it on: providers differ, so the line says which.
        begin = {"from": start} if start % 1000 == 0 else {"over": start - 1}
        tiers.append(begin | {d: str(rates[d, start]) for d in DIMENSIONS if (d, start) in rates})
    return out | ({"tiers": tiers} if tiers else {})


def period_line(period: Period) -> dict:
    out: dict = {"from": period.start} if period.start else {}
    order = ["standard", *sorted(period.sets.keys() - {"standard"})]
    out["rates"] = {name: written(period.sets[name]) for name in order}
    if period.sized:
        out["by_search_size"] = {
            dimension: {"default": "low"} | {size: str(rate) for size, rate in sizes.items()}
            for dimension, sizes in period.sized.items()
        }
    if period.windows:
        out["windows"] = [
            ({"days": w.days} if w.days else {}) | {"utc": f"{w.start}-{w.end}", "rates": written(w.rates)}
            for w in period.windows
        ]
    if period.geo:
        out["geo"] = {geo: plain(factor) for geo, factor in sorted(period.geo.items())}
    out["sources"] = period.source
    if period.why:
        out["why"] = period.why
    if period.lost:
        out["lost"] = period.lost
    return out


def line(model: Merged) -> str:
    out: dict = {"id": model.id}
    if model.aliases:
        out["aliases"] = model.aliases
    out["periods"] = [period_line(period) for period in model.periods]
    return json.dumps(out, separators=(",", ":"), ensure_ascii=False)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--check", action="store_true", help="write nothing; fail if the committed data differ")
    options.add_argument(
        "--percent", type=Decimal, default=Decimal(5), help="report rates that moved by more than this"
    )
    options.add_argument("--report", type=Path, help="write the report here instead of to stdout")
    chosen = options.parse_args()

    rules, litellm, tally = adjudications.read(PINNED_ON), litellm_source.read(), Tally()
    texts, counts, diff = {}, {}, []
    for provider in PROVIDERS:
        entries = {name: period for (owner, name), period in litellm.items() if owner == provider}
        models = merge(provider, entries, Source(provider, PINNED_ON), rules, tally)
        texts[provider] = "".join(line(model) + "\n" for model in models)
        counts[provider] = len(models), sum(1 + len(model.aliases) for model in models)
        path = CATALOGUE / f"{provider}.jsonl"
        diff += report.changes(provider, path.read_text() if path.exists() else "", texts[provider], chosen.percent)

    unused = [f"{rule.provider}\t{rule.models}" for rule in rules if not rule.used]
    text = report.render(diff, tally, counts, unused)
    if chosen.report:
        chosen.report.write_text(text)
    else:
        sys.stdout.write(text)
    publish(texts, check=chosen.check)


def publish(texts: dict[str, str], *, check: bool) -> None:
    paths = {CATALOGUE / f"{provider}.jsonl": text for provider, text in texts.items()}
    stale = [path for path, text in paths.items() if not path.exists() or path.read_text() != text]
    if check and stale:
        raise SystemExit(f"not what the sources give: {', '.join(path.name for path in stale)}")
    version_file = CATALOGUE / "version"
    version = int(version_file.read_text()) if version_file.exists() else 0
    if stale:
        CATALOGUE.mkdir(exist_ok=True)
        for path in stale:
            path.write_text(paths[path])
        # The day of the sources and a serial number; it only ever grows.
        version_file.write_text(f"{max(version + 1, int(PINNED_ON.strftime('%Y%m%d')) * 1000 + 1)}\n")


if __name__ == "__main__":
    main()
