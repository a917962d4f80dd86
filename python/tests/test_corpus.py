"""Recorded traffic of real services, through the real SDKs.

The recordings are not part of the project: ``LLMLAB_CORPUS`` names the folder that has them, by default
``../shared/corpus`` beside the repository. Where there is none, this says so, and `test_sdks` stands for it.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from anthropic import Anthropic, AsyncAnthropic
from google import genai
from openai import AsyncOpenAI, OpenAI

import llmlab

FOLDER = Path(os.environ.get("LLMLAB_CORPUS") or Path(__file__).parents[2] / ".." / "shared" / "corpus").resolve()
OPERATIONS = {
    "openai": ("chat.completions", "completions", "responses", "embeddings"),
    "anthropic": ("messages",),
    "google": ("generateContent",),
}
PATHS = {
    "chat.completions": "/v1/chat/completions",
    "completions": "/v1/completions",
    "responses": "/v1/responses",
    "embeddings": "/v1/embeddings",
    "messages": "/v1/messages",
    "generateContent": "/v1beta/models/none:generateContent",
}
CASES_OF_THESE = 124
CASES_THROUGH_HTTPX = 88
RECORDED = {
    "input",
    "output",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "reasoning",
    "audio_in",
    "audio_out",
}


@pytest.fixture(scope="module")
def corpus(say):
    if not (FOLDER / "corpus.jsonl").exists():
        say(f"*** SKIPPED: no recordings at {FOLDER}; set LLMLAB_CORPUS ***")
        pytest.skip(f"no recordings at {FOLDER}")
    spec = importlib.util.spec_from_file_location("replay_server", FOLDER / "replay_server.py")
    replay_server = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(replay_server)
    with open(FOLDER / "corpus.jsonl", encoding="utf-8") as lines:
        cases = [json.loads(line) for line in lines]
    cases = [case for case in cases if case["api"] in OPERATIONS.get(case["provider"], ())]
    server, url = replay_server.serve([FOLDER / "corpus.jsonl"])
    yield SimpleNamespace(cases=cases, url=url)
    server.shutdown()
    server.server_close()


def plain(value):
    """What the application can see of what it received."""
    if isinstance(value, BaseException):
        return [type(value).__name__, str(value), plain(getattr(value, "body", None))]
    if isinstance(value, list):
        return [plain(item) for item in value]
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", warnings=False, exclude={"sdk_http_response"})
    return value


def outcome(call):
    try:
        return plain(call())
    except Exception as error:
        return plain(error)


def openai_call(client, case):
    asked = dict(case["request_json"] or {})
    stream = asked.pop("stream", False) or case["streaming"]
    body = {"extra_body": {name: value for name, value in asked.items() if name not in ("model", "input")}}
    resource, named = {
        "chat.completions": (client.chat.completions, {"messages": asked.get("messages", [])}),
        "completions": (client.completions, {"prompt": asked.get("prompt", "")}),
        "responses": (client.responses, {"input": asked.get("input", "")}),
        "embeddings": (client.embeddings, {"input": asked.get("input", "")}),
    }[case["api"]]
    if case["api"] != "embeddings":
        named["stream"] = stream
    elif "encoding_format" in asked:
        named["encoding_format"] = asked["encoding_format"]
    return resource.create(model=case["model_requested"] or "none", **named, **body)


def anthropic_call(client, case):
    asked = dict(case["request_json"] or {})
    asked.pop("stream", None)
    extra = {name: value for name, value in asked.items() if name not in ("model", "messages", "max_tokens")}
    return client.messages.create(
        model=case["model_requested"] or "none",
        messages=asked.get("messages", []),
        max_tokens=16,
        stream=case["streaming"],
        extra_body=extra,
    )


def with_openai(case, base, http_client=None):
    with OpenAI(base_url=f"{base}/v1", api_key="x", max_retries=0, http_client=http_client) as client:
        answer = openai_call(client, case)
        return list(answer) if case["streaming"] and case["status"] < 400 else answer


def with_anthropic(case, base):
    with Anthropic(base_url=base, api_key="x", max_retries=0) as client:
        answer = anthropic_call(client, case)
        return list(answer) if case["streaming"] and case["status"] < 400 else answer


def with_google(case, base, http_client=None):
    client = genai.Client(api_key="x", http_options={"base_url": base, "httpx_client": http_client})
    model = (case["model_requested"] or "none").removeprefix("models/")
    if case["streaming"]:
        return list(client.models.generate_content_stream(model=model, contents="hi"))
    return client.models.generate_content(model=model, contents="hi")


async def with_openai_async(case, base, http_client=None):
    async with AsyncOpenAI(base_url=f"{base}/v1", api_key="x", max_retries=0, http_client=http_client) as client:
        answer = await openai_call(client, case)
        return [item async for item in answer] if case["streaming"] and case["status"] < 400 else answer


async def with_anthropic_async(case, base):
    async with AsyncAnthropic(base_url=base, api_key="x", max_retries=0) as client:
        answer = await anthropic_call(client, case)
        return [item async for item in answer] if case["streaming"] and case["status"] < 400 else answer


async def with_google_async(case, base, http_client=None):
    client = genai.Client(api_key="x", http_options={"base_url": base, "httpx_async_client": http_client}).aio
    model = (case["model_requested"] or "none").removeprefix("models/")
    if case["streaming"]:
        return [item async for item in await client.models.generate_content_stream(model=model, contents="hi")]
    return await client.models.generate_content(model=model, contents="hi")


SYNC = {"openai": with_openai, "anthropic": with_anthropic, "google": with_google}
ASYNC = {"openai": with_openai_async, "anthropic": with_anthropic_async, "google": with_google_async}


def through_sync(case, base):
    return SYNC[case["provider"]](case, base)


def through_async(case, base):
    return asyncio.run(ASYNC[case["provider"]](case, base))


def through_httpx(case, base):
    """The first httpx, which Anthropic's SDK refuses."""
    with httpx.Client() as http_client:
        return SYNC[case["provider"]](case, base, http_client)


