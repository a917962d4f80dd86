"""What both sources are translated into: records of exact rates, by provider and name.

A rate set maps (dimension, start) to a rate, where `start` is the smallest total input at which the rate applies:
0 for the base rate, 272001 for "more than 272k", 200000 for xAI's "200k and more".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from fractions import Fraction

PROVIDERS = [
    "openai",
    "anthropic",
    "google",
    "vertex",
    "azure",
    "bedrock",
    "mistral",
    "cohere",
    "groq",
    "deepseek",
    "xai",
    "together",
    "fireworks",
    "perplexity",
    "cerebras",
    "moonshot",
    "zai",
    "minimax",
    "voyage",
    "openrouter",
]

PARENT = {
    "cache_read": "input",
    "cache_write_5m": "input",
    "cache_write_1h": "cache_write_5m",
    "audio_in": "input",
    "image_in": "input",
    "cache_read_audio": "cache_read",
    "reasoning": "output",
    "audio_out": "output",
    "image_out": "output",
    "citation": "output",
}
TOKENS = ["input", "output", *PARENT]
FEES = [
    "requests",
    "web_searches",
    "file_searches",
    "pages",
    "characters",
    "audio_seconds",
    "rerank_searches",
    "video_seconds",
    "text_messages",
]
DIMENSIONS = TOKENS + FEES
MILLION = 1_000_000


@dataclass(frozen=True)
class Rate:
    """`price` US dollars for `per` units."""

    price: Decimal
    per: int = MILLION

    @property
    def unit(self) -> Fraction:
        return Fraction(self.price) / self.per

    def __str__(self) -> str:
        return plain(self.price) if self.per == MILLION else f"{plain(self.price)}/{self.per}"

    def times(self, factor: Decimal) -> Rate:
        return Rate(clean(self.price * factor), self.per)


RateSet = dict[tuple[str, int], Rate]


@dataclass
class Window:
    """Hours of the day (UTC, end exclusive) at which `rates` replace the standard ones."""

    start: str
    end: str
    rates: RateSet
    days: str | None = None


@dataclass
class Period:
    """Prices from an instant on; `start` None is from ever."""

    start: str | None = None
    sets: dict[str, RateSet] = field(default_factory=lambda: {"standard": {}})
    geo: dict[str, Decimal] = field(default_factory=dict)
    sized: dict[str, dict[str, Rate]] = field(default_factory=dict)
    windows: list[Window] = field(default_factory=list)
    source: str = ""
    why: str | None = None
    lost: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def standard(self) -> RateSet:
        return self.sets["standard"]


def clean(value: Decimal) -> Decimal:
    """Without float noise: at most 12 significant digits."""
    with localcontext() as context:
        context.prec = 12
        return +value


def plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def effective(rates: RateSet, dimension: str, start: int) -> Rate | None:
    """The rate of a dimension in the tier that begins at `start`, its parent's where it has none."""
    own = {begin: rate for (name, begin), rate in rates.items() if name == dimension and begin <= start}
    if own:
        return own[max(own)]
    parent = PARENT.get(dimension)
    return effective(rates, parent, start) if parent else None


def without_orphans(rates: RateSet) -> RateSet:
    """Without tier rates of a dimension that has no base rate: in the sources these are slips."""
    return {key: rate for key, rate in rates.items() if key[1] == 0 or (key[0], 0) in rates}


def redundant(period: Period, dimension: str) -> bool:
    """Whether every rate of the dimension says what its parent's would: then it follows the parent into every tier."""
    for rates in period.sets.values():
        for (name, start), rate in rates.items():
            if name == dimension:
                inherited = effective({key: value for key, value in rates.items() if key[0] != dimension}, name, start)
                if inherited is None or inherited.unit != rate.unit:
                    return False
    return True


def compact(period: Period) -> None:
    """Drops what the parent rule gives anyway. An explicit 0 stays: it is a price."""
    for dimension in reversed(list(PARENT)):
        present = any(name == dimension for rates in period.sets.values() for name, _ in rates)
        if present and not any(w for w in period.windows) and redundant(period, dimension):
            for name, rates in period.sets.items():
                period.sets[name] = {key: rate for key, rate in rates.items() if key[0] != dimension}
    period.sets = {name: rates for name, rates in period.sets.items() if rates or name == "standard"}
