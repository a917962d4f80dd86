"""Taps httpx and httpx2, sync and async: ``Client.send`` and ``AsyncClient.send``, through which every request goes.

``send`` follows redirects and answers authentication challenges inside; these are refusals, not answers, so one
``send`` is one exchange. A request that never left (no connection, no free connection in the pool) is none. A
response that ``send`` has read is observed whole, otherwise its stream is observed while the program reads it. Where
a stream is asked for its usage, another request goes out in the place of the program's, which stays as it is.
"""

from __future__ import annotations

from functools import wraps
from typing import NamedTuple

from llmlab import _guard
from llmlab._lab import client
from llmlab._native import ObservedStream, begin_httpx, observe_httpx
from llmlab._scope import current, sending
from llmlab.transports._httpx_asking import ask
from llmlab.transports._outcome import break_off, tell
from llmlab.transports._patch import Patches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import ModuleType
    from typing import Any

    from llmlab._native import Exchange
    from llmlab.transports._patch import Patch

UNSENT = ("ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol")
"""The errors, by their names in the module, that are raised before anything is sent."""


_patches: dict[ModuleType, Patches] = {}


def tap(module: ModuleType) -> None:
    """Taps the client classes of a module."""
    unsent = tuple(getattr(module, name) for name in UNSENT)
    sync = _Shape(module, _observed_stream(module.SyncByteStream), unsent)
    asynchronous = _Shape(module, _observed_async_stream(module.AsyncByteStream), unsent)
    _patches.setdefault(module, Patches()).put(
        [
            (module.Client, "send", lambda patch: _send(patch, sync)),
            (module.AsyncClient, "send", lambda patch: _send_async(patch, asynchronous)),
        ]
    )


def untap(module: ModuleType) -> None:
    """Puts the classes back; where somebody else has patched over the tap, it stays in and sees nothing."""
    if module in _patches:
        _patches[module].take()


class _Shape(NamedTuple):
    """What a module calls its things, for one of its clients."""

    module: ModuleType
    stream: type
    unsent: tuple[type[BaseException], ...]


def _send(patch: Patch, shape: _Shape) -> Callable[..., Any]:
    original = patch.original

    @wraps(original)
    def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        outer = sending.get()
        if outer or not patch.active or (exchange := _begin(request)) is None:
            return original(self, request, *args, **kwargs)
        asked = ask(shape.module, exchange, self, request, kwargs) if exchange.may_ask else None
        mark = [True]
        sending.set(mark)
        try:
            if asked is None:
                response = original(self, request, *args, **kwargs)
            else:
                response = original(self, asked, *args, **{**kwargs, "stream": True})
        except BaseException as error:
            _fail(exchange, error, shape, self)
            raise
        finally:
            mark.clear()
            sending.set(outer)
        _observe(exchange, response, shape)
        if asked is not None and not kwargs.get("stream"):
            try:
                response.read()
            except BaseException:
                response.close()
                raise
        return response

    return send


def _send_async(patch: Patch, shape: _Shape) -> Callable[..., Any]:
    original = patch.original

    @wraps(original)
    async def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        outer = sending.get()
        if outer or not patch.active or (exchange := _begin(request)) is None:
            return await original(self, request, *args, **kwargs)
        asked = ask(shape.module, exchange, self, request, kwargs) if exchange.may_ask else None
        mark = [True]
        sending.set(mark)
        try:
            if asked is None:
                response = await original(self, request, *args, **kwargs)
            else:
                response = await original(self, asked, *args, **{**kwargs, "stream": True})
        except BaseException as error:
            _fail(exchange, error, shape, self)
            raise
        finally:
            mark.clear()
            sending.set(outer)
        _observe(exchange, response, shape)
        if asked is not None and not kwargs.get("stream"):
            try:
                await response.aread()
            except BaseException:
                await response.aclose()
                raise
        return response

    return send


def _begin(request: Any) -> Exchange | None:
    try:
        return begin_httpx(client(), request, current.get())
    except Exception as error:
        _guard.swallow("httpx request", error)
        return None


def _observe(exchange: Exchange, response: Any, shape: _Shape) -> None:
    try:
        tell(observe_httpx(exchange, response, shape.stream))
    except Exception as error:
        _guard.swallow("httpx response", error)


def _fail(exchange: Exchange, error: BaseException, shape: _Shape, http_client: Any) -> None:
    """Ends an exchange for which ``send`` raised."""
    try:
        if isinstance(error, shape.unsent) or (type(error) is RuntimeError and http_client.is_closed):
            exchange.unsent()
            return
        response = getattr(error, "response", None)
        if response is not None:
            # A hook of the program refused the response: it was answered all the same.
            body = response.content if response.is_stream_consumed else b""
            tell(exchange.answered(response.status_code, response.headers.raw, body))
        else:
            break_off(exchange, error)
    except Exception as fault:
        _guard.swallow("httpx error", fault)


def _observed_stream(base: type) -> type:
    """Streams whose chunks pass through a native iterator."""
    return type("ObservedStream", (ObservedStream, base), {})


def _observed_async_stream(base: type) -> type:
    class ObservedAsyncStream(base):  # type: ignore[misc]
        """The same for an async stream.

        Not native: an async generator took half as long as awaitables of our own, and event loops know how to end it.
        """

        def __init__(self, stream: Any, exchange: Exchange) -> None:
            self._stream = stream
            self._exchange = exchange

        async def __aiter__(self) -> AsyncIterator[bytes]:
            passed = self._exchange.passed
            chunks = self._stream.__aiter__()
            try:
                async for chunk in chunks:
                    yield passed(chunk)
                if rest := self._exchange.rest():
                    yield rest
            except BaseException as error:
                rest = self._exchange.rest()
                break_off(self._exchange, error)
                if rest and isinstance(error, Exception):
                    yield rest
                raise
            finally:
                if hasattr(chunks, "aclose"):
                    await chunks.aclose()
            tell(self._exchange.complete())

        async def aclose(self) -> None:
            try:
                await self._stream.aclose()
            finally:
                tell(self._exchange.closed())

        def __getattr__(self, name: str) -> Any:
            return getattr(self._stream, name)

    return ObservedAsyncStream
