"""Large responses are read off the caller's thread: whoever asks for numbers finds them there all the same.

Sabotages that turn these red: a `settle` left out of `stats`, `flush`, `summary`, `exit_flush` or a scope's tally; a
thread of the parent's that a forked child waits for.
"""

from __future__ import annotations

import os

import pytest

import llmlab

from .program import PRELUDE, run

LARGE = """
import json, os, signal
import httpx

BODY = json.dumps({
    "id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * 1_000_000}}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 500},
}).encode()
client = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200, content=BODY)))

def large():
    client.post("https://api.openai.com/v1/chat/completions", json={"model": "gpt-4", "messages": []})
"""
USAGE = {"input": 1000, "output": 500}


@pytest.fixture
def large():
    llmlab.instrument()
    names = {}
    exec(LARGE, names)
    yield names["large"]
    llmlab.uninstrument()


def test_a_scope_knows_what_a_large_response_cost(large, lab):
    with llmlab.track(feature="images") as t:
        large()
        assert (str(t.cost), t.calls, t.unpriced) == ("0.06", 1, 0)
    call = lab.call()
    assert (call["usage"], call["feature"], call["status"]) == (USAGE, "images", "ok")


@pytest.mark.parametrize("ask", ["stats", "flush", "summary"])
def test_whoever_asks_for_numbers_waits_until_it_is_read(large, ask):
    large()
    if ask == "stats":
        assert llmlab.stats()["recorded"] == 1
    elif ask == "flush":
        assert llmlab.flush(30).delivered == 1
    else:
        assert llmlab.summary().totals.calls == 1


def test_many_large_responses_at_once_are_all_counted(large):
    for _ in range(30):
        large()
    assert llmlab.stats()["recorded"] == 30


def test_a_large_response_that_is_left_in_the_middle_is_counted_once(lab):
    import httpx

    llmlab.instrument()
    names = {}
    exec(LARGE, names)
    body = httpx.ByteStream(names["BODY"][:1_000_000])
    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=body))
    with httpx.Client(transport=transport) as client:
        url = "https://api.openai.com/v1/chat/completions"
        with client.stream("POST", url, json={"model": "gpt-4", "messages": []}) as response:
            for _ in response.iter_raw():
                break
    llmlab.uninstrument()
    call = lab.call()
    assert (call["status"], call["usage"], call["cost_state"]) == ("aborted", {}, "unpriced")


@pytest.mark.parametrize("end", ["", "raise SystemExit(0)"])
def test_a_program_that_ends_at_once_has_recorded_it(lab, end):
    run(f"llmlab.init()\nlarge()\n{end}", prelude=PRELUDE + LARGE)
    assert lab.call()["usage"] == USAGE


def test_a_program_that_is_killed_loses_what_is_being_read_and_nothing_else(lab):
    program = """
    llmlab.init()
    for _ in range(10):
        llmlab.track_call("openai", "gpt-4", 1, 1)
    large()
    os.kill(os.getpid(), signal.SIGKILL)
    """
    run(program, prelude=PRELUDE + LARGE, check=False)
    calls = lab.calls()
    assert sum(call["usage"] == {"input": 1, "output": 1} for call in calls) == 10
    assert len(calls) <= 11


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_leaves_to_its_parent_what_is_being_read(lab):
    program = """
    llmlab.init()
    with llmlab.track(feature="parent") as t:
        for _ in range(8):
            large()
        child = os.fork()
        if child == 0:
            signal.alarm(20)  # a child that hangs dies of it
            with llmlab.track(feature="child") as own:
                large()
            t.cost  # whatever it is: nobody waits for the thread of the parent's
            well = own.calls == 1 and llmlab.stats()["recorded"] == 1
            os._exit(0 if well else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert t.calls == 8, t.calls
    assert llmlab.stats()["recorded"] == 8
    """
    run(program, prelude=PRELUDE + LARGE)
    features = [call["feature"] for call in lab.calls()]
    assert sorted(features) == ["child"] + ["parent"] * 8
    assert all(call["usage"] == USAGE for call in lab.calls())


def test_the_memory_of_a_stream_is_bounded_by_its_usage_and_not_its_length(lab):
    program = """
    llmlab.init()
    CHUNK = b'data: {"id":"c","model":"gpt-4","choices":[{"delta":{"content":" lake"}}],"usage":null}\\n\\n'
    LAST = b'data: {"id":"c","model":"gpt-4","choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":500}}\\n\\n'

    class Long(httpx.SyncByteStream):
        def __iter__(self):
            for number in range(1_000_000):
                if number == 100_000:
                    self.early = resident()
                yield CHUNK
            self.late = resident()
            yield LAST + b"data: [DONE]\\n\\n"

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096

    stream = Long()
    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=stream))
    request = {"model": "gpt-4", "messages": [], "stream": True, "stream_options": {"include_usage": True}}
    with httpx.Client(transport=transport) as client:
        with client.stream("POST", "https://api.openai.com/v1/chat/completions", json=request) as response:
            for _ in response.iter_raw():
                pass
    assert stream.late - stream.early < 1 << 20, (stream.early, stream.late)
    """
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("the memory of a process is read from /proc")
    run(program, prelude=PRELUDE + LARGE)
    assert lab.call()["usage"] == USAGE
