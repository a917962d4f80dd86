"""Questions about prices and usage, answered without recording anything."""

from __future__ import annotations

from llmlab import _native
from llmlab._errors import misasked
from llmlab._holder import Holder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from llmlab._native import Cost


class Pricer(Holder):
    """The methods that ask the catalogue."""

    __slots__ = ()

    def cost(
        self,
        provider: str,
        model: str,
        usage: Mapping[str, int | None] | None = None,
        at: datetime | str | None = None,
        service_tier: str | None = "standard",
        inference_geo: str | None = None,
        speed: str | None = None,
        search_context_size: str | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
    ) -> Cost:
        """What a call costs, in US dollars, exactly.

        Args:
            provider: such as ``openai``; also OpenTelemetry's and LiteLLM's spellings; ``""`` infers it from the model.
            model: as the provider names it, dated or not.
            usage: counts by their names, **inclusive**: ``input`` contains ``cache_read``, ``cache_write_5m``,
                ``cache_write_1h``, ``audio_in`` and ``image_in``; ``output`` contains ``reasoning``, ``audio_out`` and
                ``image_out``. Absent and ``None`` charge as 0.
            at: when; now if not given. A ``datetime`` with a time zone, or RFC 3339 text. A naive ``datetime`` is
                refused, because whose clock it shows is not known.
            service_tier: ``standard``, ``batch``, ``flex``, ``priority``.
            inference_geo: the region that inference is bound to, where it changes the price.
            speed: ``fast``, where it changes the price.
            search_context_size: ``low``, ``medium`` or ``high``, where it changes the price of a web search.
            input_tokens: the same as ``usage["input"]``.
            output_tokens: the same as ``usage["output"]``.

        Returns:
            A cost with ``total`` (``Decimal``; ``None`` exactly where ``state`` is ``unpriced``), ``state``
            (``priced``, ``estimated``, ``unpriced``), ``lines`` (``dimension``, ``count``, ``total``), ``model``,
            ``matched_by`` and ``catalogue_version``. An unknown model is no error, but unpriced.

        Raises:
            LlmlabError: naming the value, for counts that are no non-negative integers or contradict each other
                (``invalid_usage``) and for what is no time (``invalid_time``).
            ConfigError: where the configured prices cannot be used.

        >>> import llmlab
        >>> llmlab.cost("openai", "gpt-4", {"input": 1000, "output": 500}).total
        Decimal('0.06')

        """
        try:
            return self._client().cost(
                provider,
                model,
                usage,
                at,
                service_tier,
                inference_geo,
                speed,
                search_context_size,
                input_tokens,
                output_tokens,
            )
        except Exception as error:
            raise misasked("cost", error) from None

    @staticmethod
    def read_usage(provider: str | None, body: object, api: str | None = None) -> dict[str, int] | None:
        """Reads the token counts off a provider's response body.

        Args:
            provider: whose body it is; ``None`` to tell by its shape.
            body: JSON text or bytes, a dict, or an SDK's object.
            api: such as ``chat.completions`` or ``messages``; ``None`` to tell by the shape.

        Returns:
            Counts by their names, inclusive as in `cost`. Only what the provider reported is there. ``None`` where the
            body has no usage.

        >>> import llmlab
        >>> llmlab.read_usage("openai", '{"usage": {"prompt_tokens": 9, "completion_tokens": 12}}')
        {'input': 9, 'output': 12}

        """
        try:
            return _native.read_usage(provider, body, api)
        except Exception as error:
            raise misasked("read_usage", error) from None

    def models(self, provider: str) -> list[str]:
        """Lists the models of a provider that have a price.

        Raises:
            LlmlabError: for a provider that the catalogue does not know (``unknown_provider``).

        >>> import llmlab
        >>> "gpt-4" in llmlab.models("openai")
        True

        """
        try:
            return self._client().models(provider)
        except Exception as error:
            raise misasked("models", error) from None
