"""Taps aiohttp, below its sessions: ``ClientRequest.send``, ``ClientResponse.start`` and what the response reads from.

There each hop of a request passes once, over a connection that is made: a request that never left is never seen, and
neither are mocks and recorders that answer in the place of a session. A redirect is no answer of a provider, so it is
no exchange. The parser of aiohttp decodes bodies, unless the session was told not to.

Nothing is marked as `sending`: aiohttp writes to a socket, and no other client is below it.
"""

from __future__ import annotations

import asyncio
from functools import wraps
from types import FunctionType

from llmlab import _guard
from llmlab._lab import client
from llmlab._scope import current, sending
from llmlab.transports._outcome import break_off, tell
from llmlab.transports._patch import Patches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import ModuleType
    from typing import Any

    from llmlab._native import Exchange
    from llmlab.transports._patch import Patch

OURS = "_llmlab_exchange"
"""The attribute of a response that holds the exchange until its head is here."""

TIMEOUTS = (TimeoutError, asyncio.TimeoutError)  # two classes before Python 3.11

READS = ("read", "readany", "readchunk", "readexactly", "readline", "readuntil")

_patches = Patches()


def tap(module: ModuleType) -> None:
    """Taps the request and response classes of a module."""
    reader = _observed_reader(module.StreamReader)
    _patches.put(
        [
            (module.ClientRequest, "send", _send),
            (module.ClientResponse, "start", lambda patch: _start(patch, reader)),
        ]
    )


def untap(module: ModuleType) -> None:
    """Puts the classes back; where somebody else has patched over the tap, it stays in and sees nothing."""
    _patches.take()


def _send(patch: Patch) -> Callable[..., Any]:
    original = patch.original

    @wraps(original)
    async def send(self: Any, *args: Any, **kwargs: Any) -> Any:
        exchange = _begin(self) if patch.active and not sending.get() else None
        if exchange is None:
            return await original(self, *args, **kwargs)
        try:
            response = await original(self, *args, **kwargs)
        except BaseException as error:
            break_off(exchange, error)
            raise
        response.__dict__[OURS] = exchange
        return response

    return send


def _start(patch: Patch, reader: Callable[[Any, Exchange], Any]) -> Callable[..., Any]:
    original = patch.original

    @wraps(original)
    async def start(self: Any, *args: Any, **kwargs: Any) -> Any:
        exchange = self.__dict__.pop(OURS, None)
        if exchange is None:
            return await original(self, *args, **kwargs)
        is_decoded = getattr(self._session, "auto_decompress", True)  # the session is forgotten once a body is here
        try:
            response = await original(self, *args, **kwargs)
        except BaseException as error:
            break_off(exchange, error)
            raise
        _observe(exchange, self, is_decoded, reader)
        return response

    return start


def _begin(request: Any) -> Exchange | None:
    try:
        headers = request.headers.items()
        return client().begin(request.method, str(request.url), _bytes_of(request.body), headers, current.get())
    except Exception as error:
        _guard.swallow("aiohttp request", error)
        return None


def _bytes_of(body: Any) -> bytes:
    """The body, if it is in memory: files and generators are aiohttp's to read."""
    body = getattr(body, "_value", body)  # of a `Payload`
    return bytes(body) if isinstance(body, (bytes, bytearray, memoryview)) else b""


def _observe(exchange: Exchange, response: Any, is_decoded: bool, reader: Callable[[Any, Exchange], Any]) -> None:
    try:
        if 300 <= response.status < 400:
            exchange.unsent()
            return
        headers = response.raw_headers
        if is_decoded:
            headers = [header for header in headers if header[0].lower() != b"content-encoding"]
        exchange.head(response.status, headers)
        response.content = reader(response.content, exchange)
    except Exception as error:
        _guard.swallow("aiohttp response", error)


def _observed_reader(base: type) -> Callable[[Any, Exchange], Any]:
    """A subclass of the stream reader that reads from another one and shows the bytes to an exchange.

    Its own state is never set, so that what asks for it gets that of the other one.
    """

    class ObservedReader(base):  # type: ignore[misc]
        __slots__ = ("_again", "_cancelled", "_exchange", "_inner")

        def __init__(self, inner: Any, exchange: Exchange) -> None:
            self._inner = inner
            self._exchange = exchange
            self._again = 0
            """How many bytes the program has put back: they pass twice."""
            self._cancelled = False

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        @property
        def total_bytes(self) -> Any:
            return self._inner.total_bytes  # in 3.8 an attribute of the class

        def __repr__(self) -> str:
            return repr(self._inner)

        def read_nowait(self, n: int = -1) -> Any:
            return self._seen(self._inner.read_nowait(n))

        def unread_data(self, data: Any) -> None:
            self._again += len(data)
            self._inner.unread_data(data)

        def set_exception(self, *args: Any, **kwargs: Any) -> None:
            """The response is closed or released; what happens to the connection, the inner reader is told."""
            self._inner.set_exception(*args, **kwargs)
            self._end()

        async def _pass(self, reading: Awaitable[Any]) -> Any:
            try:
                return self._seen(await reading)
            except asyncio.CancelledError:
                # A program may give up waiting for a piece, and ask again.
                self._cancelled = True
                raise
            except Exception as error:
                # Others are mistakes in the asking, after which one may ask again.
                if self._inner.exception() is not None or isinstance(error, TIMEOUTS):
                    break_off(self._exchange, error)
                raise

        def _seen(self, got: Any) -> Any:
            piece = got[0] if type(got) is tuple else got
            self._cancelled = False
            if self._again:
                known = min(self._again, len(piece))
                self._again -= known
                self._exchange.push(piece[known:])
            else:
                self._exchange.push(piece)
            if self._inner.at_eof():
                tell(self._exchange.complete())
            return got

        def _end(self) -> None:
            if self._inner.at_eof():
                tell(self._exchange.complete())
            elif self._cancelled:
                tell(self._exchange.cancelled("CancelledError"))
            else:
                tell(self._exchange.closed())

    for name in READS:
        setattr(ObservedReader, name, _passing(name))
    for name, member in vars(base).items():
        if (
            isinstance(member, FunctionType)
            and not name.startswith(("__", "iter_"))
            and name not in vars(ObservedReader)
        ):
            setattr(ObservedReader, name, _delegated(name))

    def observed(inner: Any, exchange: Exchange) -> Any:
        if inner.at_eof():
            tell(exchange.complete())
            return inner
        return ObservedReader(inner, exchange)

    return observed


def _passing(name: str) -> Callable[..., Any]:
    async def read(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await self._pass(getattr(self._inner, name)(*args, **kwargs))

    return read


def _delegated(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._inner, name)(*args, **kwargs)

    return method
