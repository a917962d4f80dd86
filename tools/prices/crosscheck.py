"""Asks the engine and both sources what the same calls cost, and compares where the sources agree.

Nothing here is shared with the generator: genai-prices answers through its own library, litellm's map is read anew with
the rules of `core/catalogue/README.md`, in exact fractions.

    cargo build --release -p llmlab --example price
    python tools/prices/crosscheck.py target/release/examples/price
"""

from __future__ import annotations

import importlib.metadata
import json
import random
import subprocess
import sys
from collections import Counter
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import genai_prices
from genai_prices import Usage

AT = "2026-11-18T12:00:00Z"  # a Wednesday outside DeepSeek's peak
MAP = "litellm/model_prices_and_context_window_backup.json"
# litellm's provider -> (ours, the prefix of its keys, genai-prices' provider)
SELLERS = {
    "openai": ("openai", "", "openai"),
    "anthropic": ("anthropic", "", "anthropic"),
    "gemini": ("google", "gemini/", "google"),
    "azure": ("azure", "azure/", "azure"),
    "azure_ai": ("azure", "azure_ai/", "azure"),
    "bedrock": ("bedrock", "", "aws"),
    "bedrock_converse": ("bedrock", "", "aws"),
    "mistral": ("mistral", "mistral/", "mistral"),
    "cohere": ("cohere", "", "cohere"),
    "cohere_chat": ("cohere", "", "cohere"),
    "groq": ("groq", "groq/", "groq"),
    "deepseek": ("deepseek", "deepseek/", "deepseek"),
    "xai": ("xai", "xai/", "x-ai"),
    "together_ai": ("together", "together_ai/", "together"),
    "fireworks_ai": ("fireworks", "fireworks_ai/", "fireworks"),
    "perplexity": ("perplexity", "perplexity/", "perplexity"),
    "cerebras": ("cerebras", "cerebras/", "cerebras"),
    "moonshot": ("moonshot", "moonshot/", "moonshotai"),
    "zai": ("zai", "zai/", "zai"),
    "minimax": ("minimax", "minimax/", "minimax"),
    "voyage": ("voyage", "voyage/", "voyageai"),
}
# Both sources miss its cached rate, litellm by a slip of the key: see adjudications.toml.
DECIDED = {("openai", "ft:gpt-4o-2024-11-20", "cache_read")}
# our dimension -> (litellm's key, genai-prices' count, the parent)
DIMENSIONS = {
    "input": ("input_cost_per_token", "input_tokens", None),
    "output": ("output_cost_per_token", "output_tokens", None),
    "cache_read": ("cache_read_input_token_cost", "cache_read_tokens", "input"),
    "cache_write_5m": ("cache_creation_input_token_cost", "cache_write_tokens", "input"),
    "cache_write_1h": ("cache_creation_input_token_cost_above_1hr", "cache_write_1h_tokens", "cache_write_5m"),
    "audio_in": ("input_cost_per_audio_token", "input_audio_tokens", "input"),
    "image_in": ("input_cost_per_image_token", "input_image_tokens", "input"),
    "audio_out": ("output_cost_per_audio_token", "output_audio_tokens", "output"),
    "image_out": ("output_cost_per_image_token", "output_image_tokens", "output"),
}
TIERS = ("standard", "batch", "flex", "priority")
ENDING = {"standard": "", "batch": "_batches", "flex": "_flex", "priority": "_priority"}
THRESHOLDS = (100_000, 128_000, 200_000, 272_000, 512_000)


def exact(value: float) -> Fraction:
    rate = Decimal(repr(value)) * 1_000_000
    return Fraction(f"{rate:.11e}") / 1_000_000


def litellm_rate(entry: dict, dimension: str, tier: str, total: int, inclusive: bool) -> Fraction | None:
    key, _, parent = DIMENSIONS[dimension]
    for ending in dict.fromkeys((ENDING[tier], "")):
        reached = [t for t in THRESHOLDS if total > t or (inclusive and total == t)]
        for threshold in reversed(reached):
            if isinstance(value := entry.get(f"{key}_above_{threshold // 1000}k_tokens{ending}"), (int, float)):
                if isinstance(entry.get(key + ending), (int, float)):
                    return exact(value)
        if isinstance(value := entry.get(key + ending), (int, float)):
            return exact(value)
    return litellm_rate(entry, parent, tier, total, inclusive) if parent else None


def litellm_cost(entry: dict, usage: dict[str, int], tier: str, inclusive: bool) -> Fraction | None:
    off_peak = entry.get("off_peak_pricing") or {}
    entry = entry | {key: value for key, value in off_peak.items() if key.endswith(("token_cost", "per_token"))}
    inside = {d: n for d, n in usage.items() if d not in ("input", "output", "web_searches")}
    leaves = inside | {
        "input": usage["input"] - sum(n for d, n in inside.items() if not d.endswith("_out")),
        "output": usage["output"] - sum(n for d, n in inside.items() if d.endswith("_out")),
    }
    cost = Fraction(0)
    for dimension, count in leaves.items():
        if count:
            rate = litellm_rate(entry, dimension, tier, usage["input"], inclusive)
            if rate is None:
                return None
            cost += rate * count
    if searches := usage.get("web_searches"):
        by_size = entry.get("search_context_cost_per_query")
        if not by_size or len(set(by_size.values())) > 1:
            return None
        cost += Fraction(Decimal(repr(by_size["search_context_size_low"]))) * searches
    return cost


