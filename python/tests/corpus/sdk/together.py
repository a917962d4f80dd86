"""Together's SDK."""

from __future__ import annotations

from typing import Any

from together import AsyncTogether, Together

from ..recording import Case


def client(case: Case) -> Together:
    return Together(base_url=f"{case.origin}/v1", api_key="x", max_retries=0)


def async_client(case: Case) -> AsyncTogether:
    return AsyncTogether(base_url=f"{case.origin}/v1", api_key="x", max_retries=0)


def ask(client: Any, case: Case) -> Any:
    if case.api == "completions":
        return client.completions.create(model=case.model, prompt="hi", stream=case.streaming)
    messages = [{"role": "user", "content": "hi"}]
    return client.chat.completions.create(model=case.model, messages=messages, stream=case.streaming)
