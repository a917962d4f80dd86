"""Taps, one file for each HTTP client. A tap observes a client; it understands no provider.

A transport has ``tap(module)`` and ``untap(module)``. Both may be called again at any time. It finds what it needs by
feature, and refuses a module of another shape with an error, which becomes one warning.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Protocol

    class Transport(Protocol):
        """A file of this package."""

        def tap(self, module: ModuleType) -> None:
            """Taps the classes of a client's module."""

        def untap(self, module: ModuleType) -> None:
            """Puts the classes back."""


TRANSPORTS = {"httpx": "httpx", "httpx2": "httpx", "urllib3": "urllib3", "aiohttp": "aiohttp"}
"""The module of a client, and the file here that taps it."""


def transport_of(name: str) -> Transport:
    """The transport of a client's module."""
    return import_module(f"llmlab.transports.{TRANSPORTS[name]}")
