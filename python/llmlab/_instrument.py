"""Taps HTTP clients: those that are imported now, and those that the program imports later. Imports none itself."""

from __future__ import annotations

import sys
from _thread import RLock

from llmlab import _guard, _native
from llmlab.transports import TRANSPORTS, transport_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_lock = RLock()


def instrument() -> None:
    """Taps the HTTP clients through which SDKs reach their providers.

    These are ``httpx`` and ``httpx2``, sync and async, ``urllib3`` (below ``requests`` and ``boto3``) and ``aiohttp``
    (below ``aiobotocore``).

    Clients that are imported later are tapped then; none is imported for it. The program receives what it would have
    received. A client of an unknown shape is left alone, with one warning. Doing it twice is doing it once. Never
    raises. `init` and ``llmlab run`` do it for you.

    >>> import llmlab
    >>> llmlab.instrument()

    """
    if _native.is_disabled():
        return
    with _lock:
        if _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)
        for name in TRANSPORTS:
            if (module := sys.modules.get(name)) is not None:
                _tap(name, module)


def uninstrument() -> None:
    """Takes the taps out again. Requests that are under way are still recorded. Never raises.

    >>> import llmlab
    >>> llmlab.uninstrument()

    """
    with _lock:
        if _finder in sys.meta_path:
            sys.meta_path.remove(_finder)
        for name in TRANSPORTS:
            if (module := sys.modules.get(name)) is not None:
                try:
                    transport_of(name).untap(module)
                except Exception as error:
                    _guard.swallow(f"uninstrument {name}", error)


def _tap(name: str, module: ModuleType) -> None:
    try:
        transport_of(name).tap(module)
    except Exception as error:
        _guard.swallow(f"instrument {name}", error)


class _Finder:
    """Finds nothing itself: lets the others find a client, and taps it once it is loaded."""

    def __init__(self) -> None:
        self._finding: set[str] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in TRANSPORTS or name in self._finding:
            return None
        self._finding.add(name)
        try:
            from importlib.util import find_spec

            spec = find_spec(name)
            if spec is not None and spec.loader is not None:
                _tap_after(name, spec.loader)
            return spec
        except ValueError:
            return None
        except Exception as error:
            _guard.swallow(f"instrument {name}", error)
            return None
        finally:
            self._finding.discard(name)


def _tap_after(name: str, loader: object) -> None:
    """Has the loader tap the module after loading it. The loader stays the same object: others look at its type."""
    load = loader.exec_module  # type: ignore[attr-defined]

    def exec_module(module: ModuleType) -> None:
        del loader.exec_module  # type: ignore[attr-defined]
        load(module)
        with _lock:
            if _finder in sys.meta_path and module.__name__ == name:  # a loader may be that of many modules
                _tap(name, module)

    loader.exec_module = exec_module  # type: ignore[attr-defined]


_finder = _Finder()
