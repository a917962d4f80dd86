"""Functions put in the place of methods of a client's classes, and taken out again without a trace."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Wrap = Callable[["Patch"], Callable[..., Any]]
    """Makes the function to put in place, of the patch that knows the original."""

_ABSENT: Any = object()


class Patch:
    """A method that was replaced."""

    __slots__ = ("_before", "_cls", "_function", "_name", "active", "original")

    def __init__(self, cls: type, name: str, wrap: Wrap) -> None:
        self.active = True
        self.original: Callable[..., Any] = getattr(cls, name)
        self._cls = cls
        self._name = name
        self._before = vars(cls).get(name, _ABSENT)  # absent: inherited
        self._function = wrap(self)

    def put(self) -> None:
        setattr(self._cls, self._name, self._function)

    def take(self) -> bool:
        """Whether it is out; where somebody else has patched over it, it stays in and sees nothing."""
        self.active = False
        if vars(self._cls).get(self._name) is not self._function:
            return False
        if self._before is _ABSENT:
            delattr(self._cls, self._name)
        else:
            setattr(self._cls, self._name, self._before)
        return True


class Patches:
    """The patches of a transport. All of a module's methods are found before the first one is replaced."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[type, str], Patch] = {}

    def put(self, methods: Sequence[tuple[type, str, Wrap]]) -> None:
        """Puts functions in the place of methods; those that are there already see again."""
        for patch in [Patch(*method) for method in methods if method[:2] not in self._known]:
            patch.put()
            self._known[patch._cls, patch._name] = patch
        for cls, name, _ in methods:
            self._known[cls, name].active = True

    def take(self) -> None:
        """Takes all of them out."""
        self._known = {key: patch for key, patch in self._known.items() if not patch.take()}
