"""What surrounds a call: the scope of the running code, kept in a context variable."""

from __future__ import annotations

from contextvars import ContextVar

from llmlab import _guard
from llmlab._holder import Holder
from llmlab._native import Labels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmlab._native import Scope


current: ContextVar[Scope | None] = ContextVar("llmlab_scope", default=None)
"""The innermost open scope. Tasks inherit it; a new thread begins without one, unless the host hands it its context
(`asyncio.to_thread` does, ``contextvars.copy_context().run`` does it by hand).

It is put back by value, never by token: a token refuses to be used in another context, and where a framework finishes a
generator or a coroutine in another one, the refusal would reach the host.
"""

sending: ContextVar[list[bool] | None] = ContextVar("llmlab_sending", default=None)
"""Whether a tap has a physical request in its hands: it is counted by that tap, whatever it travels through (httpx over
aiohttp, a transport of the program's own that has a client inside). A tap that finds something true here begins
nothing; one that begins an exchange sets ``mark = [True]`` around its send, clears the mark, and puts back what was
there, by value.

The mark is a list because tasks and callbacks that are made during a send inherit the variable and may outlive it by
days: cleared, it is false for them as well.
"""


def labels_of(feature: object, user: object, session: object, tags: Mapping[str, object] | None) -> Labels:
    """Labels of what the host gave; of nothing if it cannot be used."""
    try:
        return Labels(feature, user, session, tags)
    except Exception as error:
        _guard.reject("labels", f"tags must be a mapping, and labels must have a text form: {_guard.told(error)}")
        return Labels()


def _is_wanted(record: object) -> bool:
    try:
        return bool(record)
    except Exception as error:
        _guard.reject("track", f"record must be true or false: {_guard.told(error)}")
        return True


class Scoper(Holder):
    """The method that opens a scope."""

    __slots__ = ()

    def track(
        self,
        *,
        feature: object = None,
        user: object = None,
        session: object = None,
        tags: Mapping[str, object] | None = None,
        record: bool = True,
    ) -> Block:
        """Attributes the calls made inside a ``with`` or ``async with`` block, and tells what they cost.

        Labels that are not given are those of the surrounding scope; of two tags with the same key the inner one holds.
        The value of the block has ``cost`` (``Decimal`` US dollars so far; ``None`` if the cost of a call is not
        known), ``calls`` and ``unpriced``. It may be read at any time, also after the block. Never raises. Use a new
        one for every block.

        Tasks and `asyncio.to_thread` take the scope along. A plain thread and a pool of threads do not: hand them
        ``contextvars.copy_context().run`` and the function.

        Args:
            feature: the feature of the product.
            user: the user served. Text, or anything with a text form, such as a number or a UUID; also for the others.
            session: the session or conversation.
            tags: anything else.
            record: ``False`` where a response comes out of a cache of your own: what decorated functions around this
                block return is then not taken for a new response. Requests to a provider are recorded all the same.

        >>> import llmlab
        >>> with llmlab.track(feature="search", user=42) as t:
        ...     llmlab.track_call("openai", "gpt-4", 1000, 500)
        >>> t.cost, t.calls
        (Decimal('0.06'), 1)

        """
        return Block(self, labels_of(feature, user, session, tags), _is_wanted(record))


class Block:
    """A ``with`` or ``async with`` block that is a scope."""

    __slots__ = ("_holder", "_labels", "_outside", "_record")

    def __init__(self, holder: Holder, labels: Labels, record: bool) -> None:
        self._holder = holder
        self._labels = labels
        self._record = record
        self._outside: Scope | None = None

    def __enter__(self) -> Scope:
        self._outside = current.get()
        scope = self._holder._client().scope(self._outside, self._labels)
        if not self._record:
            scope._settle()
        current.set(scope)
        return scope

    def __exit__(self, *raised: object) -> None:
        current.set(self._outside)

    async def __aenter__(self) -> Scope:
        return self.__enter__()

    async def __aexit__(self, *raised: object) -> None:
        current.set(self._outside)
