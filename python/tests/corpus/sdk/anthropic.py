"""Anthropic's SDK, also for Claude on Vertex AI and on Bedrock."""

from __future__ import annotations

from typing import Any

from anthropic import Anthropic, AnthropicVertex, AsyncAnthropic, AsyncAnthropicBedrock, AsyncAnthropicVertex

from ..recording import Case

BEDROCK_KEYS = {"aws_access_key": "x", "aws_secret_key": "x", "aws_region": "us-east-1"}


def client(case: Case) -> Any:
    if case.provider == "vertex":
        return AnthropicVertex(**_vertex(case))
    return Anthropic(base_url=case.origin, api_key="x", max_retries=0)


def async_client(case: Case) -> Any:
    if case.provider == "vertex":
        return AsyncAnthropicVertex(**_vertex(case))
    if case.provider == "bedrock":
        return AsyncAnthropicBedrock(base_url=case.origin, max_retries=0, **BEDROCK_KEYS)
    return AsyncAnthropic(base_url=case.origin, api_key="x", max_retries=0)


def _vertex(case: Case) -> dict[str, Any]:
    where = {"region": "us-east5", "project_id": "PROJECT", "base_url": f"{case.origin}/v1"}
    return {**where, "access_token": "x", "max_retries": 0}


def ask(client: Any, case: Case) -> Any:
    asked = case.asked
    asked.pop("stream", None)
    asked.pop("anthropic_version", None)
    extra = {name: value for name, value in asked.items() if name not in ("model", "messages", "max_tokens")}
    if case.api == "count_tokens":
        return client.messages.count_tokens(model=case.model, messages=asked["messages"], extra_body=extra)
    return client.messages.create(
        model=case.model,
        messages=asked.get("messages", []),
        max_tokens=16,
        stream=case.streaming,
        extra_body=extra,
    )
