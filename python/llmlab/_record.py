"""Recording by hand."""

from __future__ import annotations

from llmlab import _guard
from llmlab._holder import Holder
from llmlab._scope import current, labels_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal


class Recorder(Holder):
    """The methods that record what no tap sees."""

    __slots__ = ()

    def track_call(
        self,
        provider: str,
        model: str,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        *,
        usage: Mapping[str, int | None] | None = None,
        cost_usd: Decimal | int | float | str | None = None,
        latency_ms: float | None = None,
        service_tier: str | None = None,
        operation: str = "chat",
        feature: object = None,
        user: object = None,
        session: object = None,
        tags: Mapping[str, object] | None = None,
    ) -> None:
        """Records a call that no tap sees: over gRPC, a WebSocket, or from another program's log.

        Never raises. A wrong value is left out, counted in ``stats()["faults"]`` and said once; a wrong count leaves
        out all counts, so that the cost is unknown and not too low.

        Args:
            provider: such as ``openai``, ``anthropic``, ``google``; also OpenTelemetry's and LiteLLM's spellings.
            model: as the provider names it.
            input_tokens: all input tokens, cached ones included.
            output_tokens: all output tokens, reasoning included.
            usage: further counts by their names, such as ``cache_read`` or ``reasoning``; parts of the two above.
            cost_usd: what the call cost, if you know better; otherwise the catalogue tells.
            latency_ms: how long the call took, until now.
            service_tier: such as ``batch`` or ``priority``; standard if not given.
            operation: ``chat``, ``text_completion``, ``embeddings``, ``generate_content``, ``rerank``,
                ``image_generation``, ``speech`` or ``transcription``.
            feature: the feature of the product.
            user: the user served.
            session: the session or conversation.
            tags: anything else.

        >>> import llmlab
        >>> llmlab.track_call("openai", "gpt-4", 1000, 500, feature="search")

        """
        try:
            lab = self._held or self._first()
            scope = current.get()
            if feature is not None or user is not None or session is not None or tags is not None:
                scope = lab.scope(scope, labels_of(feature, user, session, tags))
            told = lab.record_call(
                provider,
                model,
                input_tokens,
                output_tokens,
                usage,
                cost_usd,
                latency_ms,
                service_tier,
                operation,
                scope,
            )
            if told:
                wrong, notices = told
                for message in wrong:
                    _guard.reject("track_call", message)
                _guard.say(notices)
        except Exception as error:
            _guard.swallow("track_call", error)

    def record_response(
        self,
        response: object,
        *,
        provider: str | None = None,
        model: str | None = None,
        api: str | None = None,
    ) -> bool:
        """Records a provider's response that you hold, and that no tap has seen.

        Never raises.

        Args:
            response: JSON text or bytes, a dict, an SDK's object, or a list of these.
            provider: whose response it is, if its shape does not tell.
            model: the model, if the response does not tell.
            api: such as ``chat.completions`` or ``messages``, if the shape does not tell.

        Returns:
            Whether a call was recorded: ``False`` for what is no response, and for one that was recorded before.

        >>> import llmlab
        >>> llmlab.record_response(
        ...     {"model": "gpt-4", "usage": {"prompt_tokens": 1000, "completion_tokens": 500}}, provider="openai"
        ... )
        True

        """
        try:
            lab = self._held or self._first()
            recorded = lab.record_response(response, provider, model, api, current.get())
            if notices := lab.take_notices():
                _guard.say(notices)
            return recorded > 0
        except Exception as error:
            _guard.swallow("record_response", error)
            return False
