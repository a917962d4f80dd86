"""Taps urllib3, and through it requests and botocore: ``HTTPConnection``, which every try of a request passes once.

Below the pool, so that each retry of urllib3 is an exchange of its own, and below recorders: what VCR.py plays back
never comes here, what it records does. A redirect is no answer of a provider, so it is no exchange.

A response that urllib3 reads at once is observed whole. Else the object from which it reads (of the standard library's
``http.client``) is replaced by one that shows the bytes: compressed as they came, and only when the program reads them.
"""

from __future__ import annotations

from functools import wraps

from llmlab import _guard
from llmlab._lab import client
from llmlab._scope import current, sending
from llmlab.transports._outcome import break_off, tell
from llmlab.transports._patch import Patches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from llmlab._native import Exchange
    from llmlab.transports._patch import Patch

UNSENT = ("NewConnectionError", "ConnectTimeoutError")
"""The errors of ``urllib3.exceptions`` that are raised before anything is sent. A TLS connection and a tunnel are made
before the request is: nothing begins where they fail."""

OURS = "_llmlab_exchange"
"""The attribute of a connection that holds the exchange between the request and the head of the response."""

_patches = Patches()


def tap(module: ModuleType) -> None:
    """Taps the connection classes of a module."""
    connection, response = module.connection.HTTPConnection, module.response.HTTPResponse
    unsent = tuple(getattr(module.exceptions, name) for name in UNSENT)
    methods = [
        (connection, "request", lambda patch: _request(patch, unsent)),
        (connection, "getresponse", lambda patch: _getresponse(patch, response)),
    ]
    if hasattr(connection, "request_chunked"):  # it goes its own way in 1.26
        methods.append((connection, "request_chunked", lambda patch: _request(patch, unsent)))
    _patches.put(methods)


def untap(module: ModuleType) -> None:
    """Puts the classes back; where somebody else has patched over the tap, it stays in and sees nothing."""
    _patches.take()