def through_httpx_async(case, base):
    """The same, async."""

    async def call():
        async with httpx.AsyncClient() as http_client:
            return await ASYNC[case["provider"]](case, base, http_client)

    return asyncio.run(call())


OF_HTTPX = (through_httpx, through_httpx_async)


def through_raw(case, base):
    """The bytes as they came, and once more after decoding."""
    asked = {"model": "none", "messages": [], "prompt": "", "input": ""}
    with httpx.Client() as client:
        with client.stream("POST", base + PATHS[case["api"]], json=asked) as response:
            raw = b"".join(response.iter_raw())
        decoded = client.post(base + PATHS[case["api"]], json=asked).content
    return [response.status_code, raw, decoded]


def expected_usage(case):
    """The counts of the recording in our words; of an error, none."""
    told = case["expected_tokens"] or {}
    names = ("cache_read", "cache_write_1h", "reasoning", "audio_in", "audio_out")
    usage = {"input": told.get("input_total"), "output": told.get("output_total")}
    usage |= {name: told.get(name) for name in names}
    if told.get("cache_write") is not None:
        usage["cache_write_5m"] = told["cache_write"] - (told["cache_write_1h"] or 0)
    return {name: count for name, count in usage.items() if count is not None}


def difference(case, calls):
    """What is wrong with the calls that a case left, if anything."""
    if len(calls) != 1:
        return f"{len(calls)} calls"
    call = calls[0]
    expected = expected_usage(case)
    # What the recording's words cannot say (searches, images) is beside it.
    if {name: count for name, count in call["usage"].items() if name in RECORDED} != expected:
        return f"usage {call['usage']} for {expected}"
    failed = case["status"] >= 400 or "error_in_200" in case["tags"]
    if call["status"] != ("error" if failed else "ok"):
        return f"status {call['status']}"
    if call["stream"] != case["streaming"]:
        return f"stream {call['stream']}"
    if call["usage"] == {} and not failed and call["cost_state"] != "unpriced":
        return f"cost state {call['cost_state']} without usage"
    return None


@pytest.mark.parametrize("through", [through_sync, through_async, *OF_HTTPX])
def test_every_case_is_one_call_with_the_usage_that_the_recording_says(corpus, lab, say, through):
    cases = [case for case in corpus.cases if through not in OF_HTTPX or case["provider"] != "anthropic"]
    before = [outcome(lambda case=case: through(case, f"{corpus.url}/case/{case['id']}")) for case in cases]
    assert lab.events() == []
    llmlab.instrument()
    wrong, right, received = [], {}, []
    for case in cases:
        with llmlab.track(feature=case["id"]):
            received.append(outcome(lambda case=case: through(case, f"{corpus.url}/case/{case['id']}")))
    llmlab.uninstrument()
    by_case = {}
    for call in lab.calls():
        by_case.setdefault(call["feature"], []).append(call)
    for case, without, with_tap in zip(cases, before, received, strict=True):
        problem = difference(case, by_case.pop(case["id"], []))
        if without != with_tap:
            problem = f"the application received something else: {without} / {with_tap}"
        if problem:
            wrong.append(f"{case['id']}: {problem}")
        figure = right.setdefault(case["provider"], [0, 0])
        figure[0] += not problem
        figure[1] += 1
    assert by_case == {}
    figures = ", ".join(f"{provider} {good} of {all_}" for provider, (good, all_) in right.items())
    say(f"corpus, {through.__name__.removeprefix('through_')}: {figures}")
    assert not wrong, "\n".join(wrong)
    assert len(cases) == (CASES_THROUGH_HTTPX if through in OF_HTTPX else CASES_OF_THESE)


def test_the_bytes_are_the_same(corpus, lab):
    before = [through_raw(case, f"{corpus.url}/case/{case['id']}") for case in corpus.cases]
    llmlab.instrument()
    after = [through_raw(case, f"{corpus.url}/case/{case['id']}") for case in corpus.cases]
    llmlab.uninstrument()
    assert before == after
    assert len(lab.calls()) == 2 * CASES_OF_THESE
