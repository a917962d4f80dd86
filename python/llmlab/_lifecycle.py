"""The end of a client, and how its events fared."""

from __future__ import annotations

from llmlab import _guard, _native
from llmlab._holder import Holder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from llmlab._native import FlushReport


class Lifecycle(Holder):
    """The methods that wait for deliveries, and the one that tells about them."""

    __slots__ = ()

    def flush(self, timeout: float = 5.0) -> FlushReport:
        """Delivers what was recorded so far and waits for it.

        Call it at the end of a short-lived worker or a serverless request. Never raises; other threads run on
        meanwhile. A delivery that fails is tried again, with growing pauses. It returns early where nothing can happen
        before the time is over: where the next try comes later, or a sink refuses everything (a wrong key), or another
        process serves it.

        Args:
            timeout: seconds to wait at most.

        Returns:
            A report with ``delivered``, ``pending``, ``dropped`` (events) and ``last_error``, of the sink that is
            furthest behind. What is pending stays on disk and is delivered by the next process.

        >>> import llmlab
        >>> llmlab.flush().pending
        0

        """
        return self._finish("flush", self._client().flush, timeout)

    def shutdown(self, timeout: float = 5.0) -> FlushReport:
        """Does what `flush` does and ends the background thread; but a delivery that fails is not tried again.

        What is recorded afterwards is still kept on disk.

        Not needed at a normal exit of the interpreter, where it happens by itself, within the time that the option
        ``exit_flush`` gives.

        Args:
            timeout: seconds to wait at most.

        >>> import llmlab
        >>> report = llmlab.shutdown(timeout=1)

        """
        return self._finish("shutdown", self._end, timeout)

    def _finish(self, name: str, wait: Callable[[float], FlushReport], timeout: float) -> FlushReport:
        try:
            report = wait(timeout)
        except Exception as error:
            _guard.swallow(name, error)
            report = wait(0.0)
        if notices := self._client().take_notices():
            _guard.say(notices)
        return report

    def stats(self) -> dict[str, Any]:
        """Tells how the events of this process fared.

        Returns:
            Counters: ``recorded = delivered + spooled + in_memory + rolled_up + dropped`` events, of which the spooled
            ones survive the process, and those that are rolled up count in totals a day. They are those of the sink
            that is furthest behind; ``sinks`` has each sink's own, with its ``name``, ``state`` and ``last_error``.
            ``drop_reasons`` says why events were dropped; ``unpriced`` counts calls without a known cost; ``faults``
            are things that went wrong inside llmlab or were wrong in its arguments, and did not reach the program.

        >>> import llmlab
        >>> llmlab.stats()["dropped"]
        0

        """
        counters = self._client().stats()
        counters["faults"] = _guard.faults + _native.faults()
        return counters
