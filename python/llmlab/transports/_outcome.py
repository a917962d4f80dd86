"""How an exchange ends, as every transport tells it."""

from __future__ import annotations

from llmlab import _guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from llmlab._native import Exchange


def break_off(exchange: Exchange, error: BaseException) -> None:
    """Ends an exchange that an error of the client, a cancellation or the end of a generator broke off."""
    if isinstance(error, GeneratorExit):
        tell(exchange.closed())
    elif isinstance(error, Exception):
        tell(exchange.lost(type(error).__name__))
    else:
        tell(exchange.cancelled(type(error).__name__))


def tell(notices: list[str]) -> None:
    """Says what the user should know, if anything."""
    if notices:
        _guard.say(notices)
