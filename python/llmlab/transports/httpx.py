"""Taps httpx and httpx2, sync and async: ``Client.send`` and ``AsyncClient.send``, through which every request goes.

``send`` follows redirects and answers authentication challenges inside; these are refusals, not answers, so one
``send`` is one exchange. A request that never left (no connection, no free connection in the pool) is none. A
response that ``send`` has read is observed whole, otherwise its stream is observed while the program reads it.
"""

from __future__ import annotations

from functools import wraps

from llmlab import _guard
from llmlab._lab import client
from llmlab._scope import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from types import ModuleType
    from typing import Any

    from llmlab._native import Exchange

UNSENT = ("ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol")
"""The errors, by their names in the module, that are raised before anything is sent."""


class _Tap:
    """What was put on a class, and what was there before."""

    __slots__ = ("active", "original", "send")

    def __init__(self, original: Callable[..., Any]) -> None:
        self.active = True
        self.original = original
        self.send: Callable[..., Any] = original


_taps: dict[type, _Tap] = {}


def tap(module: ModuleType) -> None:
    """Taps the client classes of a module."""
    unsent = tuple(getattr(module, name) for name in UNSENT)
    sync, stream = _Tap(module.Client.send), _observed_stream(module.SyncByteStream)
    sync.send = _send(sync, unsent, stream)
    asynchronous, stream = _Tap(module.AsyncClient.send), _observed_async_stream(module.AsyncByteStream)
    asynchronous.send = _send_async(asynchronous, unsent, stream)
    for cls, new in ((module.Client, sync), (module.AsyncClient, asynchronous)):
        known = _taps.setdefault(cls, new)
        known.active = True
        if known is new:
            cls.send = new.send


def untap(module: ModuleType) -> None:
    """Puts the classes back; where somebody else has patched over the tap, it stays in and sees nothing."""
    for cls in (module.Client, module.AsyncClient):
        known = _taps.get(cls)
        if known is None:
            continue
        known.active = False
        if cls.__dict__.get("send") is known.send:
            cls.send = known.original
            del _taps[cls]


def _send(tap: _Tap, unsent: tuple[type, ...], stream_class: type) -> Callable[..., Any]:
    original = tap.original

    @wraps(original)
    def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        exchange = _begin(request) if tap.active else None
        if exchange is None:
            return original(self, request, *args, **kwargs)
        try:
            response = original(self, request, *args, **kwargs)
        except BaseException as error:
            _fail(exchange, error, unsent, self)
            raise
        _observe(exchange, response, stream_class)
        return response

    return send


def _send_async(tap: _Tap, unsent: tuple[type, ...], stream_class: type) -> Callable[..., Any]:
    original = tap.original

    @wraps(original)
    async def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        exchange = _begin(request) if tap.active else None
        if exchange is None:
            return await original(self, request, *args, **kwargs)
        try:
            response = await original(self, request, *args, **kwargs)
        except BaseException as error:
            _fail(exchange, error, unsent, self)
            raise
        _observe(exchange, response, stream_class)
        return response

    return send


def _begin(request: Any) -> Exchange | None:
    try:
        try:
            body = request.content
        except Exception:
            body = b""  # an upload that is streamed
        return client().begin(request.method, str(request.url), body, request.headers.raw, current.get())
    except Exception as error:
        _guard.swallow("httpx request", error)
        return None


def _observe(exchange: Exchange, response: Any, stream_class: type) -> None:
    try:
        headers = response.headers.raw
        if response.is_stream_consumed:
            # httpx has decoded the content.
            if told := exchange.answered(response.status_code, headers, response.content):
                _guard.say(told)
        else:
            exchange.head(response.status_code, headers)
            response.stream = stream_class(response.stream, exchange)
    except Exception as error:
        _guard.swallow("httpx response", error)


def _fail(exchange: Exchange, error: BaseException, unsent: tuple[type, ...], http_client: Any) -> None:
    """Ends an exchange for which ``send`` raised."""
    try:
        if isinstance(error, unsent) or (type(error) is RuntimeError and http_client.is_closed):
            exchange.unsent()
            return
        response = getattr(error, "response", None)
        if response is not None:
            # A hook of the program refused the response: it was answered all the same.
            body = response.content if response.is_stream_consumed else b""
            _tell(exchange.answered(response.status_code, response.headers.raw, body))
            return
        _break_off(exchange, error)
    except Exception as fault:
        _guard.swallow("httpx error", fault)


def _break_off(exchange: Exchange, error: BaseException) -> None:
    if isinstance(error, GeneratorExit):
        _tell(exchange.closed())
    elif isinstance(error, Exception):
        _tell(exchange.lost(type(error).__name__))
    else:
        _tell(exchange.cancelled(type(error).__name__))


def _tell(notices: list[str]) -> None:
    if notices:
        _guard.say(notices)


def _observed_stream(base: type) -> type:
    class ObservedStream(base):  # type: ignore[misc]
        """A response's stream that shows its bytes to an exchange as they pass."""

        def __init__(self, stream: Any, exchange: Exchange) -> None:
            self._stream = stream
            self._exchange = exchange

        def __iter__(self) -> Iterator[bytes]:
            push = self._exchange.push
            try:
                for chunk in self._stream:
                    push(chunk)
                    yield chunk
            except BaseException as error:
                _break_off(self._exchange, error)
                raise
            _tell(self._exchange.complete())

        def close(self) -> None:
            try:
                self._stream.close()
            finally:
                _tell(self._exchange.closed())

        def __getattr__(self, name: str) -> Any:
            return getattr(self._stream, name)

    return ObservedStream


def _observed_async_stream(base: type) -> type:
    class ObservedAsyncStream(base):  # type: ignore[misc]
        """The same for an async stream."""

        def __init__(self, stream: Any, exchange: Exchange) -> None:
            self._stream = stream
            self._exchange = exchange

        async def __aiter__(self) -> AsyncIterator[bytes]:
            push = self._exchange.push
            chunks = self._stream.__aiter__()
            try:
                async for chunk in chunks:
                    push(chunk)
                    yield chunk
            except BaseException as error:
                _break_off(self._exchange, error)
                raise
            finally:
                if hasattr(chunks, "aclose"):
                    await chunks.aclose()
            _tell(self._exchange.complete())

        async def aclose(self) -> None:
            try:
                await self._stream.aclose()
            finally:
                _tell(self._exchange.closed())

        def __getattr__(self, name: str) -> Any:
            return getattr(self._stream, name)

    return ObservedAsyncStream
