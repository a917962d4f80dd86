"""Runs a function of any form (plain, coroutine, generator, async generator, method) within a scope.

The form is kept, because frameworks ask for it. A generator's scope is open only while the generator runs, never while
its consumer does.
"""

from __future__ import annotations

from types import CoroutineType

from llmlab import _guard
from llmlab._scope import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
    from typing import Any, Protocol

    from llmlab._native import Scope

    class Purpose(Protocol):
        """What a scope is opened for. No method raises."""

        def open(self, outside: Scope | None) -> Scope:
            """Opens the scope."""

        def returned(self, scope: Scope, results: list[Any]) -> None:
            """The function ended; the results are what it returned, or the last things it yielded."""

        def raised(self, scope: Scope, error: BaseException) -> None:
            """The function raised."""


GENERATOR, COROUTINE, ASYNC_GENERATOR = 0x20, 0x80 | 0x100, 0x200
REMEMBERED_ITEMS = 3


def within(purpose: Purpose, function: Callable[..., Any]) -> Any:
    """The function, run within a scope that is opened for a purpose."""
    if isinstance(function, (classmethod, staticmethod)):
        return type(function)(within(purpose, function.__func__))
    if not callable(function) or isinstance(function, type):  # a class would be none any more
        raise TypeError(f"it decorates functions, not {_guard.shown(function)}")
    from functools import wraps

    flags = _flags_of(function)
    if flags & ASYNC_GENERATOR:
        form = _async_generator
    elif flags & COROUTINE:
        form = _coroutine
    elif flags & GENERATOR:
        form = _generator
    else:
        form = _plain
    return wraps(function)(form(purpose, function))


def _flags_of(function: Any) -> int:
    while hasattr(function, "func") and not hasattr(function, "__code__"):  # functools.partial
        function = function.func
    if not hasattr(function, "__code__") and not hasattr(function, "__func__"):
        function = getattr(type(function), "__call__", function)
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return getattr(code, "co_flags", 0)


def _plain(purpose: Purpose, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        outside = current.get()
        scope = purpose.open(outside)
        current.set(scope)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            purpose.raised(scope, error)
            raise
        finally:
            current.set(outside)
        if type(result) is CoroutineType:
            # The call is made when the caller awaits it.
            return _awaited(purpose, scope, result)
        purpose.returned(scope, [result])
        return result

    return call


def _coroutine(purpose: Purpose, function: Callable[..., Any]) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        coroutine = function(*args, **kwargs)
        return await _awaited(purpose, purpose.open(current.get()), coroutine)

    return call


async def _awaited(purpose: Purpose, scope: Scope, coroutine: Coroutine[Any, Any, Any]) -> Any:
    outside = current.get()
    current.set(scope)
    try:
        result = await coroutine
    except BaseException as error:
        purpose.raised(scope, error)
        raise
    finally:
        current.set(outside)
    purpose.returned(scope, [result])
    return result


def _generator(purpose: Purpose, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        generator = function(*args, **kwargs)
        scope = purpose.open(current.get())
        send, throw, close = (_inside(scope, step) for step in (generator.send, generator.throw, generator.close))
        results: list[Any] = []
        step, given = send, None
        try:
            while True:
                try:
                    item = step(given)
                except StopIteration as stop:
                    results.append(stop.value)
                    break
                _remember(results, item)
                try:
                    given = yield item
                    step = send
                except GeneratorExit:
                    close()
                    raise
                except BaseException as error:
                    step, given = throw, error
        except GeneratorExit:
            purpose.returned(scope, results)
            raise
        except BaseException as error:
            purpose.raised(scope, error)
            raise
        purpose.returned(scope, results)
        return results[-1]

    return call


def _async_generator(purpose: Purpose, function: Callable[..., Any]) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        generator = function(*args, **kwargs)
        scope = purpose.open(current.get())
        steps = (generator.asend, generator.athrow, generator.aclose)
        send, throw, close = (_inside_async(scope, step) for step in steps)
        results: list[Any] = []
        step, given = send, None
        try:
            while True:
                try:
                    item = await step(given)
                except StopAsyncIteration:
                    break
                _remember(results, item)
                try:
                    given = yield item
                    step = send
                except GeneratorExit:
                    await close()
                    raise
                except BaseException as error:
                    step, given = throw, error
        except GeneratorExit:
            purpose.returned(scope, results)
            raise
        except BaseException as error:
            purpose.raised(scope, error)
            raise
        purpose.returned(scope, results)

    return call


def _remember(results: list[Any], item: Any) -> None:
    results.append(item)
    if len(results) > REMEMBERED_ITEMS:
        del results[0]


def _inside(scope: Scope, step: Callable[..., Any]) -> Callable[..., Any]:
    """One step of a generator, run within the scope and left with it."""

    def run(*value: Any) -> Any:
        outside = current.get()
        current.set(scope)
        try:
            return step(*value)
        finally:
            current.set(outside)

    return run


def _inside_async(scope: Scope, step: Callable[..., Any]) -> Callable[..., Any]:
    async def run(*value: Any) -> Any:
        outside = current.get()
        current.set(scope)
        try:
            return await step(*value)
        finally:
            current.set(outside)

    return run
