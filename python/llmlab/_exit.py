"""The exit of the interpreter, and forks: what has to be done for every client that lives then."""

from __future__ import annotations

import atexit
import os

from llmlab import _guard, _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from weakref import WeakSet

    from llmlab._holder import Holder

JOIN_TIMEOUT_S = 0.1
"""How long the exit waits for a function that takes events; what it has not taken by then stays on disk."""

_living: WeakSet[Holder] | None = None


def watch(holder: Holder) -> None:
    """Ends this holder's client when the interpreter exits, if it lives until then."""
    global _living
    if _living is None:
        from weakref import WeakSet

        _living = WeakSet()
        atexit.register(_leave)
    _living.add(holder)


def _leave() -> None:
    try:
        _native.Client.abandon_exchanges()
    except Exception as error:
        _guard.swallow("exit", error)
    for holder in list(_living or ()):
        try:
            holder._leave()
        except Exception as error:
            _guard.swallow("exit", error)


def _in_forked_child() -> None:
    for holder in list(_living or ()):
        holder._begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_forked_child)
