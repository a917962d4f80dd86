"""Cohere's SDK, of both versions of its API."""

from __future__ import annotations

from typing import Any

from cohere import AsyncClient, AsyncClientV2, Client, ClientV2

from ..recording import Case


def client(case: Case) -> Any:
    kind = ClientV2 if "/v2/" in case.url else Client
    return kind(api_key="x", base_url=case.origin, max_retries=0)


def async_client(case: Case) -> Any:
    kind = AsyncClientV2 if "/v2/" in case.url else AsyncClient
    return kind(api_key="x", base_url=case.origin, max_retries=0)


def ask(client: Any, case: Case) -> Any:
    asked = case.asked
    match case.api:
        case "chat.v1":
            chat = client.chat_stream if case.streaming else client.chat
            return chat(message="hi")
        case "chat.v2":
            chat = client.chat_stream if case.streaming else client.chat
            return chat(model=case.model, messages=[{"role": "user", "content": "hi"}])
        case "embeddings":
            told = {"input_type": "search_document", "embedding_types": asked["embedding_types"]}
            return client.embed(model=case.model, texts=["hi"], **told)
        case "generate":
            return client.generate(prompt="hi", model=case.model)
        case "rerank":
            return client.rerank(model=case.model, query="hi", documents=["there", "here"])
    raise AssertionError(case.api)
