"""Mistral's SDK."""

from __future__ import annotations

from typing import Any

from mistralai.client import Mistral

from ..recording import Case


def client(case: Case) -> Mistral:
    return Mistral(api_key="x", server_url=case.origin)


async_client = client
"""One client has both halves; which is asked is told by its name."""


def ask(client: Any, case: Case, asynchronous: bool = False) -> Any:
    end = "_async" if asynchronous else ""
    if case.api == "chat.completions":
        chat = getattr(client.chat, f"{'stream' if case.streaming else 'complete'}{end}")
        return chat(model=case.model, messages=[{"role": "user", "content": "hi"}])
    if case.api == "embeddings":
        return getattr(client.embeddings, f"create{end}")(model=case.model, inputs=["hi"])
    file = {"file_name": "a.wav", "content": b"RIFF"}
    return getattr(client.audio.transcriptions, f"complete{end}")(model="voxtral-mini-latest", file=file)


def ask_async(client: Any, case: Case) -> Any:
    return ask(client, case, asynchronous=True)
