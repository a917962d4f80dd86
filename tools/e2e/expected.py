"""What was recorded, as the file sink wrote it: the measure of what every server has to show."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path


@dataclass(frozen=True)
class Event:
    kind: str
    name: str
    model: str | None
    span_id: str
    parent_id: str | None
    trace_id: str | None
    usage: dict
    cost_usd: Decimal | None
    cost_text: str | None

    @property
    def cache_write(self) -> int | None:
        parts = [self.usage[name] for name in ("cache_write_5m", "cache_write_1h") if name in self.usage]
        return sum(parts) if parts else None


def read(path: Path) -> list[Event]:
    return [event(json.loads(line, parse_float=Decimal)) for line in path.read_text().splitlines()]


def event(line: dict) -> Event:
    cost = line["cost_usd"]
    return Event(
        kind=line["kind"],
        name=line["name"] or line["model"],
        model=line["model"],
        span_id=line["span_id"],
        parent_id=line["parent_id"],
        trace_id=line["trace_id"],
        usage=line["usage"] or {},
        cost_usd=None if cost is None else Decimal(cost),
        cost_text=None if cost is None else format(Decimal(cost).normalize(), "f"),
    )


def total(events: list[Event], dimension: str) -> int:
    return sum(event.usage.get(dimension, 0) for event in events)
