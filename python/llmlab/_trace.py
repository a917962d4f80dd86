"""`trace`: makes a function a step of a trace."""

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


class Tracer(Holder):
    """The method that makes a function a step."""

    __slots__ = ()

    @overload
    def trace(self, name: F, /) -> F: ...
    @overload
    def trace(
        self, name: str | None = None, tags: Mapping[str, object] | None = None, kind: str = "function"
    ) -> Callable[[F], F]: ...
    def trace(self, name: Any = None, tags: Mapping[str, object] | None = None, kind: str = "function") -> Any:
        """Decorates a function: each run is a step, and the calls and steps inside are its children.

        Works with and without parentheses, on all that `track_cost` works on. The outermost step begins a trace. Never
        raises; what the function raises passes unchanged.

        Args:
            name: the name of the step; the function's own if not given.
            tags: tags of the step and of what is inside.
            kind: ``agent``, ``tool``, ``function``, or a word of your own.

        >>> import llmlab
        >>> @llmlab.trace(kind="agent")
        ... def plan(goal):
        ...     llmlab.track_call("anthropic", "claude-sonnet-4-6", 1200, 80)
        ...     return ["search", "answer"]
        >>> plan("dinner")
        ['search', 'answer']

        """
        if callable(name) or isinstance(name, classmethod):  # not callable, and no name either
            return self.trace()(name)
        if _native.is_disabled():
            return lambda function: function
        labels = labels_of(None, None, None, tags)

        def decorate(function: F) -> F:
            try:
                own = name if name is not None else getattr(function, "__qualname__", type(function).__qualname__)
                return within(_Step(self, labels, _text(own), _text(kind)), function)  # type: ignore[no-any-return]
            except Exception as error:
                _guard.swallow("trace", error)
                return function

        return decorate


def _text(value: object) -> str:
    # Half a character has no form outside of Python.
    return str(value).encode("utf-8", "replace").decode()


class _Step:
    """A scope that is recorded as a step when it ends."""

    __slots__ = ("_holder", "_kind", "_labels", "_name")

    def __init__(self, holder: Holder, labels: Labels, name: str, kind: str) -> None:
        self._holder = holder
        self._labels = labels
        self._name = name
        self._kind = kind

    def open(self, outside: Scope | None) -> Scope:
        return self._holder._client().step(outside, self._labels, self._name, self._kind)

    def returned(self, scope: Scope, results: list[Any]) -> None:
        self._end(scope, None, False)

    def raised(self, scope: Scope, error: BaseException) -> None:
        self._end(scope, type(error).__name__, not isinstance(error, Exception))

    def _end(self, scope: Scope, error_type: str | None, cancelled: bool) -> None:
        try:
            if notices := self._holder._client().end_step(scope, error_type, cancelled):
                _guard.say(notices)
        except Exception as error:
            _guard.swallow("trace", error)
