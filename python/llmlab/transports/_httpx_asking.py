"""The request that httpx sends in the place of the program's, so that a stream tells its usage."""

from __future__ import annotations

import sys

from llmlab import _guard
from llmlab.transports._asking import is_own, is_signed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from llmlab._native import Exchange

POOLS = ("ConnectionPool", "AsyncConnectionPool")
PROXIES = ("HTTPProxy", "SOCKSProxy", "AsyncHTTPProxy", "AsyncSOCKSProxy")


def ask(module: ModuleType, exchange: Exchange, http_client: Any, request: Any, options: dict[str, Any]) -> Any | None:
    """The request to send instead, or ``None``. Its answer has to be read through the exchange."""
    try:
        if not _is_simple(module, http_client, request, options) or not _is_real(module, http_client, request):
            return None
        body = exchange.body_to_send(request.content)
        if body is None:
            return None
        headers = request.headers.copy()
        headers["Content-Length"] = str(len(body))
        # A new one: who sends his own a second time has asked no more than at the first.
        return module.Request(request.method, request.url, headers=headers, content=body, extensions=request.extensions)
    except Exception as error:
        _guard.swallow("httpx stream usage", error)
        return None


def _is_simple(module: ModuleType, http_client: Any, request: Any, options: dict[str, Any]) -> bool:
    """Whether nobody reads the answer before us, and the body may change."""
    auths = (http_client.auth, options.get("auth"))
    return (
        type(request) is module.Request
        and "content-length" in request.headers
        and not is_signed(request.headers.raw)
        and not http_client.event_hooks["response"]
        and not any(getattr(auth, "requires_response_body", False) for auth in auths)
    )


def _is_real(module: ModuleType, http_client: Any, request: Any) -> bool:
    """Whether the request goes to the network through httpx's own transport, which nobody has taken the place of."""
    transport = http_client._transport_for_url(request.url)
    handle = {module.HTTPTransport: "handle_request", module.AsyncHTTPTransport: "handle_async_request"}.get(
        type(transport)
    )
    if handle is None:
        return False
    pool = transport._pool
    name = type(pool).__name__
    # A proxy sees what it does not tunnel, and may be a recorder.
    if name not in POOLS and not (name in PROXIES and request.url.scheme == "https"):
        return False
    core = sys.modules[type(pool).__module__.partition(".")[0]]
    return (
        core.__name__.startswith("httpcore")
        and is_own(core, getattr(pool, handle))
        and is_own(module, http_client._send_single_request, http_client._transport_for_url, getattr(transport, handle))
    )
