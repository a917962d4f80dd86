"""`track_cost`: says what a function's calls cost, and for whom they were made."""

from __future__ import annotations

from llmlab import _guard, _native
from llmlab._forms import within
from llmlab._holder import Holder
from llmlab._scope import labels_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar, overload

    from llmlab._native import Labels, Scope

    F = TypeVar("F", bound=Callable[..., Any])
else:
    from llmlab._overload import overload


NO_RESPONSES = frozenset({type(None), str, int, float, bool})
"""What a function mostly returns. Never the response of a provider, and seen at a glance."""


class CostTracker(Holder):
    """The method that decorates a function whose calls cost."""

    __slots__ = ()

    @overload
    def track_cost(self, function: F, /) -> F: ...
    @overload
    def track_cost(
        self,
        function: None = None,
        /,
        *,
        provider: str | None = None,
        model: str | None = None,
        feature: object = None,
        user: object = None,
        session: object = None,
        tags: Mapping[str, object] | None = None,
    ) -> Callable[[F], F]: ...
    def track_cost(
        self,
        function: Any = None,
        /,
        *,
        provider: str | None = None,
        model: str | None = None,
        feature: object = None,
        user: object = None,
        session: object = None,
        tags: Mapping[str, object] | None = None,
    ) -> Any:
        """Decorates a function: the calls made inside it carry these labels.

        Works with and without parentheses, on functions, coroutines, generators, async generators, methods, class
        methods and static methods; the function stays what it is. Never raises; what the function raises passes
        unchanged.

        Calls are seen by the tap of the HTTP client (`instrument`). Only where none was seen (a mock, gRPC, a client
        without a tap) is the function's result read: a provider's response as a dict, as an SDK's object, or a list of
        these; of a generator, the last items. A response without an id counts once for every time it is returned; for
        answers out of a cache of your own see ``track(record=False)``. Of nested decorated functions the innermost
        records.

        A generator belongs to the scope in which it is first advanced.

        Args:
            function: the function, where the decorator stands without parentheses.
            provider: whose response the function returns, if the response does not tell.
            model: the model, if the response does not tell.
            feature: the feature of the product.
            user: the user served.
            session: the session or conversation.
            tags: anything else.

        >>> import llmlab
        >>> @llmlab.track_cost(provider="openai", model="gpt-4")
        ... def ask(question):
        ...     return {"usage": {"prompt_tokens": 1000, "completion_tokens": 500}}
        >>> with llmlab.track() as t:
        ...     answer = ask("what does it cost?")
        >>> t.cost
        Decimal('0.06')

        """
        if function is not None:
            if callable(function) or isinstance(function, classmethod):
                return self.track_cost()(function)
            _guard.reject(
                "track_cost",
                f"labels are given by name, such as feature={_guard.shown(function)}; this one is left out",
            )
        if _native.is_disabled():
            return _unchanged
        purpose = _Cost(self, labels_of(feature, user, session, tags), provider, model)

        def decorate(function: F) -> F:
            try:
                return within(purpose, function)  # type: ignore[no-any-return]
            except Exception as error:
                _guard.swallow("track_cost", error)
                return function

        return decorate


def _unchanged(function: F) -> F:
    return function


class _Cost:
    """A scope for calls, and a reader of results where no call was seen."""

    __slots__ = ("_holder", "_labels", "_model", "_provider")

    def __init__(self, holder: Holder, labels: Labels, provider: str | None, model: str | None) -> None:
        self._holder = holder
        self._labels = labels
        self._provider = provider
        self._model = model

    def open(self, outside: Scope | None) -> Scope:
        holder = self._holder
        return (holder._held or holder._first()).scope(outside, self._labels)

    def returned(self, scope: Scope, results: list[Any]) -> None:
        for result in reversed(results):
            if type(result) in NO_RESPONSES:
                continue
            if not scope._untouched:
                return
            try:
                self._holder._client().record_response(result, self._provider, self._model, None, scope)
            except Exception as error:
                _guard.swallow("track_cost", error)

    def raised(self, scope: Scope, error: BaseException) -> None:
        pass
