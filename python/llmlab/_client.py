"""The global client: made at the first use, replaced by ``init`` and in a forked child, closed at exit."""

from __future__ import annotations

import atexit
import os
from _thread import allocate_lock

from llmlab import _guard, _native
from llmlab._errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from llmlab._native import Client, FlushReport

EXIT_TIMEOUT_S = 0.25

_current: Client | None = None
_lock = allocate_lock()


def client() -> Client:
    """The global client. Never fails: what cannot be used of the configuration is left out, with a warning."""
    return _current or _first()


def _first() -> Client:
    with _lock:
        if _current is not None:
            return _current
        made = _native.Client.lenient()
        _replace(made)
    _introduce(made)
    return made


def _replace(made: Client) -> None:
    global _current
    if _current is None:
        atexit.register(_at_exit)
    _current = made


def _introduce(made: Client) -> None:
    """Says what the user should know of a new client. Not under the lock: a log handler may need the client."""
    if made.problem is not None:
        _guard.reject("configuration", f"{made.problem}; the defaults are used until it is corrected")
    if notices := made.take_notices():
        _guard.say(notices)


def init(
    api_key: str | None = None,
    project: str | None = None,
    *,
    environment: str | None = None,
    service: str | None = None,
    tags: Mapping[str, str] | None = None,
    prices: str | os.PathLike[str] | None = None,
) -> None:
    """Starts llmlab: sets what is given here, and taps the HTTP clients that the program uses.

    Everything is optional. What is not given comes from the environment (``LLMLAB_API_KEY``, ``LLMLAB_PROJECT``,
    ``LLMLAB_ENVIRONMENT``, ``LLMLAB_SERVICE``, ``LLMLAB_TAGS`` as ``key=value,key=value``, ``LLMLAB_PRICES``), then
    from ``config.json`` in ``LLMLAB_HOME`` (default ``~/.llmlab``), then from the defaults. A second ``init`` replaces
    the first; what was recorded before is delivered. With ``LLMLAB_DISABLED=1`` nothing happens, here and everywhere.

    Starts no thread and opens no socket; files are written from the first recorded call on.

    Args:
        api_key: the key of a backend. It is never written to disk.
        project: the project that pays; ``default`` if not given.
        environment: such as ``production``.
        service: the name of the application.
        tags: tags of every event.
        prices: a file of prices that go before the built-in ones.

    Raises:
        ConfigError: naming the option, its value and what would do.

    >>> import llmlab
    >>> llmlab.init(project="shop", environment="test", tags={"team": "search"})

    """
    texts = {
        "api_key": api_key,
        "project": project,
        "environment": environment,
        "service": service,
        "prices": os.fspath(prices) if isinstance(prices, os.PathLike) else prices,
    }
    options: dict[str, object] = {name: _text(name, text) for name, text in texts.items() if text is not None}
    if tags is not None:
        options["tags"] = {_text("tags", key): _text("tags", tag) for key, tag in _pairs(tags)}
    from json import dumps

    made = _native.Client(dumps(options))
    with _lock:
        before = _current
        _replace(made)
    _introduce(made)
    if before is not None:
        before.shutdown(EXIT_TIMEOUT_S)
    from llmlab._instrument import instrument

    instrument()


def _text(name: str, value: object) -> str:
    # Checked here, because JSON would make texts of keys that are none, and refuse other things by their type alone.
    if not isinstance(value, str):
        wanted = "an object of strings" if name == "tags" else "a string"
        raise ConfigError(f"{name} must be {wanted}, got {value!r}", "invalid_config")
    return value


def _pairs(tags: object) -> Iterable[tuple[object, object]]:
    if not hasattr(tags, "items"):
        raise ConfigError(f"tags must be an object of strings, got {tags!r}", "invalid_config")
    return tags.items()  # type: ignore[no-any-return]


def flush(timeout: float = 5.0) -> FlushReport:
    """Delivers what was recorded so far and waits for it.

    Call it at the end of a short-lived worker or a serverless request. Never raises; other threads run on meanwhile.

    Args:
        timeout: seconds to wait at most.

    Returns:
        A report with ``delivered``, ``pending``, ``dropped`` (events) and ``last_error``. What is pending stays on disk
        and is delivered by the next process.

    >>> import llmlab
    >>> llmlab.flush().pending
    0

    """
    return _finish("flush", client().flush, timeout)


def shutdown(timeout: float = 5.0) -> FlushReport:
    """Does what `flush` does and ends the background thread. What is recorded afterwards is still kept on disk.

    Not needed at a normal exit of the interpreter, where it happens by itself and takes 250 ms at most.

    Args:
        timeout: seconds to wait at most.

    >>> import llmlab
    >>> report = llmlab.shutdown(timeout=1)

    """
    return _finish("shutdown", client().shutdown, timeout)


def _finish(name: str, wait: Callable[[float], FlushReport], timeout: float) -> FlushReport:
    try:
        report = wait(timeout)
    except Exception as error:
        _guard.swallow(name, error)
        report = wait(0.0)
    if notices := client().take_notices():
        _guard.say(notices)
    return report


def stats() -> dict[str, int]:
    """Tells how the events of this process fared.

    Returns:
        Counters: ``recorded = delivered + spooled + in_memory + dropped`` events, of which the spooled ones survive
        the process; ``unpriced`` calls without a known cost; and ``faults``, things that went wrong inside llmlab or
        were wrong in its arguments, and did not reach the program.

    >>> import llmlab
    >>> llmlab.stats()["dropped"]
    0

    """
    counters = client().stats()
    counters["faults"] = _guard.faults + _native.faults()
    return counters


def _at_exit() -> None:
    try:
        if _current is not None:
            _native.Client.abandon_exchanges()
            _current.shutdown(EXIT_TIMEOUT_S)
    except Exception as error:
        _guard.swallow("exit", error)


def _in_forked_child() -> None:
    global _current, _lock
    _lock = allocate_lock()
    if _current is not None:
        # The parent's client owns a thread that does not exist here, and locks that may be held for ever.
        _current = _current.for_forked_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_forked_child)
