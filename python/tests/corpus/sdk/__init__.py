"""The SDKs that people use. Of each: how its clients are made, and how one is asked for what was recorded.

`ask` gives what the SDK's own method gives: an answer or an iterator; of an async client, what can be awaited, or an
async iterator. What a method does not take goes into the body as the SDK lets one do that.
"""

from __future__ import annotations

from types import ModuleType

from ..recording import Case
from . import anthropic, aws, cohere, google, groq, huggingface, mistral, ollama, openai, raw, together

OF_PROVIDER = {
    "anthropic": anthropic,
    "bedrock": aws,
    "cohere": cohere,
    "google": google,
    "groq": groq,
    "huggingface": huggingface,
    "mistral": mistral,
    "ollama": ollama,
    "together": together,
    "vertex": google,
    # Voyage's SDK needs 150 MB for splitting texts; Writer's answers are in nobody's format.
    "voyage": raw,
    "writer": raw,
}


def of(case: Case) -> ModuleType:
    """The SDK for a case: the provider's own, else OpenAI's, which the others tell their users to take."""
    if case.api == "rawPredict":
        return anthropic
    if case.provider in ("google", "ollama") and case.api == "chat.completions":
        return openai
    return OF_PROVIDER.get(case.provider, openai)
