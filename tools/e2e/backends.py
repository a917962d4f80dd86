"""What each server shows, read back through its own interface and compared with what was recorded."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from expected import Event, total
from servers import ask, wait_until

ARRIVAL_LIMIT_S = 60


def equal(what: str, shown: object, recorded: object) -> None:
    if shown != recorded:
        raise AssertionError(f"{what}: shown {shown!r}, recorded {recorded!r}")


def phoenix(url: str, project: str, events: list[Event]) -> dict[str, str]:
    """Phoenix keeps what it was sent and prices calls by its own table, so the exact cost is among the attributes."""

    def all_spans() -> list | None:
        try:
            spans = ask(f"{url}/v1/projects/{project}/spans?limit=1000")["data"]
        except OSError:  # 404 until the first span is stored
            return None
        return spans if len(spans) >= len(events) else None

    spans = {span["context"]["span_id"]: span for span in wait_until(all_spans, ARRIVAL_LIMIT_S, "spans in Phoenix")}
    equal("spans", len(spans), len(events))
    for event in events:
        span = spans[event.span_id]
        attributes = span["attributes"]
        equal(f"{event.name} parent", span["parent_id"], event.parent_id)
        for key, recorded in [
            ("llm.token_count.prompt", event.usage.get("input")),
            ("llm.token_count.completion", event.usage.get("output")),
            ("llm.token_count.prompt_details.cache_read", event.usage.get("cache_read")),
            ("llm.token_count.prompt_details.cache_write", event.cache_write),
            ("llm.token_count.completion_details.reasoning", event.usage.get("reasoning")),
            ("llm.model_name", event.model),
            ("llmlab.cost.total_usd", event.cost_text),
            ("session.id", "s-1"),
            ("user.id", "u-1"),
        ]:
            equal(f"{event.name} {key}", attributes.get(key), recorded)
    query = """{ projects { edges { node { name tokenCountPrompt tokenCountCompletion
        costSummary { total { cost } } } } } }"""

    def summed() -> dict | None:
        # Sums are made in the background, a moment after the spans.
        nodes = [edge["node"] for edge in ask(f"{url}/graphql", {"query": query})["data"]["projects"]["edges"]]
        [node] = [node for node in nodes if node["name"] == project]
        return node if node["costSummary"]["total"]["cost"] else None

    node = wait_until(summed, ARRIVAL_LIMIT_S, "sums in Phoenix")
    # It adds up spans of the kind LLM only, and leaves embeddings out.
    summed_up = [event for event in events if "output" in event.usage]
    equal("prompt tokens", int(node["tokenCountPrompt"]), total(summed_up, "input"))
    equal("completion tokens", int(node["tokenCountCompletion"]), total(summed_up, "output"))
    return {
        "spans": str(len(spans)),
        "input": str(int(node["tokenCountPrompt"])),
        "output": str(int(node["tokenCountCompletion"])),
        "cost shown": f"${node['costSummary']['total']['cost']:.6f} by its own table",
        "our cost": "every span's llmlab.cost.total_usd",
    }


def mlflow(url: str, database: Path, events: list[Event]) -> dict[str, str]:
    """MLflow takes the cost that the span carries, and prices what carries none."""
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}
    search = {"locations": [place], "max_results": 100}
    traces = len({event.trace_id or event.span_id for event in events})

    def all_traces() -> list | None:
        found = ask(f"{url}/api/3.0/mlflow/traces/search", search).get("traces", [])
        return found if len(found) >= traces and len(spans_of(database)) >= len(events) else None

    found = wait_until(all_traces, ARRIVAL_LIMIT_S, "traces in MLflow")
    equal("traces", len(found), traces)
    spans = spans_of(database)
    equal("spans", len(spans), len(events))
    for event in events:
        span_type, model, cost = spans[event.span_id]
        equal(f"{event.name} model", model, event.model)
        if event.cost_usd is not None:
            equal(f"{event.name} cost", cost, float(event.cost_usd))
        if event.kind == "call":
            assert span_type in ("CHAT_MODEL", "EMBEDDING"), span_type
    metadata = [trace["trace_metadata"] for trace in found]
    for trace in metadata:
        equal("session", trace.get("mlflow.trace.session"), "s-1")
        equal("user", trace.get("mlflow.trace.user"), "u-1")
    usage = [json.loads(trace["mlflow.trace.tokenUsage"]) for trace in metadata]
    equal("input tokens", sum(one["input_tokens"] for one in usage), total(events, "input"))
    equal("output tokens", sum(one["output_tokens"] for one in usage), total(events, "output"))
    costs = sum(json.loads(trace.get("mlflow.trace.cost", '{"total_cost":0}'))["total_cost"] for trace in metadata)
    recorded = sum(event.cost_usd for event in events if event.cost_usd is not None)
    assert abs(costs - float(recorded)) < 1e-12, f"cost: shown {costs}, recorded {recorded}"
    return {
        "spans": str(len(spans)),
        "input": str(sum(one["input_tokens"] for one in usage)),
        "output": str(sum(one["output_tokens"] for one in usage)),
        "cost shown": f"${costs:.6f}, ours",
        "our cost": "every span's total_cost",
    }


def spans_of(database: Path) -> dict[str, tuple]:
    """The only place where MLflow tells of one span's cost."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT span_id, type, model_name, total_cost FROM spans")
        return {span_id: (span_type, model, cost) for span_id, span_type, model, cost in rows}
