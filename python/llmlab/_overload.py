"""`typing.overload` for a program that runs: importing typing takes longer than all of llmlab."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def overload(function: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a signature for type checkers, and does nothing."""
    return function
