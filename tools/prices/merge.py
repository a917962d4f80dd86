"""Two sources into one list of models.

Default rule where they disagree and nobody has looked it up: genai-prices is right about per-hour units, and about the
service tiers of a model whose standard price is not in dispute; litellm (broader and fresher) about everything else
that is in force now. Dates and history are genai-prices'. What only one of them knows is taken.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

from adjudications import Rule
from genai_source import Model as GenaiModel
from genai_source import Source
from record import MILLION, TOKENS, Period, Rate, RateSet, compact

Structure = dict[int, Rate]


@dataclass
class Merged:
    """One model of the catalogue under all its names."""

    id: str
    aliases: list[str]
    periods: list[Period]


@dataclass
class Tally:
    """What a run saw, for the report."""

    agreed: int = 0
    adjudicated: list[str] = field(default_factory=list)
    by_rule: list[str] = field(default_factory=list)


def merge(provider: str, litellm: dict[str, Period], genai: Source, rules: list[Rule], tally: Tally) -> list[Merged]:
    """The models of one provider, each with the names that share its prices."""
    matched = {name: genai.find(name) for name in litellm}
    records: dict[str, tuple[str, list[Period]]] = {}  # name -> (family, periods)
    for name, period in litellm.items():
        model = matched[name]
        family = model.id if model else base_of(name)
        records[name] = family, reconcile(provider, name, period, model, genai.as_of, rules, tally)
    taken = {name.lower() for name in records}
    twins = {squeeze(name): name for name in sorted(records, reverse=True)}
    for model in genai.models():
        for name in model.names:
            if name.lower() in taken or not sellable(provider, name):
                continue
            source = twins.get(squeeze(name)) or (model.id if model.id in litellm else None)
            periods = records[source][1] if source else tidy(copy.deepcopy(model.periods))
            records[name] = (records[source][0] if source else model.id), periods
            taken.add(name.lower())
    return lines(records)


def sellable(provider: str, name: str) -> bool:
    """Bedrock's names begin with a vendor or a region; `regional.` is a word of the source, and no region."""
    if provider != "bedrock":
        return True
    vendor = re.match(r"[a-z0-9-]+(?=\.[a-z])", name)
    return vendor is not None and not re.search("^regional$|claude|gpt", vendor[0])


def squeeze(name: str) -> str:
    return re.sub(r"[.\-_]", "", name.lower())


def base_of(name: str) -> str:
    return re.sub(r"([-@]\d{8}|-\d{4}-\d{2}-\d{2}|-latest)(?=$|-v\d)", "", name)


def reconcile(
    provider: str, name: str, ours: Period, model: GenaiModel | None, as_of: date, rules: list[Rule], tally: Tally
) -> list[Period]:
    applied = [rule for rule in rules if rule.covers(provider, name)]
    ours = copy.deepcopy(ours)
    theirs = copy.deepcopy(model.periods) if model else []
    whole = next((rule for rule in applied if rule.dimensions == ["*"]), None)
    if whole:
        theirs = [] if whole.winner == "litellm" else theirs
        chosen = [ours] if whole.winner == "litellm" else theirs
        for period in chosen:
            period.why = whole.reason
        tally.adjudicated.append(f"{provider}\t{name}\t*\t{whole.winner}\t{whole.reason}")
        return tidy(chosen)
    for rule in applied:
        if rule.winner in ("drop", "value"):
            override(rule, [ours, *theirs])
            tally.adjudicated.append(f"{provider}\t{name}\t{','.join(rule.dimensions)}\t{rule.winner}\t{rule.reason}")
    if not theirs:
        return tidy([ours])
    current = max((p for p in theirs if (p.start or "") <= f"{as_of}T00:00:00Z"), key=lambda p: p.start or "")
    before = copy.deepcopy(current)
    agreement = Agreement(provider, name, applied, tally)
    agreement.trusts_genai_tiers = model.own
    agreed = agreement.settle(current, ours)
    for period in theirs:
        if period is not current:
            carry(ours, before, period)
        period.geo, period.sized = ours.geo, ours.sized
        if ours.sized:
            drop(period, "requests")
    tally.agreed += agreed
    return tidy(theirs)