def _request(patch: Patch, unsent: tuple[type[BaseException], ...]) -> Callable[..., Any]:
    original = patch.original

    @wraps(original)
    def request(
        self: Any, method: Any, url: Any, body: Any = None, headers: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        self.__dict__.pop(OURS, None)  # of a request to whose answer nobody listened
        outer = sending.get()
        exchange = _begin(self, method, url, body, headers) if patch.active and not outer else None
        if exchange is None:
            return original(self, method, url, body, headers, *args, **kwargs)
        mark = [True]
        sending.set(mark)
        try:
            done = original(self, method, url, body, headers, *args, **kwargs)
        except unsent:
            exchange.unsent()
            raise
        except (BrokenPipeError, ConnectionResetError):
            # A server may refuse a request before it has read it: urllib3 asks for its answer then.
            setattr(self, OURS, exchange)
            raise
        except BaseException as error:
            break_off(exchange, error)
            raise
        finally:
            mark.clear()
            sending.set(outer)
        setattr(self, OURS, exchange)
        return done

    return request


def _getresponse(patch: Patch, response_class: Any) -> Callable[..., Any]:
    original = patch.original

    @wraps(original)
    def getresponse(self: Any, *args: Any, **kwargs: Any) -> Any:
        exchange = self.__dict__.get(OURS)
        if exchange is None:
            return original(self, *args, **kwargs)
        try:
            response = original(self, *args, **kwargs)
        except TypeError:
            raise  # 1.26 tries an argument of Python 2 first
        except BaseException as error:
            delattr(self, OURS)
            break_off(exchange, error)
            raise
        delattr(self, OURS)
        return _observed(exchange, response, response_class)

    return getresponse


def _begin(connection: Any, method: Any, url: Any, body: Any, headers: Any) -> Exchange | None:
    try:
        pairs = () if headers is None else headers.items()
        return client().begin(method, _absolute(connection, url), _bytes_of(body), pairs, current.get())
    except Exception as error:
        _guard.swallow("urllib3 request", error)
        return None


def _absolute(connection: Any, url: str) -> str:
    if not url.startswith("/"):
        return url  # the request to a proxy says where it goes
    tunnel = getattr(connection, "_tunnel_host", None)
    host, port = (tunnel, connection._tunnel_port) if tunnel else (connection.host, connection.port)
    scheme = "https" if tunnel or connection.default_port == 443 else "http"
    host = f"[{host}]" if ":" in host and host[0] != "[" else host
    return f"{scheme}://{host}{url}" if port in (None, 80, 443) else f"{scheme}://{host}:{port}{url}"


def _bytes_of(body: Any) -> bytes:
    """The body, if it is in memory: files and generators are the program's to read."""
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode("utf-8", "replace")
    return bytes(body) if isinstance(body, (bytearray, memoryview)) else b""


def _observed(exchange: Exchange, response: Any, response_class: Any) -> Any:
    """The response to give to urllib3: the same one, which reads from a body that is observed."""
    try:
        status = response.status
        if 300 <= status < 400:
            exchange.unsent()
        elif not isinstance(response, response_class):
            exchange.head(status, response.getheaders())
            return _Body(response, exchange)  # 1.26 makes its response of it
        elif response._body is not None:
            _read_already(exchange, response)
        else:
            exchange.head(status, response.headers.items())
            response._fp = response._original_response = _Body(response._fp, exchange)
    except Exception as error:
        _guard.swallow("urllib3 response", error)
    return response


def _read_already(exchange: Exchange, response: Any) -> None:
    headers, body = response.headers.items(), response._body
    if response.decode_content:
        tell(exchange.answered(response.status, headers, body))
    else:
        exchange.head(response.status, headers)
        exchange.push(body)
        tell(exchange.complete())


class _Body:
    """A response of ``http.client`` that shows its bytes to an exchange as they pass."""

    def __init__(self, response: Any, exchange: Exchange) -> None:
        self._response = response
        self._exchange = exchange
        self._chunk_left = 0
        """How many bytes are to come of a chunk whose frame urllib3 reads itself."""
        if response.isclosed():
            self._end()

    def read(self, *args: Any) -> Any:
        return self._pass(self._response.read, args)

    def read1(self, *args: Any) -> Any:
        return self._pass(self._response.read1, args)

    def _safe_read(self, amount: int) -> Any:
        """Of a chunk: with it urllib3 reads the chunk's bytes, and the end of the line behind them."""
        try:
            piece = self._response._safe_read(amount)
        except BaseException as error:
            break_off(self._exchange, error)
            raise
        if self._chunk_left:
            self._chunk_left -= len(piece)
            self._exchange.push(piece)
        return piece

    @property
    def fp(self) -> Any:
        """Of whose lines urllib3 reads the frames of chunks."""
        file = self._response.fp
        return None if file is None else _Frames(file, self)

    def close(self) -> None:
        at_end = getattr(self._response, "length", None) == 0
        try:
            self._response.close()
        finally:
            tell(self._exchange.complete() if at_end else self._exchange.closed())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._response, name)

    def _pass(self, read: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        try:
            piece = read(*args)
        except BaseException as error:
            break_off(self._exchange, error)
            raise
        self._exchange.push(piece)
        if self._response.isclosed():
            self._end()
        return piece

    def _end(self) -> None:
        """``http.client`` has closed the response; it says nothing of a body that is shorter than announced."""
        if getattr(self._response, "length", None):
            tell(self._exchange.lost("IncompleteRead"))
        else:
            tell(self._exchange.complete())

    def _frame(self, line: bytes) -> None:
        """The line before a chunk: its size. The last chunk is empty."""
        try:
            self._chunk_left = int(line.split(b";", 1)[0], 16)
        except ValueError:
            tell(self._exchange.lost("InvalidChunkLength" if line else "IncompleteRead"))
            return
        if self._chunk_left == 0:
            tell(self._exchange.complete())


class _Frames:
    """The file behind a response, for the lines between chunks."""

    __slots__ = ("_body", "_file")

    def __init__(self, file: Any, body: _Body) -> None:
        self._file = file
        self._body = body

    def readline(self, *args: Any) -> Any:
        try:
            line = self._file.readline(*args)
        except BaseException as error:
            break_off(self._body._exchange, error)
            raise
        self._body._frame(line)
        return line

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