def genai_cost(seller: str, model: str, usage: dict[str, int], tier: str) -> Fraction | None:
    # There, `cache_write_tokens` contain the one-hour ones; here, the two are disjoint.
    counts = {DIMENSIONS[d][1]: n for d, n in usage.items() if d in DIMENSIONS}
    if "cache_write_1h_tokens" in counts:
        counts["cache_write_tokens"] = counts.get("cache_write_tokens", 0) + counts["cache_write_1h_tokens"]
    if "web_searches" in usage:
        counts["web_searches"] = usage["web_searches"]
    context = {"standard": None, "batch": {"processing": "batch"}}.get(tier, {"service_tier": tier})
    when = datetime.fromisoformat(AT.replace("Z", "+00:00"))
    try:
        found = genai_prices.calc_price(
            Usage(**counts), model_ref=model, provider_id=seller, genai_request_timestamp=when, price_context=context
        )
    except (LookupError, ValueError):
        return None
    price = found.model_price
    if (
        price.input_mtok is None
        or price.requests_kcount is not None
        or ("web_searches" in usage and not price.web_searches_kcount)
    ):
        return None
    if usage["output"] and price.output_mtok is None:
        return None
    return Fraction(found.total_price)


def shapes(random: random.Random) -> list[tuple[dict[str, int], str]]:
    def some(most: int) -> int:
        return random.randrange(1, most)

    plain = [({"input": some(90_000), "output": some(9_000)}, tier) for tier in TIERS]
    parts = [
        ({"input": 50_000 + some(9_000), "output": 5_000 + some(999), dimension: some(4_000)}, tier)
        for dimension in DIMENSIONS
        if dimension not in ("input", "output")
        for tier in TIERS
    ]
    long = [
        ({"input": threshold + step, "output": some(9_000)} | extra, tier)
        for threshold in THRESHOLDS
        for step in (-1, 0, 1)
        for extra in ({}, {"cache_read": some(90_000)}, {"cache_write_5m": some(90_000)})
        for tier in TIERS
    ]
    return [*plain, *parts, *long, ({"input": some(9_000), "output": some(900), "web_searches": some(9)}, "standard")]


def kind(usage: dict[str, int], tier: str) -> str:
    parts = [d for d in usage if d not in ("input", "output")] or ["plain"]
    return f"{tier}.{'+'.join(parts)}{'>tier' if usage['input'] >= 99_999 else ''}"


def main() -> None:
    engine = sys.argv[1]
    entries = json.loads(importlib.metadata.distribution("litellm").locate_file(MAP).read_text())
    queries, expected, single, decided = [], [], 0, 0
    dice = random.Random(20261121)
    models, seen_names = set(), set()
    # The first gateway of a provider before the second, whose prices count only for names of its own.
    entries = dict(sorted(entries.items(), key=lambda item: item[1].get("litellm_provider") == "azure_ai"))
    for key, entry in entries.items():
        if key.startswith("vertex_ai/") or entry.get("litellm_provider", "").startswith("vertex_ai"):
            ours, prefix, seller = "vertex", "vertex_ai/", "google"
        elif entry.get("litellm_provider") in SELLERS:
            ours, prefix, seller = SELLERS[entry["litellm_provider"]]
        else:
            continue
        name = key.removeprefix(prefix)
        if (ours, name) in seen_names:
            continue  # azure_ai/ sells under names of azure/
        seen_names.add((ours, name))
        for usage, tier in shapes(dice):
            theirs = litellm_cost(entry, usage, tier, ours == "xai")
            other = genai_cost(seller, name, usage, tier)
            if theirs is None or other is None:
                single += theirs is not None or other is not None
            elif any((ours, name, dimension) in DECIDED for dimension in usage):
                decided += 1
            elif theirs == other:
                models.add((ours, name))
                queries.append({"provider": ours, "model": name, "usage": usage, "timestamp": AT, "service_tier": tier})
                expected.append(other)
    text = "".join(json.dumps(query) + "\n" for query in queries)
    answers = subprocess.run([engine], input=text, capture_output=True, text=True, check=True).stdout.split()
    wrong, seen = [], Counter()
    for query, want, got in zip(queries, expected, answers, strict=True):
        seen[query["provider"]] += 1
        if got == "null" or Fraction(got) != want:
            wrong.append((query, float(want), got))
    print(
        f"{len(queries)} calls of {len(models)} models on which both sources agree: {len(queries) - len(wrong)} exact"
    )
    print(f"{single} calls that only one source can price were not compared")
    print(f"{decided} calls on which we decided otherwise were not compared")
    print("calls by provider:", dict(seen))
    for (provider, what), count in sorted(
        Counter((q["provider"], kind(q["usage"], q["service_tier"])) for q, _, _ in wrong).items()
    ):
        example = next(
            w for w in wrong if w[0]["provider"] == provider and kind(w[0]["usage"], w[0]["service_tier"]) == what
        )
        print("wrong", count, provider, what, example)
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