class Agreement:
    """Settles the price in force between the two sources, dimension by dimension."""

    def __init__(self, provider: str, name: str, rules: list[Rule], tally: Tally) -> None:
        self.provider, self.name, self.rules, self.tally = provider, name, rules, tally
        self.trusts_genai_tiers = True

    def settle(self, theirs: Period, ours: Period) -> bool:
        """Writes the result over `theirs`; tells whether nothing was in dispute."""
        disputed = False
        for set_name, our_rates in ours.sets.items():
            into = theirs.sets.setdefault(set_name, {})
            for dimension in dict.fromkeys(name for name, _ in our_rates):
                mine, other = structure(our_rates, dimension), structure(into, dimension)
                if units(mine) == units(other):
                    continue
                if not other:
                    into.update({(dimension, start): rate for start, rate in mine.items()})
                    continue
                disputed = True
                lost = self.decide(theirs, set_name, dimension, mine, other)
                if lost is other:
                    drop_from(into, dimension)
                    into.update({(dimension, start): rate for start, rate in mine.items()})
                theirs.lost.setdefault(set_name, {})[dimension] = written(lost)
        if not self.trusts_genai_tiers:
            theirs.sets = {name: rates for name, rates in theirs.sets.items() if name in ours.sets}
        if ours.windows:
            theirs.windows = ours.windows
        theirs.source = "LG"
        return not disputed

    def decide(self, period: Period, set_name: str, dimension: str, mine: Structure, other: Structure) -> Structure:
        rule = next((r for r in self.rules if dimension in r.dimensions and r.winner in ("litellm", "genai")), None)
        by_default = dimension == "audio_seconds" or (set_name != "standard" and self.trusts_genai_tiers)
        genai_wins = rule.winner == "genai" if rule else by_default
        if not genai_wins and set_name == "standard" and dimension in ("input", "output"):
            self.trusts_genai_tiers = False
        note = f"{self.provider}\t{self.name}\t{set_name}.{dimension}\tlitellm {written(mine)}\tgenai {written(other)}"
        if rule:
            period.why = rule.reason
            self.tally.adjudicated.append(f"{note}\t{rule.winner}\t{rule.reason}")
        else:
            self.tally.by_rule.append(f"{note}\t{'genai' if genai_wins else 'litellm'}")
        return mine if genai_wins else other


def carry(ours: Period, current: Period, period: Period) -> None:
    """Takes what only litellm knows into another period of the same base price; fees into every period."""
    same = all(structure(current.standard, d) == structure(period.standard, d) for d in ("input", "output"))
    for set_name, rates in ours.sets.items():
        known = {dimension for dimension, _ in current.sets.get(set_name, {})}
        for (dimension, start), rate in rates.items():
            if dimension not in known and (same or (dimension not in TOKENS and set_name == "standard")):
                period.sets.setdefault(set_name, {}).setdefault((dimension, start), rate)


def override(rule: Rule, periods: list[Period]) -> None:
    for period in periods:
        for dimension in rule.dimensions:
            drop(period, dimension)
        for set_name, rates in rule.value.items():
            for dimension, text in rates.items():
                price, _, per = text.partition("/")
                period.sets.setdefault(set_name, {})[dimension, 0] = Rate(Decimal(price), int(per or MILLION))
        period.why = rule.reason


def drop(period: Period, dimension: str) -> None:
    for rates in period.sets.values():
        drop_from(rates, dimension)


def drop_from(rates: RateSet, dimension: str) -> None:
    for key in [key for key in rates if key[0] == dimension]:
        del rates[key]


def structure(rates: RateSet, dimension: str) -> Structure:
    return {start: rate for (name, start), rate in sorted(rates.items()) if name == dimension}


def units(found: Structure) -> dict[int, Fraction]:
    return {start: rate.unit for start, rate in found.items()}


def written(found: Structure) -> str:
    return "|".join(f"{start or ''}{':' if start else ''}{rate}" for start, rate in found.items())


def tidy(periods: list[Period]) -> list[Period]:
    for period in periods:
        compact(period)
    return [period for period in periods if period.standard or period.sized]


def lines(records: dict[str, tuple[str, list[Period]]]) -> list[Merged]:
    groups: dict[tuple[str, str], list[str]] = {}
    for name, (family, periods) in records.items():
        if periods:
            groups.setdefault((family, repr(periods)), []).append(name)
    merged = []
    for (family, _), names in groups.items():
        names.sort(key=lambda name: (name != family, name.lower() != family.lower(), len(name), name))
        distinct = {name.lower(): name for name in reversed(names)}
        ordered = [name for name in names if distinct[name.lower()] == name]
        merged.append(Merged(ordered[0], sorted(ordered[1:]), records[names[0]][1]))
    return sorted(merged, key=lambda model: (model.id.lower(), model.id))
