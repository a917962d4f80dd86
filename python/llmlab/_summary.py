"""Questions asked of the ledger."""

from __future__ import annotations

from llmlab._errors import misasked
from llmlab._holder import Holder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from llmlab._native import Summary


class Asker(Holder):
    """The method that asks the ledger."""

    __slots__ = ()

    def summary(
        self,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        group_by: str | Iterable[str] = (),
        *,
        project: str | None = None,
        run_id: str | None = None,
    ) -> Summary:
        """What was spent, by all processes that share this ledger.

        What was recorded a moment ago is included, also by other processes. Other threads run on meanwhile.

        Args:
            since: from when on, inclusive. A ``datetime`` with a time zone, or RFC 3339 text.
            until: until when, exclusive.
            group_by: one or more of ``project``, ``provider``, ``model``, ``feature``, ``cost_state``, ``day``,
                ``hour``; also, slower, of ``user``, ``session``, ``run_id``, ``environment``, ``service``.
            project: one project only.
            run_id: one run of ``llmlab run`` only.

        Returns:
            ``totals`` and ``groups``. Totals have ``calls``, ``failed_attempts``, ``priced``, ``estimated``,
            ``unpriced``, ``cost_usd`` (``Decimal``; ``None`` where no call has a price), ``cost_state`` (``unpriced``:
            the cost is a lower bound) and ``usage``; a group has ``key`` and ``totals``. The highest cost comes first.
            ``detail_since`` is set where ``llmlab prune`` removed what the question needs: before that time, users,
            sessions, environments and services are ``None``, hours are counted whole, and a run lacks what began
            earlier.

        Raises:
            LlmlabError: where the ledger cannot be read (``storage``), as in a process forked from one that had it
                open: ask there, or start it with ``spawn``; or a time is none (``invalid_time``).

        >>> import llmlab
        >>> llmlab.track_call("openai", "gpt-4", 1000, 500)
        >>> report = llmlab.summary(group_by="model")
        >>> report.groups[0].key
        {'model': 'gpt-4'}

        """
        try:
            words = [group_by] if isinstance(group_by, str) else list(group_by)
            return self._client().summary(since, until, words, project, run_id)
        except Exception as error:
            raise misasked("summary", error) from None
