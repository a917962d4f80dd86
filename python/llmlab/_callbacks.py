"""The threads on which functions of the program take batches of events: one for each function, and never llmlab's own.

They begin with the first record of a process, end with the client, and are daemons: a function that hangs does not keep
the program from ending.
"""

from __future__ import annotations

from llmlab import _guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from threading import Thread

    from llmlab._native import Client, HandedBatch
    from llmlab._options import Callback, Event

WAIT_S = 3600.0
"""How long a thread sleeps at most where nothing happens; it is woken by batches and by the end of the client."""


class Callbacks:
    """The functions among the sinks of a client."""

    __slots__ = ("_client", "_closing", "_functions", "_threads")

    def __init__(self, functions: dict[str, Callback]) -> None:
        self._functions = functions
        self._client: Client | None = None
        self._threads: list[Thread] = []
        self._closing = False

    def serve(self, client: Client) -> None:
        """Whose batches they take."""
        self._client = client

    def start(self) -> None:
        """Starts the threads; called after the first record of a process, so once more in a forked child."""
        try:
            from threading import Thread

            if self._client is None or self._closing:
                return
            self._threads = [
                Thread(target=self._run, args=(self._client, name, function), name=f"llmlab {name}", daemon=True)
                for name, function in self._functions.items()
            ]
            for thread in self._threads:
                thread.start()
        except Exception as error:  # an interpreter that is going down starts no threads
            _guard.swallow("callback sink", error)

    def close(self) -> None:
        """Lets the threads end once there is nothing left to take."""
        self._closing = True

    def join(self, timeout: float) -> None:
        """Waits for the threads, but not for one that is waiting here itself."""
        from threading import current_thread
        from time import monotonic

        end = monotonic() + timeout
        for thread in self._threads:
            if thread is not current_thread():
                thread.join(max(0.0, end - monotonic()))

    def _run(self, client: Client, name: str, function: Callback) -> None:
        try:
            while True:
                handed = client.next_batch(name, WAIT_S)
                if handed is not None:
                    client.settle_batch(handed.ticket, _taken(function, handed))
                elif self._closing:
                    return
        except Exception as error:
            _guard.swallow("callback sink", error)


def _taken(function: Callback, handed: HandedBatch) -> str | None:
    """What the function raised, if it did: it is given the batch again, later."""
    try:
        function(events_of(handed.events))
    except BaseException as error:
        return _guard.told(error)
    return None


def events_of(text: str) -> list[Event]:
    """The events of a JSON array, with amounts as decimals."""
    from decimal import Decimal
    from json import loads

    events: list[Event] = loads(text, parse_float=Decimal)
    for event in events:
        for name in ("cost_usd", "provider_cost_usd"):
            if event.get(name) is not None:
                event[name] = Decimal(event[name])
        for name in ("latency_ms", "first_event_ms"):
            if event.get(name) is not None:
                event[name] = float(event[name])
    return events
