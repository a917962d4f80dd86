"""Bedrock through boto3 (over urllib3) and aiobotocore (over aiohttp): they receive what they would have received."""

from __future__ import annotations

import asyncio
import gc
import json
import os
from pathlib import Path

import pytest

import llmlab

from .wire import CONVERSE, MESSAGE

boto3 = pytest.importorskip("boto3")

MODEL = "anthropic.claude-sonnet-4-20250514-v1:0"
ACCESS = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-east-1"}
ASKED = [{"role": "user", "content": [{"text": "hi"}]}]
BODY = json.dumps(
    {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
)
CONVERSE_USAGE = {"input": 60, "output": 7}
MESSAGE_USAGE = {"input": 900, "output": 30}

pytestmark = pytest.mark.usefixtures("tapped")


def bedrock(url, **options):
    from botocore.config import Config

    config = Config(retries={"mode": "standard", "total_max_attempts": 2}, **options)
    return boto3.client("bedrock-runtime", endpoint_url=url, config=config, **ACCESS)


def seen(
    lab,
    usage,
    status="ok",
):
    call = lab.call()
    assert (call["status"], call["provider"], call["usage"]) == (status, "bedrock", usage), call
    return call


def told(events):
    return "".join(event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event)


def test_converse_is_recorded(server, lab):
    answer = bedrock(server.url("plain")).converse(modelId=MODEL, messages=ASKED)
    assert (answer["output"], answer["usage"]["inputTokens"]) == (CONVERSE["output"], 60)
    seen(lab, CONVERSE_USAGE)


def test_converse_stream_is_recorded_once_its_events_are_read(server, lab):
    answer = bedrock(server.url("plain")).converse_stream(modelId=MODEL, messages=ASKED)
    assert lab.calls() == []
    assert told(answer["stream"]) == "forty-two"
    assert seen(lab, CONVERSE_USAGE)["stream"] is True


@pytest.mark.parametrize("way", ["read", "read_some", "iter_chunks", "iter_lines"])
def test_invoke_model_is_recorded_however_its_body_is_read(server, lab, way):
    body = bedrock(server.url("plain")).invoke_model(modelId=MODEL, body=BODY)["body"]
    if way == "read_some":
        got = b"".join(iter(lambda: body.read(10), b""))
    else:
        got = body.read() if way == "read" else b"".join(getattr(body, way)())
    assert json.loads(got) == MESSAGE
    seen(lab, MESSAGE_USAGE)


def test_invoke_model_with_response_stream_is_recorded(server, lab):
    answer = bedrock(server.url("plain")).invoke_model_with_response_stream(modelId=MODEL, body=BODY)
    kinds = [json.loads(event["chunk"]["bytes"])["type"] for event in answer["body"]]
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
    seen(lab, MESSAGE_USAGE)


@pytest.mark.parametrize("leave", ["close", "forget"])
def test_a_stream_that_is_left_early_is_recorded_as_aborted(server, lab, leave):
    stream = bedrock(server.url("hang")).converse_stream(modelId=MODEL, messages=ASKED)["stream"]
    assert next(iter(stream)) == {"messageStart": {"role": "assistant"}}
    if leave == "close":
        stream.close()
    del stream
    gc.collect()
    assert lab.call()["status"] == "aborted"


def test_a_broken_stream_is_lost_and_its_error_is_that_of_botocore(server, lab):
    stream = bedrock(server.url("cut")).converse_stream(modelId=MODEL, messages=ASKED)["stream"]
    with pytest.raises(Exception) as raised:
        list(stream)
    llmlab.uninstrument()
    with pytest.raises(type(raised.value)):
        list(bedrock(server.url("cut")).converse_stream(modelId=MODEL, messages=ASKED)["stream"])
    assert lab.call()["status"] == "lost"


def test_every_try_of_botocore_is_a_call_of_its_own(server, lab):
    answer = bedrock(server.url("flaky/botocore")).converse(modelId=MODEL, messages=ASKED)
    assert answer["output"] == CONVERSE["output"]
    assert [call["status"] for call in lab.calls()] == ["error", "ok"]


def test_a_timeout_is_lost_at_every_try(server, lab):
    from botocore.exceptions import ReadTimeoutError

    with pytest.raises(ReadTimeoutError):
        bedrock(server.url("silent"), read_timeout=0.05).converse(modelId=MODEL, messages=ASKED)
    assert [call["status"] for call in lab.calls()] == ["lost", "lost"]


def test_a_request_that_never_left_is_no_event(lab):
    from botocore.exceptions import EndpointConnectionError

    with pytest.raises(EndpointConnectionError):
        bedrock("http://127.0.0.1:1").converse(modelId=MODEL, messages=ASKED)
    assert lab.events() == []


def test_a_stub_of_botocore_keeps_working(lab):
    from botocore.stub import Stubber

    client = bedrock("http://127.0.0.1:1")
    with Stubber(client) as stub:
        stub.add_response("converse", {key: CONVERSE[key] for key in ("output", "stopReason", "usage", "metrics")})
        assert client.converse(modelId=MODEL, messages=ASKED)["output"] == CONVERSE["output"]
    assert lab.events() == []


async def converse(client):
    return (await client.converse(modelId=MODEL, messages=ASKED))["output"] == CONVERSE["output"]


async def converse_stream(client):
    answer = await client.converse_stream(modelId=MODEL, messages=ASKED)
    return told([event async for event in answer["stream"]]) == "forty-two"


async def invoke(client):
    answer = await client.invoke_model(modelId=MODEL, body=BODY)
    async with answer["body"] as body:
        return json.loads(await body.read()) == MESSAGE


async def invoke_stream(client):
    answer = await client.invoke_model_with_response_stream(modelId=MODEL, body=BODY)
    return len([event async for event in answer["body"]]) == 6


def _run_async(url, work, over):
    aiobotocore = pytest.importorskip("aiobotocore.session")
    from aiobotocore.config import AioConfig

    config = {}
    if over == "httpx":
        config["http_session_cls"] = pytest.importorskip("aiobotocore.httpxsession").HttpxSession

    async def run():
        session = aiobotocore.get_session()
        async with session.create_client(
            "bedrock-runtime", endpoint_url=url, config=AioConfig(retries={"total_max_attempts": 1}, **config), **ACCESS
        ) as client:
            return await work(client)

    return asyncio.run(run())


# Over httpx, aiobotocore 3.10 reads no event streams.
@pytest.mark.parametrize(
    ("work", "over"),
    [
        (converse, "aiohttp"),
        (converse_stream, "aiohttp"),
        (invoke, "aiohttp"),
        (invoke_stream, "aiohttp"),
        (converse, "httpx"),
        (invoke, "httpx"),
    ],
)
def test_aiobotocore_is_recorded_once(server, lab, work, over):
    assert _run_async(server.url("plain"), work, over)
    seen(lab, CONVERSE_USAGE if work in (converse, converse_stream) else MESSAGE_USAGE)


def test_the_recorded_traffic_of_bedrock_arrives_as_it_was_recorded(lab):
    """Each case through boto3 with the tap and without it: the same answer, and one call with the tokens expected."""
    corpus = Path(os.environ.get("LLMLAB_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
    if not (corpus / "replay_server.py").exists():
        pytest.skip(f"no recorded traffic at {corpus}")
    import importlib.util

    spec = importlib.util.spec_from_file_location("replay_server", corpus / "replay_server.py")
    replay = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(replay)
    with open(corpus / "corpus.jsonl", encoding="utf-8") as lines:
        cases = [case for case in map(json.loads, lines) if case["provider"] == "bedrock"]
    running, url = replay.serve([str(corpus / "corpus.jsonl")])
    try:
        right = [case["id"] for case in cases if _replayed(case, url, lab)]
    finally:
        running.shutdown()
    assert right == [case["id"] for case in cases]


def _replayed(case, url, lab):
    known = len(lab.calls())
    llmlab.instrument()
    with_tap = _asked(case, url)
    llmlab.uninstrument()
    assert _asked(case, url) == with_tap, case["id"]
    calls = lab.calls()[known:]
    assert len(calls) == 1, case["id"]
    expected = case["expected_tokens"] or {}
    usage = calls[0]["usage"]
    return (usage.get("input"), usage.get("output")) == (expected.get("input_total"), expected.get("output_total"))


def _asked(case, url):
    from botocore.exceptions import ClientError

    client = bedrock(f"{url}/case/{case['id']}")
    asked = case["request_json"] or {}
    try:
        if case["api"] == "converse":
            messages = [{"role": "user", "content": [{"text": "hi"}]}]
            name = "converse_stream" if case["streaming"] else "converse"
            answer = getattr(client, name)(modelId=case["model_requested"], messages=messages)
            return [str(event) for event in answer["stream"]] if case["streaming"] else str(answer["output"])
        name = "invoke_model_with_response_stream" if case["streaming"] else "invoke_model"
        answer = getattr(client, name)(modelId=case["model_requested"], body=json.dumps(asked))
        return [event["chunk"]["bytes"] for event in answer["body"]] if case["streaming"] else answer["body"].read()
    except ClientError as error:
        return str(error)
