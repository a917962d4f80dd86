"""OpenAI's SDK, which is also Azure's, and that of everybody who speaks its dialect."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import parse_qs, urlsplit

from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI

from ..recording import Case

PATH_ENDS = {
    "audio.transcriptions": "/audio/transcriptions",
    "chat.completions": "/chat/completions",
    "completions": "/completions",
    "embeddings": "/embeddings",
    "images": "/images/edits",
    "moderations": "/moderations",
    "responses": "/responses",
}


def client(case: Case) -> OpenAI:
    if case.provider == "azure-openai" and "/deployments/" in case.url:
        return AzureOpenAI(**_azure(case))
    return OpenAI(base_url=case.base(PATH_ENDS[case.api]), api_key="x", max_retries=0)


def async_client(case: Case) -> AsyncOpenAI:
    if case.provider == "azure-openai" and "/deployments/" in case.url:
        return AsyncAzureOpenAI(**_azure(case))
    return AsyncOpenAI(base_url=case.base(PATH_ENDS[case.api]), api_key="x", max_retries=0)


def _azure(case: Case) -> dict[str, Any]:
    version = parse_qs(urlsplit(case.url).query)["api-version"][0]
    return {"azure_endpoint": case.origin, "api_key": "x", "api_version": version, "max_retries": 0}


def ask(client: Any, case: Case) -> Any:
    asked = case.asked
    stream = {"stream": True} if asked.pop("stream", False) or case.streaming else {}
    body = {name: value for name, value in asked.items() if name not in ("model", "input", "messages", "prompt")}
    match case.api:
        case "chat.completions":
            told = {"messages": asked.get("messages", []), "extra_body": body, **stream}
            return client.chat.completions.create(model=case.model, **told)
        case "completions":
            told = {"prompt": asked.get("prompt", ""), "extra_body": body, **stream}
            return client.completions.create(model=case.model, **told)
        case "responses":
            told = {"input": asked.get("input", ""), "extra_body": body, **stream}
            return client.responses.create(model=case.model, **told)
        case "embeddings":
            encoding = {"encoding_format": body["encoding_format"]} if "encoding_format" in body else {}
            told = {"input": asked.get("input", ""), "extra_body": body, **encoding}
            return client.embeddings.create(model=case.model, **told)
        case "audio.transcriptions":
            return client.audio.transcriptions.create(model="whisper-1", file=_file("a.wav"), **stream)
        case "images":
            return client.images.edit(model=case.model, image=_file("a.png"), prompt="a cat")
        case "moderations":
            return client.moderations.create(input="hi")
    raise AssertionError(case.api)


def _file(name: str) -> io.BytesIO:
    file = io.BytesIO(b"RIFF")
    file.name = name
    return file
