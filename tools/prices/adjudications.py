"""The decisions of people where the sources disagree, from adjudications.toml."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

import tomllib

FILE = Path(__file__).with_name("adjudications.toml")
WINNERS = {"litellm", "genai", "value", "drop"}


@dataclass
class Rule:
    """Who is right about some dimensions of some models. `*` is every dimension, the history included."""

    provider: str
    models: list[str]
    dimensions: list[str]
    winner: str
    reason: str
    link: str = ""
    value: dict[str, dict[str, str]] = field(default_factory=dict)
    expires: date | None = None
    used: bool = False

    def covers(self, provider: str, model: str) -> bool:
        hit = provider == self.provider and any(fnmatchcase(model.lower(), glob) for glob in self.models)
        self.used |= hit
        return hit


def read(as_of: date) -> list[Rule]:
    rules = [Rule(**row) for row in tomllib.loads(FILE.read_text())["rule"]]
    for rule in rules:
        if rule.winner not in WINNERS:
            raise SystemExit(f"winner of {rule.models} must be one of {sorted(WINNERS)}, got {rule.winner}")
        if rule.expires and rule.expires < as_of:
            raise SystemExit(f"the adjudication of {rule.models} expired on {rule.expires}: look at its page again")
    return rules
