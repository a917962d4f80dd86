"""Groq's SDK."""

from __future__ import annotations

from typing import Any

from groq import AsyncGroq, Groq

from ..recording import Case


def client(case: Case) -> Groq:
    return Groq(base_url=case.origin, api_key="x", max_retries=0)


def async_client(case: Case) -> AsyncGroq:
    return AsyncGroq(base_url=case.origin, api_key="x", max_retries=0)


def ask(client: Any, case: Case) -> Any:
    messages = [{"role": "user", "content": "hi"}]
    return client.chat.completions.create(model=case.model, messages=messages, stream=case.streaming)
