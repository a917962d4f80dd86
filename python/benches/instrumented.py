"""Rows of a real SDK over a real socket: what the tap adds, and what our peers' add."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
from peers import backend
from timing import WARM_UP, Row, paired

import llmlab

HERE = Path(__file__).parent
CHUNKS = 500
LIBRARIES = ["llmlab", "otel-openai-v2", "openllmetry", "langfuse"]
CALL_BUDGET_US = 15.0
STREAM_BUDGET_US = 36.0 + 0.3 * CHUNKS
BUDGETS_US = {
    "call": CALL_BUDGET_US,
    "async call": CALL_BUDGET_US,
    "stream": STREAM_BUDGET_US,
    "async stream": STREAM_BUDGET_US,
}
LARGE_BUDGET_US = 100.0
ROUNDS = 3
PAIRS = 400


def rows(response: dict[str, object]) -> Iterator[Row]:
    yield large(response)
    command = [sys.executable, str(HERE / "provider.py"), json.dumps(response)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as provider:
        try:
            assert provider.stdout is not None
            url = f"http://127.0.0.1:{int(provider.stdout.readline())}/v1"
            rounds = [{library: added(library, url) for library in LIBRARIES} for _ in range(ROUNDS)]
        finally:
            provider.kill()
    for kind, budget in BUDGETS_US.items():
        figures = {library: statistics.median(round_[library][kind] for round_ in rounds) for library in LIBRARIES}
        ours = figures.pop("llmlab")
        chunks = f" of {CHUNKS} chunks" if "stream" in kind else ""
        yield Row(f"instrumented openai {kind}{chunks}, added", ours, budget, peers=figures)


def large(response: dict[str, object]) -> Row:
    """A response as large as an image, which is read by another thread: what the caller's has to do."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "QUJDREVG" * 650_000}, "finish_reason": "stop"}
    body = json.dumps({**response, "choices": [choice]}).encode()
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=body))

    class Bare(httpx.Client):
        send = httpx.Client.send

    def post(client: httpx.Client) -> None:
        client.post("https://api.openai.com/v1/chat/completions", json={"model": "gpt-5-mini", "messages": []})

    llmlab.instrument()
    bare, tapped = Bare(transport=transport), httpx.Client(transport=transport)
    before = llmlab.stats()["recorded"]
    taken = paired(lambda: post(bare), lambda: post(tapped), 50)
    assert llmlab.stats()["recorded"] - before == 50 + WARM_UP
    llmlab.uninstrument()
    return Row("instrumented call, response of 5.2 MB, added", taken, LARGE_BUDGET_US)


def added(library: str, url: str) -> dict[str, float]:
    """In a process of its own: one library patches what the other has patched."""
    with backend() as receiver:
        command = [sys.executable, str(HERE / "added.py"), library, url, receiver.url, str(PAIRS)]
        run = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert run.returncode == 0, f"{library}: {run.stderr}"
    figures: dict[str, float] = json.loads(run.stdout)
    return figures
