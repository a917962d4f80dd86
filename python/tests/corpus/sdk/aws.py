"""Amazon's SDKs for Bedrock, boto3 and aiobotocore; Anthropic's has the async half of Claude's cases."""

from __future__ import annotations

import inspect
import json
from functools import cache
from typing import Any

import boto3
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.config import Config

from ..recording import Case
from . import anthropic

HI = [{"role": "user", "content": [{"text": "hi"}]}]
KEYS = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-east-1"}
ONCE = {"total_max_attempts": 1}


class Kept:
    """A client of boto3's that lives as long as the process: making one takes a tenth of a second."""

    def __init__(self, boto: Any) -> None:
        self.boto = boto

    def __enter__(self) -> Any:
        return self.boto

    def __exit__(self, *raised: object) -> None:
        pass


@cache
def _boto(origin: str) -> Any:
    return boto3.client("bedrock-runtime", endpoint_url=origin, config=Config(retries=ONCE), **KEYS)


@cache
def _session() -> Any:
    """It keeps the descriptions of Amazon's services, which take longer to read than an answer."""
    return get_session()


def client(case: Case) -> Kept:
    return Kept(_boto(case.origin))


def async_client(case: Case) -> Any:
    if case.api == "invoke" and "anthropic." in case.model:
        return anthropic.async_client(case)
    config = AioConfig(retries=ONCE)
    return _session().create_client("bedrock-runtime", endpoint_url=case.origin, config=config, **KEYS)


def ask(client: Any, case: Case) -> Any:
    if not hasattr(client, "converse"):
        return anthropic.ask(client, case)
    end = "_stream" if case.url.endswith("-stream") else ""
    if case.api == "converse":
        answer = getattr(client, f"converse{end}")(modelId=case.model, messages=HI)
    else:
        end = "_with_response_stream" if end else ""
        answer = getattr(client, f"invoke_model{end}")(modelId=case.model, body=json.dumps(case.asked))
    return _read_async(answer) if inspect.isawaitable(answer) else _read(answer)


def _read(answer: dict) -> Any:
    if "stream" in answer:
        return list(answer["stream"])
    body = answer.get("body")
    return answer if body is None else body.read() if hasattr(body, "read") else list(body)


async def _read_async(asked: Any) -> Any:
    answer = await asked
    if "stream" in answer:
        return [event async for event in answer["stream"]]
    body = answer.get("body")
    if body is None:
        return answer
    return await body.read() if hasattr(body, "read") else [event async for event in body]
