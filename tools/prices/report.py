"""What changed, and what nobody has decided: for the person who reviews a new catalogue."""

from __future__ import annotations

import json
from decimal import Decimal

from merge import Tally


def parse(text: str) -> dict[str, dict]:
    return {model["id"]: model for model in map(json.loads, text.splitlines())}


def changes(provider: str, old: str, new: str, percent: Decimal) -> list[str]:
    """New and gone models, and rates of the last period that moved by more than `percent`."""
    before, after = parse(old), parse(new)
    rows = [f"new\t{provider}\t{name}" for name in after.keys() - before.keys()]
    rows += [f"gone\t{provider}\t{name}" for name in before.keys() - after.keys()]
    for name in before.keys() & after.keys():
        was, now = (flat(catalogue[name]["periods"][-1]["rates"]) for catalogue in (before, after))
        for key in was.keys() | now.keys():
            a, b = was.get(key), now.get(key)
            if a is None or b is None or (a != b and (a == 0 or abs(b - a) / a * 100 > percent)):
                rows.append(f"changed\t{provider}\t{name}\t{key}\t{a} -> {b}")
    return sorted(rows)


def flat(rates: dict) -> dict[str, Decimal]:
    found = {}
    for set_name, values in rates.items():
        for dimension, value in values.items():
            if dimension == "tiers":
                found |= flat({f"{set_name}>{t.get('over', t.get('from'))}": t for t in value})
            elif dimension not in ("over", "from"):
                price, _, per = value.partition("/")
                found[f"{set_name}.{dimension}"] = Decimal(price) / Decimal(per or 1)
    return found


def render(diff: list[str], tally: Tally, counts: dict[str, tuple[int, int]], unused: list[str]) -> str:
    out = ["# Catalogue", "", "provider\tmodels\tnames"]
    out += [f"{provider}\t{models}\t{names}" for provider, (models, names) in counts.items()]
    out += [
        "",
        f"names on whose current price both sources agree: {tally.agreed}",
        "",
        f"## Changes: {len(diff)}",
        *diff,
    ]
    out += ["", f"## Unresolved, settled by the default rule: {len(tally.by_rule)}", *sorted(tally.by_rule)]
    out += ["", f"## Adjudicated: {len(tally.adjudicated)}", *sorted(tally.adjudicated)]
    out += ["", f"## Adjudications that match nothing: {len(unused)}", *unused]
    return "\n".join(out) + "\n"
