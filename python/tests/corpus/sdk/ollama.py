"""Ollama's SDK."""

from __future__ import annotations

from typing import Any

from ollama import AsyncClient, Client

from ..recording import Case


def client(case: Case) -> Client:
    return Client(host=case.origin)


def async_client(case: Case) -> AsyncClient:
    return AsyncClient(host=case.origin)


def ask(client: Any, case: Case) -> Any:
    if case.api == "ollama.generate":
        return client.generate(model=case.model, prompt="hi", stream=case.streaming)
    return client.chat(model=case.model, messages=[{"role": "user", "content": "hi"}], stream=case.streaming)
