"""Google's SDK, for the Gemini API and for Vertex AI."""

from __future__ import annotations

from typing import Any

from google import genai
from google.oauth2.credentials import Credentials

from ..recording import Case


def client(case: Case) -> Any:
    if case.provider != "vertex":
        return genai.Client(api_key="x", http_options={"base_url": case.origin})
    _, version, _, project, _, location, *_ = case.url.removeprefix("http://").split("/")
    options = {"base_url": case.origin, "api_version": version}
    return genai.Client(
        vertexai=True, project=project, location=location, credentials=Credentials(token="x"), http_options=options
    )


def async_client(case: Case) -> Any:
    return client(case).aio


def ask(client: Any, case: Case) -> Any:
    model = case.model.removeprefix("models/")
    match case.api:
        case "generateContent" if case.streaming:
            return client.models.generate_content_stream(model=model, contents="hi")
        case "generateContent":
            return client.models.generate_content(model=model, contents="hi")
        case "batchEmbedContents":
            return client.models.embed_content(model=model, contents=["hi", "there"])
        case "countTokens":
            return client.models.count_tokens(model=model, contents="hi")
        case "cachedContents":
            return client.caches.create(model=model, config={"ttl": "300s"})
        case "interactions":
            return client.interactions.create(model=model, input="hi", stream=case.streaming)
    raise AssertionError(case.api)
