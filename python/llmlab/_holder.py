"""What all methods of `LLMLab` share: the native client, from its making to its end."""

from __future__ import annotations

from _thread import allocate_lock

from llmlab import _exit, _guard, _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from llmlab._callbacks import Callbacks
    from llmlab._native import Client, FlushReport

REPLACED_TIMEOUT_S = 0.25
"""How long a new configuration waits for what was recorded under the one before."""


class Holder:
    """Holds a native client; the global one makes it at the first use."""

    __slots__ = ("__weakref__", "_callbacks", "_held", "_lock", "_told")

    def __init__(self) -> None:
        self._held: Client | None = None
        self._callbacks: Callbacks | None = None
        self._told: dict[tuple[object, ...], Callable[[Client], None]] = {}
        self._lock = allocate_lock()

    def _client(self) -> Client:
        """The native client. Never fails: what cannot be used of the configuration is left out, with a warning."""
        return self._held or self._first()

    def _first(self) -> Client:
        with self._lock:
            if self._held is not None:
                return self._held
            made = self._held = _native.Client.lenient()
        _exit.watch(self)
        _introduce(made)
        return made

    def _hold(self, made: Client, callbacks: Callbacks | None) -> None:
        """Replaces the client; what was recorded with the one before is delivered."""
        for tell in list(self._told.values()):
            try:
                tell(made)
            except Exception as error:  # the new configuration may lack the model that a name leads to
                _guard.swallow("what was set before init", error)
        with self._lock:
            before, ending = self._held, self._callbacks
            self._held, self._callbacks = made, callbacks
        _exit.watch(self)
        _introduce(made)
        if before is not None:
            _end(before, ending, REPLACED_TIMEOUT_S)

    def _tell(self, topic: tuple[object, ...], tell: Callable[[Client], None]) -> None:
        """Tells the client something, and every later one: a program may set prices before it calls `init`."""
        tell(self._client())
        self._told.pop(topic, None)
        self._told[topic] = tell

    def _end(self, timeout: float) -> FlushReport:
        return _end(self._client(), self._callbacks, timeout)

    def _leave(self) -> None:
        """Ends the client because the interpreter exits."""
        if self._held is None:
            return
        if self._callbacks is not None:
            self._callbacks.close()
        self._held.exit_flush()
        if self._callbacks is not None:
            self._callbacks.join(_exit.JOIN_TIMEOUT_S)

    def _begin_anew(self) -> None:
        """In a forked child: the lock may have been held by a thread that does not exist there."""
        self._lock = allocate_lock()


def _introduce(made: Client) -> None:
    """Says what the user should know of a new client. Not under a lock: a log handler may need the client."""
    if made.problem is not None:
        _guard.reject("configuration", f"{made.problem}; the defaults are used until it is corrected")
    if notices := made.take_notices():
        _guard.say(notices)


def _end(client: Client, callbacks: Callbacks | None, timeout: float) -> FlushReport:
    if callbacks is None:
        return client.shutdown(timeout)
    from time import monotonic

    end = monotonic() + timeout
    callbacks.close()
    report = client.shutdown(timeout)
    callbacks.join(max(0.0, end - monotonic()))
    return report
