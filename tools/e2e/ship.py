"""A program under llmlab: calls of every sort, to the sinks of its arguments.

python ship.py PROJECT SINKS CALLS, where SINKS is what `llmlab.init(sinks=...)` takes, as JSON, and CALLS a number of
ordinary calls beside the others
"""

from __future__ import annotations

import json
import sys
import time

import llmlab

DELIVERY_LIMIT_S = 90


@llmlab.trace(kind="tool")
def search(question: str) -> list[str]:
    llmlab.track_call("openai", "text-embedding-3-small", 12, operation="embeddings")
    return [question]


@llmlab.trace(kind="agent")
def answer(question: str) -> None:
    search(question)
    llmlab.track_call(
        "anthropic",
        "claude-sonnet-4-6",
        1000,
        500,
        usage={"cache_read": 400, "cache_write_5m": 50},
        latency_ms=1200,
    )
    llmlab.track_call("openai", "gpt-5-mini", 1482, 645, usage={"reasoning": 320}, latency_ms=800)


def main(project: str, sinks: list, calls: int) -> int:
    llmlab.init(project=project, environment="e2e", service="support-desk", sinks=sinks)
    with llmlab.track(feature="chat", user="u-1", session="s-1", tags={"team": "support"}):
        answer("what does it cost?")
        # A price that only the host knows, and one that nobody does.
        llmlab.track_call("openai", "our-own-model", 100, 10, cost_usd="0.123456")
        llmlab.track_call("openai", "nobody-knows-it", 100, 10)
        for _ in range(calls):
            llmlab.track_call("openai", "gpt-5-mini", 1482, 645)
    deadline = time.monotonic() + DELIVERY_LIMIT_S
    report = llmlab.flush(10)
    while report.pending and time.monotonic() < deadline:
        time.sleep(0.2)  # a flush ends early where a server refuses; the next try is the library's business
        report = llmlab.flush(10)
    if report.pending or report.dropped:
        print(report, llmlab.stats(), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])))
