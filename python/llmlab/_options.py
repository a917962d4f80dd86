"""The options of a client: what Python adds to the core's reading of them."""

from __future__ import annotations

import os

from llmlab import _guard
from llmlab._errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    Event = dict[str, Any]
    Callback = Callable[[list[Event]], object]
    Sink = str | Mapping[str, object] | Callback | tuple[str, Callback]

TEXTS = ("api_key", "project", "environment", "service", "prices", "providers")
PATHS = ("prices", "providers")
PAIRS = ("tags", "models", "hosts")


def read(options: dict[str, Any]) -> tuple[str, dict[str, Callback]]:
    """The options in JSON, and the functions among the sinks by their names."""
    from json import dumps

    given: dict[str, str] = {}
    callbacks: dict[str, Callback] = {}
    for name, value in options.items():
        if value is None:
            continue
        try:
            given[name] = dumps(_read(name, value, callbacks), allow_nan=False, default=_plain)
        except ConfigError:
            raise
        except Exception as error:
            raise ConfigError(f"{name} cannot be read: {_guard.told(error)}", "invalid_config") from None
    return "{" + ",".join(f"{dumps(name)}:{value}" for name, value in given.items()) + "}", callbacks


def _read(name: str, value: Any, callbacks: dict[str, Callback]) -> object:
    if name in TEXTS:
        return _text(name, value)
    if name in PAIRS:
        return {_text(name, key): _text(name, item) for key, item in _pairs(name, value)}
    if name == "backend" and hasattr(value, "items"):
        return dict(value)
    if name == "sinks":
        return _named(value, callbacks)
    return _plain_or_text(value)


def _named(sinks: Any, callbacks: dict[str, Callback]) -> object:
    """The sinks with names in the places of functions."""
    if not isinstance(sinks, (list, tuple)):
        return _plain_or_text(sinks)
    named: list[object] = []
    for sink in sinks:
        name, function = sink if isinstance(sink, tuple) and len(sink) == 2 else (None, sink)
        if not callable(function):
            named.append(dict(sink) if hasattr(sink, "items") else _plain_or_text(sink))
            continue
        if name is None:
            name = getattr(function, "__qualname__", type(function).__qualname__)
        name = _text("the name of a callback in sinks", name)
        if name in callbacks:
            raise ConfigError(
                f'sinks has two functions named {name!r}; tell them apart by ("a name", function)', "invalid_config"
            )
        callbacks[name] = function
        named.append({"type": "callback", "name": name})
    return named


def _plain_or_text(value: object) -> object:
    """What the core refuses in its own words, or the value's text for it to show."""
    return value if isinstance(value, (str, int, float, type(None))) else _guard.shown(value)


def _plain(value: object) -> object:
    if isinstance(value, os.PathLike):
        return os.fsdecode(os.fspath(value))
    raise TypeError(f"{_guard.shown(value)} has no form in JSON")


def _text(name: str, value: object) -> str:
    # Checked here, because JSON would make texts of keys that are none, and refuse other things by their type alone.
    if isinstance(value, os.PathLike) and name in PATHS:
        value = os.fspath(value)
    if not isinstance(value, str):
        if name == "api_key":
            raise ConfigError("api_key must be a string", "invalid_config")  # it is not shown, whatever it is
        wanted = "an object of strings" if name in PAIRS else "a string"
        raise ConfigError(f"{name} must be {wanted}, got {_guard.shown(value)}", "invalid_config")
    return value


def _pairs(name: str, value: Any) -> Iterable[tuple[object, object]]:
    if not hasattr(value, "items"):
        raise ConfigError(f"{name} must be an object of strings, got {_guard.shown(value)}", "invalid_config")
    return value.items()  # type: ignore[no-any-return]
