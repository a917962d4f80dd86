"""No SDK: the HTTP clients, for those who write their requests themselves. `ask` gives the status and the bytes."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import httpx
import requests

from ..recording import Case

JSON = {"content-type": "application/json"}
FORM = {"content-type": "multipart/form-data; boundary=b"}
UPLOAD = b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--b--\r\n'
LEAST = {
    "generateContent": {"contents": []},
    "messages": {"model": "none", "max_tokens": 16, "messages": [], "stream": True},
}
"""What is sent where the request is not recorded."""


def _sent(case: Case) -> tuple[dict[str, str], bytes]:
    if case.api == "audio.transcriptions":
        return FORM, UPLOAD
    return JSON, json.dumps(case.recorded["request_json"] or LEAST[case.api]).encode()


def client(case: Case) -> requests.Session:
    return requests.Session()


def async_client(case: Case) -> Any:
    # It has a resolver of its own where it can: this one asks the socket module.
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver()))


def httpx_client(case: Case) -> httpx.Client:
    return httpx.Client()


def ask(client: Any, case: Case) -> Any:
    if isinstance(client, aiohttp.ClientSession):
        return _ask_async(client, case)
    headers, body = _sent(case)
    if isinstance(client, httpx.Client):
        with client.stream("POST", case.url, headers=headers, content=body) as response:
            return [response.status_code, b"".join(response.iter_raw())]
    with client.post(case.url, headers=headers, data=body, stream=True) as response:
        return [response.status_code, b"".join(response.iter_content(None))]


async def _ask_async(client: aiohttp.ClientSession, case: Case) -> Any:
    headers, body = _sent(case)
    async with client.post(case.url, headers=headers, data=body) as response:
        return [response.status, b"".join([chunk async for chunk, _ in response.content.iter_chunks()])]
