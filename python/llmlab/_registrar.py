"""What a program tells llmlab that it does not know: prices, names of models, providers."""

from __future__ import annotations

from llmlab import _guard, _native
from llmlab._errors import ConfigError, misasked
from llmlab._holder import Holder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from decimal import Decimal

    Amount = str | int | float | Decimal


class Registrar(Holder):
    """The methods that set prices, names and providers while a program runs."""

    __slots__ = ()

    def set_price(
        self,
        provider: str,
        model: str,
        *,
        input: Amount | None = None,  # noqa: A002 - the word of usage and of the price file
        output: Amount | None = None,
        cache_read: Amount | None = None,
        starts: date | str | None = None,
        **rates: Amount | Mapping[str, object] | Sequence[object] | None,
    ) -> None:
        """Sets what a model costs, such as a negotiated price or that of a model of one's own.

        It holds for `cost` and for every later call of this client (the global one keeps it through another `init`);
        what is recorded keeps its cost. It replaces the price that the model had: what is not given takes the price of
        what contains it (``cache_read`` that of ``input``, ``reasoning`` that of ``output``). May be called from any
        thread, at any time.

        Args:
            provider: such as ``openai``; one that llmlab does not know is fine.
            model: its name, in any case; a deployment's name, too.
            input: US dollars for a million tokens, as text, ``Decimal`` or a number. A float counts as the digits that
                Python shows for it.
            output: the same for output tokens.
            cache_read: the same for input tokens that were read from a cache.
            starts: when it begins to hold: a day (00:00 UTC), an aware ``datetime`` or RFC 3339 text. Before it, the
                price that the model had. Always, if not given.
            rates: by the names of usage, ``cache_write_5m``, ``reasoning``, ``audio_in``…: dollars for a million tokens
                or characters, and for one of anything else (``web_searches="0.01"``). By the name of a service tier
                (``batch``, ``flex``, ``priority``, ``fast``) a mapping of its own rates. ``tiers``: a list of mappings
                with rates that hold for a call once its input is ``over`` so many tokens.

        Raises:
            ConfigError: naming the value and what would do (``invalid_prices``).

        >>> import llmlab
        >>> llmlab.set_price("openai", "gpt-4", input="20", output="40", batch={"input": "10", "output": "20"})
        >>> llmlab.cost("openai", "gpt-4", {"input": 1000, "output": 500}).total
        Decimal('0.04')

        """
        from json import dumps

        given = {"input": input, "output": output, "cache_read": cache_read, **rates}
        try:
            price = {name: _plain(value) for name, value in given.items() if value is not None}
            if starts is not None:
                price["starts"] = _instant(starts)
            text = dumps(price)
            self._tell(
                ("price", provider, model, price.get("starts")), lambda client: client.set_price(provider, model, text)
            )
        except Exception as error:
            raise misasked("set_price", error) from None

    def set_model(self, provider: str, name: str, model: str) -> None:
        """Tells which model is behind a name: a deployment, a gateway's alias, the ARN of an inference profile.

        Calls of that name have the price of the model from now on, in this client (the global one keeps it through
        another `init`); nothing else of them changes, and what is recorded keeps its cost. May be called from any
        thread, at any time. The option ``models`` of `init` does the same for many.

        Args:
            provider: who is called, such as ``azure`` or ``bedrock``.
            name: the name in the request, in any case.
            model: the model: one of the same provider, or ``PROVIDER/MODEL``.

        Raises:
            ConfigError: where the model has no price, naming those most like it (``invalid_prices``).

        >>> import llmlab
        >>> llmlab.set_model("azure", "my-deployment", "gpt-4o-mini")
        >>> llmlab.cost("azure", "my-deployment", {"input": 1_000_000}).total
        Decimal('0.15')

        """
        try:
            self._tell(("model", provider, name), lambda client: client.set_model(provider, name, model))
        except Exception as error:
            raise misasked("set_model", error) from None

    @staticmethod
    def register_provider(
        id: str,  # noqa: A002 - the word of the file of providers
        *,
        hosts: str | Sequence[str] | None = None,
        wire: str | None = None,
        paths: str | Sequence[str] | Mapping[str, str] | None = None,
        usage: Mapping[str, str] | None = None,
        outside: str | Sequence[str] | None = None,
        model_in_path: bool = False,
        aliases: str | Sequence[str] | None = None,
    ) -> None:
        """Makes a provider known, or further hosts of a known one.

        It holds for this process, whatever the client, from the next request on, and may be called from any thread.
        A definition of the same id replaces the one before; with the id of a provider that llmlab knows, it adds hosts.
        The option ``providers`` of `init` names a TOML file with any number of them, and ``hosts`` maps hosts alone.

        Args:
            id: its name in events and prices, in lower case.
            hosts: where it is reached: ``"llm.example"``, ``".example"`` for every host below, ``"llm.example:8443"``
                for one port.
            wire: the provider whose wire it speaks: ``openai``, ``anthropic``, ``google``…
            paths: ends of the paths that are billed; a mapping also says what they do (``chat``, ``embeddings``…).
                Those of the wire, if not given.
            usage: where answers have what, if the wire is none of the known: keys with dots between, and places of
                arrays, by the names of usage, and ``model``, ``id``, ``service_tier`` and ``cost`` (US dollars). Of a
                stream the last event that has it counts.
            outside: the counts that ``input`` and ``output`` do not contain, such as ``["cache_read", "reasoning"]``.
            model_in_path: the model stands in the path, between the last slash and the end in ``paths``.
            aliases: other spellings of the id.

        Raises:
            ConfigError: naming the value and what would do (``invalid_config``).

        >>> import llmlab
        >>> llmlab.register_provider("openai", hosts=["llm.internal"])
        >>> llmlab.register_provider(
        ...     "acme",
        ...     hosts="llm.acme.example",
        ...     paths="/v1/generate",
        ...     usage={"input": "usage.prompt", "output": "usage.completion", "model": "engine"},
        ... )
        >>> llmlab.set_price("acme", "acme-large", input="0.5", output="1.5")

        """
        from json import dumps

        given = {
            "id": id,
            "hosts": hosts,
            "wire": wire,
            "paths": paths,
            "usage": usage,
            "outside": outside,
            "model_in_path": model_in_path,
            "aliases": aliases,
        }
        try:
            _native.register_provider(
                dumps({name: _plain(value) for name, value in given.items() if value is not None})
            )
        except Exception as error:
            raise misasked("register_provider", error) from None


def _plain(value: object) -> object:
    """A value in JSON, amounts by their digits; of what has no form there, the text for the core to refuse."""
    if isinstance(value, float):
        from decimal import Decimal

        value = Decimal(repr(value))
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if hasattr(value, "items"):
        return {name if isinstance(name, str) else _guard.shown(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    from decimal import Decimal

    return format(value, "f") if isinstance(value, Decimal) else _guard.shown(value)


def _instant(starts: object) -> str:
    if isinstance(starts, str):
        return starts
    from datetime import date, datetime

    if (isinstance(starts, datetime) and starts.utcoffset() is None) or not isinstance(starts, date):
        raise ConfigError(
            f"starts must be a day, an aware datetime or an RFC 3339 text, got {_guard.shown(starts)}", "invalid_prices"
        )
    return starts.isoformat()
