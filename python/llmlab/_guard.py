"""Nothing that goes wrong in llmlab reaches the host: it is counted, and said once through ``logging``.

With ``LLMLAB_DEBUG`` set, faults are raised instead, for those who work on llmlab.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_SHOWN_CHARS = 80
MAX_TOPICS = 1_000

faults = 0
"""How many faults of llmlab, and how many wrong arguments, were swallowed."""

_said: set[str] = set()


def told(error: BaseException) -> str:
    """What an error says, if it can: those of the program may refuse even that."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__


def shown(value: object) -> str:
    """What a message shows of a value."""
    try:
        text = repr(value)
    except Exception:
        return "something without a repr"
    return text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}…"


def swallow(where: str, error: BaseException) -> None:
    """Counts an error of our own and says it once for each place."""
    global faults
    faults += 1
    if os.environ.get("LLMLAB_DEBUG"):
        raise error
    warn_once(where, f"{where} failed inside llmlab and was skipped: {told(error)}")


def reject(where: str, message: str) -> None:
    """Counts a wrong argument where no error may be raised, and says it once for each place."""
    global faults
    faults += 1
    warn_once(where, f"{where}: {message}")


def warn_once(topic: str, message: str) -> None:
    """Says a thing unless its topic was spoken of before."""
    if topic not in _said and len(_said) < MAX_TOPICS:
        _said.add(topic)
        say((message,))


def say(notices: Iterable[str]) -> None:
    """Says what the user should know, as warnings of the logger ``llmlab``, in whatever way the host logs."""
    global faults
    try:
        import logging

        logger = logging.getLogger("llmlab")
        if not logger.handlers:
            # Without a handler anywhere, logging would print on the host's standard error.
            logger.addHandler(logging.NullHandler())
        for notice in notices:
            logger.warning("%s", notice)
    except Exception:  # a handler of the host that raises, or an interpreter that is going down
        faults += 1
