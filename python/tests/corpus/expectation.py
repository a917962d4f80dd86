"""What a case must leave: the recording's own counts in our words, and the catalogue's price of them."""

from __future__ import annotations

from decimal import Decimal

import llmlab

from .recording import Case

EXCEPTIONS = {
    "openrouter-chat-01": "beside what OpenRouter charges, its user's own key paid the provider",
}
"""Cases that come out otherwise, each with the reason; at most one in a hundred."""

IDS = {
    "azure-openai": "azure",
    "bedrock-mantle": "bedrock",
    "gpustack": None,
    "local": None,
    "vercel-gateway": "vercel",
}
"""The providers whose id is not the recording's word; nobody where the host is somebody's own."""

TOLD_BESIDE = {
    "bedrock-invoke-stream-03": "its first usage, not its last, says that no cache was used",
    "together-chat-01": "`cached_tokens` stands beside the details",
    "together-chat-stream-01": "`cached_tokens` stands beside the details",
}
"""Where we know a count that the recording's oracle, which reads fewer places, does not: those that it has agree."""

COUNTED = {
    "input",
    "output",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "reasoning",
    "audio_in",
    "audio_out",
}
"""What the recording's words can say; searches and images are beside it."""


def usage(case: Case) -> dict[str, int]:
    """The counts of the recording; of an error, none."""
    told = case.recorded["expected_tokens"] or {}
    names = ("cache_read", "cache_write_1h", "reasoning", "audio_in", "audio_out")
    counts = {"input": told.get("input_total"), "output": told.get("output_total")}
    counts |= {name: told.get(name) for name in names}
    if told.get("cache_write") is not None:
        counts["cache_write_5m"] = told["cache_write"] - (told["cache_write_1h"] or 0)
    return {name: count for name, count in counts.items() if count is not None}


def difference(case: Case, calls: list[dict]) -> str | None:
    """What is wrong with the calls that a case left, if anything."""
    if len(calls) != (0 if case.free else 1):
        return f"{len(calls)} calls"
    for call in calls:
        for differs in (_usage_differs, _outcome_differs, _name_differs, _cost_differs):
            if problem := differs(case, call):
                return problem
    return None


def _usage_differs(case: Case, call: dict) -> str | None:
    expected = usage(case)
    known = expected.keys() if case.id in TOLD_BESIDE else COUNTED
    if {name: count for name, count in call["usage"].items() if name in known} != expected:
        return f"usage {call['usage']} for {expected}"
    return None


def _outcome_differs(case: Case, call: dict) -> str | None:
    if call["status"] != ("error" if case.failed else "ok"):
        return f"status {call['status']}"
    if call["stream"] != case.streaming:
        return f"stream {call['stream']}"
    return None


def _name_differs(case: Case, call: dict) -> str | None:
    provider = IDS.get(case.provider, case.provider)
    if call["provider"] != provider:
        return f"provider {call['provider']} for {provider}"
    requested, returned = (case.recorded[f"model_{which}"] for which in ("requested", "returned"))
    # A cloud sells by its own name of a model, and not by the one that the model's maker gives in the body.
    returned = None if case.provider in ("bedrock", "vertex") else returned
    if requested is not None and call["model_requested"] not in (requested, case.deployment):
        return f"model_requested {call['model_requested']} for {requested}"
    if (returned or requested) is not None and call["model"] != (returned or requested):
        return f"model {call['model']} for {returned or requested}"
    return None


def _cost_differs(case: Case, call: dict) -> str | None:
    stated = (case.recorded["expected_tokens"] or {}).get("provider_cost_usd")
    if stated is not None:
        stated = float(round(Decimal(str(stated)), 18))  # as many decimals as money has
    source, state, cost = call["cost_source"], call["cost_state"], call["cost_usd"]
    if call["provider_cost_usd"] != stated:
        return f"provider_cost_usd {call['provider_cost_usd']} for {stated}"
    if stated is not None:
        return None if (source, cost) == ("provider", stated) else f"cost {cost} by {source} for {stated} by provider"
    if not call["usage"]:
        expected = ("priced", 0) if case.status >= 400 else ("unpriced", None)
        return None if (state, cost) == expected else f"cost {cost} ({state}) without usage"
    # Searches, images and the like are priced, too: the recording's words do not have them.
    counts = {**call["usage"], **usage(case)}
    tier = call["service_tier"] or "standard"
    try:
        answer = llmlab.cost(call["provider"] or "", call["model"] or "", counts, call["ts"], tier)
    except llmlab.LlmlabError:
        # The provider's counts contradict each other: whatever they cost, nobody may call it exact.
        return f"cost {cost} of counts that contradict each other" if state == "priced" else None
    expected_cost = None if answer.total is None else float(answer.total)
    if "iterations" in case.tags:
        # What an advisor or a compaction used is billed beside it.
        return None if cost is not None and cost > expected_cost else f"cost {cost}, without iterations {expected_cost}"
    return None if cost == expected_cost else f"cost {cost} ({state}) for {expected_cost} ({answer.state})"
