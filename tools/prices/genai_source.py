"""genai-prices' models: dated periods, daily windows, request variants; exact decimals."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from genai_prices import data, types
from record import MILLION, Period, Rate, RateSet, Window, clean

VERSION = "0.2.3"
PROVIDER = {
    "google": "google", "vertex": "google", "bedrock": "aws", "xai": "x-ai", "moonshot": "moonshotai",
    "voyage": "voyageai",
}  # fmt: skip
# Their unit of price -> our dimension and its unit.
KEYS: dict[str, tuple[str, int]] = {
    "input_mtok": ("input", MILLION), "output_mtok": ("output", MILLION), "cache_read_mtok": ("cache_read", MILLION),
    "cache_write_mtok": ("cache_write_5m", MILLION), "cache_write_1h_mtok": ("cache_write_1h", MILLION),
    "input_audio_mtok": ("audio_in", MILLION), "input_image_mtok": ("image_in", MILLION),
    "cache_audio_read_mtok": ("cache_read_audio", MILLION), "output_audio_mtok": ("audio_out", MILLION),
    "output_image_mtok": ("image_out", MILLION), "output_reasoning_mtok": ("reasoning", MILLION),
    "output_citation_mtok": ("citation", MILLION), "requests_kcount": ("requests", 1000),
    "web_searches_kcount": ("web_searches", 1000), "storage_searches_kcount": ("file_searches", 1000),
    "input_document_kpages": ("pages", 1000), "input_mchars": ("characters", MILLION),
    "audio_hours": ("audio_seconds", 3600), "input_audio_hours": ("audio_seconds", 3600),
    "input_text_messages_kcount": ("text_messages", 1000),
}  # fmt: skip
NO_PRICE_OF_OURS = {"route", "search_type"}


@dataclass
class Model:
    """One model of the source: the names it lists, and its periods."""

    id: str
    names: list[str]
    periods: list[Period]
    own: bool = True  # not another provider's, at whose price this one is taken to sell


class Source:
    """The models of one of our providers."""

    def __init__(self, provider: str, as_of: date) -> None:
        if importlib.metadata.version("genai-prices") != VERSION:
            raise SystemExit(f"genai-prices {VERSION} is pinned")
        self.as_of = as_of
        wanted = PROVIDER.get(provider, provider)
        self.provider = next((p for p in data.providers if p.id == wanted), None)
        self.translated: dict[int, Model] = {}

    def models(self) -> list[Model]:
        return [self.translate(model) for model in self.provider.models] if self.provider else []

    def find(self, name: str) -> Model | None:
        found = self.provider.find_model(name, all_providers=data.providers) if self.provider else None
        return self.translate(found) if found else None

    def translate(self, model: types.ModelInfo) -> Model:
        if id(model) not in self.translated:
            names = [name for name in dict.fromkeys([model.id, *literals(model.match)]) if model.is_match(name)]
            own = any(model is mine for mine in self.provider.models)
            found = periods(model, self.as_of)
            for period in () if own else found:
                period.sets = {"standard": period.standard}  # service tiers are a matter of the seller
            self.translated[id(model)] = Model(model.id, names, found, own)
        return self.translated[id(model)]


def literals(clause: object) -> Iterator[str]:
    """The full names in a matching rule; a bare prefix is one only if it ends like a name."""
    if isinstance(clause, types.ClauseOr):
        for inner in clause.or_:
            yield from literals(inner)
    elif isinstance(clause, types.ClauseEquals):
        yield clause.equals
    elif isinstance(clause, types.ClauseStartsWith) and clause.starts_with[-1].isalnum():
        if any(letter.isdigit() for letter in clause.starts_with) and not clause.starts_with.endswith("-2025"):
            yield clause.starts_with


def periods(model: types.ModelInfo, as_of: date) -> list[Period]:
    """The dated periods, each with its service tiers and, the one in force, with its windows."""
    conditional = model.prices if isinstance(model.prices, list) else [types.ConditionalPrice(prices=model.prices)]
    daily = [c for c in conditional if isinstance(c.constraint, types.TimeOfDateConstraint)]
    dated = sorted(((begin(c), c.prices) for c in conditional if c not in daily), key=lambda pair: pair[0])
    starts = {start for start, _ in dated}
    variants = tier_variants(model, [start for start, _ in dated])
    boundaries = sorted(starts | {start for _, start, _ in variants})
    # The library asks its windows last, so they win even before the prices they were published with. They belong to
    # the newest price in force.
    window_start = max((start for start in starts if start <= as_of), default=date.min)
    found = []
    for boundary in boundaries:
        standard = [prices for start, prices in dated if start <= boundary] or [dated[0][1]]
        period = Period(None if boundary == date.min else f"{boundary}T00:00:00Z", source="G")
        period.sets["standard"] = rate_set(standard[-1])
        for name, start, prices in variants:
            if start <= boundary:
                rates = period.sets.setdefault(name, {})
                known = {dimension for dimension, _ in rates}
                rates.update({key: rate for key, rate in rate_set(prices).items() if key[0] not in known})
        if daily and boundary >= window_start:
            period.windows = [
                Window(f"{c.constraint.start_time:%H:%M}", f"{c.constraint.end_time:%H:%M}", rate_set(c.prices))
                for c in daily
            ]
        found.append(period)
    return found


def begin(conditional: types.ConditionalPrice) -> date:
    return conditional.constraint.start_date if conditional.constraint else date.min


def tier_variants(model: types.ModelInfo, starts: list[date]) -> list[tuple[str, date, types.ModelPrice]]:
    """(rate set, start, prices), in the source's order of precedence.

    The first variant of a tier carries the day on which somebody looked it up, not the day it came into force: it holds
    from the beginning of the price period around that day.
    """
    variants = []
    for variant in model.price_variants or []:
        ((kind, word),) = variant.when.items()
        if kind in NO_PRICE_OF_OURS or word == "default":
            continue
        variants.append((word, variant.constraint.start_date if variant.constraint else date.min, variant.prices))
    first = {word: min(start for other, start, _ in variants if other == word) for word, _, _ in variants}
    return [
        (word, max((s for s in starts if s <= start), default=date.min) if start == first[word] else start, prices)
        for word, start, prices in variants
    ]


def rate_set(prices: types.ModelPrice) -> RateSet:
    rates: RateSet = {}
    for key, (dimension, per) in KEYS.items():
        value: Decimal | types.TieredPrices | None = getattr(prices, key)
        if isinstance(value, types.TieredPrices):
            rates[dimension, 0] = Rate(clean(value.base), per)
            rates.update({(dimension, tier.start + 1): Rate(clean(tier.price), per) for tier in value.tiers})
        elif value is not None:
            rates.setdefault((dimension, 0), Rate(clean(value), per))
    return rates
