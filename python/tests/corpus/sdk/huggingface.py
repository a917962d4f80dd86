"""Hugging Face's SDK, for its router."""

from __future__ import annotations

from typing import Any

from huggingface_hub import AsyncInferenceClient, InferenceClient

from ..recording import Case


def client(case: Case) -> InferenceClient:
    return InferenceClient(base_url=case.base("/chat/completions"), api_key="x")


def async_client(case: Case) -> AsyncInferenceClient:
    return AsyncInferenceClient(base_url=case.base("/chat/completions"), api_key="x")


def ask(client: Any, case: Case) -> Any:
    messages = [{"role": "user", "content": "hi"}]
    return client.chat_completion(model=case.model, messages=messages, stream=case.streaming)
