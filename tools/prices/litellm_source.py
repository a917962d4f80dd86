"""litellm's price map: current prices only, floats in dollars per unit."""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
from decimal import Decimal

from record import Period, Rate, RateSet, Window, clean, without_orphans

VERSION = "1.106.2"
FILE = "litellm/model_prices_and_context_window_backup.json"

# litellm's provider -> ours. Keys of the map begin with the former and a slash, or with nothing.
PROVIDER = {
    "openai": "openai", "text-completion-openai": "openai", "anthropic": "anthropic", "gemini": "google",
    "azure": "azure", "azure_ai": "azure", "azure_text": "azure", "bedrock": "bedrock", "bedrock_converse": "bedrock",
    "bedrock_mantle": "bedrock", "mistral": "mistral", "cohere": "cohere",
    "cohere_chat": "cohere", "groq": "groq", "deepseek": "deepseek", "xai": "xai",
    "together_ai": "together", "fireworks_ai": "fireworks", "fireworks_ai-embedding-models": "fireworks",
    "perplexity": "perplexity", "cerebras": "cerebras", "moonshot": "moonshot", "zai": "zai", "minimax": "minimax",
    "voyage": "voyage", "openrouter": "openrouter",
}  # fmt: skip

# Prices by parameter count, by picture size and by hour of provisioned throughput: no price of a named model.
NOT_A_MODEL = re.compile(r"^(together-ai-|fireworks-ai-)|-commitment/|-x-\d+/|^max-x-max/|^(azure/|openai/)?container$")

# A second gateway of the same provider: its names count where the first has none.
SECOND = {"bedrock_mantle", "azure_ai"}

TOKEN_KEYS = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "input_cost_per_token_cache_hit": "cache_read",
    "cache_creation_input_token_cost": "cache_write_5m",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "input_cost_per_audio_token": "audio_in",
    "input_cost_per_image_token": "image_in",
    "cache_read_input_audio_token_cost": "cache_read_audio",
    "output_cost_per_reasoning_token": "reasoning",
    "output_cost_per_audio_token": "audio_out",
    "output_cost_per_image_token": "image_out",
    "citation_cost_per_token": "citation",
}
SET_ENDINGS = {
    "_batches": "batch", "_flex": "flex", "_priority": "priority", "_ultrafast": "ultrafast", "_decisions": "decisions",
}  # fmt: skip
TIER = re.compile(r"_above_(\d+)k_tokens$")
AUDIO_MODES = {"audio_transcription", "realtime", "embedding", "audio_speech"}


def read() -> dict[tuple[str, str], Period]:
    """Every priced entry of the named providers, by (provider, name)."""
    distribution = importlib.metadata.distribution("litellm")
    if distribution.version != VERSION:
        raise SystemExit(f"litellm {VERSION} is pinned, {distribution.version} is installed")
    entries = json.loads(distribution.locate_file(FILE).read_text())
    found: dict[tuple[str, str], Period] = {}
    for second_round in (False, True):
        for key, entry in entries.items():
            origin = entry.get("litellm_provider") or ""
            provider = "vertex" if origin.startswith("vertex_ai") else PROVIDER.get(origin)
            if provider is None or NOT_A_MODEL.search(key) or (origin in SECOND) != second_round:
                continue
            name = strip(key, origin)
            period = to_period(entry, provider)
            if period and (provider, name) not in found:
                found[provider, name] = period
    return found


def strip(key: str, origin: str) -> str:
    head, _, rest = key.partition("/")
    own = {origin, origin.split("-")[0], "bedrock", "azure", "fireworks_ai"}
    return rest if rest and head in own else key


def to_period(entry: dict, provider: str) -> Period | None:
    period = Period(source="L")
    for key, value in entry.items():
        place = token_place(key, provider)
        if place and isinstance(value, (int, float)):
            set_name, dimension, start = place
            rates = period.sets.setdefault(set_name, {})
            rates.setdefault((dimension, start), per_million(value))
    for name, rates in period.sets.items():
        period.sets[name] = without_orphans(rates)
    without_slips(period)
    fees(entry, provider, period)
    if off_peak := entry.get("off_peak_pricing"):
        turn_to_peak_windows(period, off_peak)
    special = entry.get("provider_specific_entry") or {}
    if "fast" in special:
        fast = Decimal(str(special["fast"]))
        period.sets["fast"] = {k: rate.times(fast) for k, rate in period.standard.items() if rate.per == 1_000_000}
    for geo in ("us", "eu"):
        multiplier = (
            entry.get(f"regional_processing_uplift_multiplier_{geo}")
            or entry.get("regional_endpoint_uplift_multiplier")
            or special.get(geo)
        )
        if multiplier:
            period.geo[geo] = clean(Decimal(str(multiplier)))
    return period if period.standard or period.sized else None


def token_place(key: str, provider: str) -> tuple[str, str, int] | None:
    set_name = "standard"
    for ending, name in SET_ENDINGS.items():
        if key.endswith(ending):
            key, set_name = key.removesuffix(ending), name
    start = 0
    if tier := TIER.search(key):
        # The map writes the same 200k for all; xAI bills from the 200,000th token on (https://docs.x.ai/docs/models).
        start = int(tier[1]) * 1000 + (0 if provider == "xai" else 1)
        key = key[: tier.start()]
    dimension = TOKEN_KEYS.get(key)
    return (set_name, dimension, start) if dimension else None


def fees(entry: dict, provider: str, period: Period) -> None:
    mode = entry.get("mode")
    standard: RateSet = period.standard

    def fee(dimension: str, key: str, per: int = 1000, into: RateSet = standard) -> None:
        if isinstance(entry.get(key), (int, float)):
            into.setdefault((dimension, 0), per_unit(entry[key], per))

    if mode in AUDIO_MODES:
        fee("audio_seconds", "input_cost_per_second", 3600)
        fee("audio_seconds", "input_cost_per_audio_per_second", 3600)
    if mode == "video_generation":
        fee("video_seconds", "output_cost_per_video_per_second", 1)
        fee("video_seconds", "output_cost_per_second", 1)
    if mode == "rerank":
        fee("rerank_searches", "input_cost_per_query")
    if mode == "audio_speech":
        fee("characters", "input_cost_per_character", 1_000_001)
    fee("pages", "ocr_cost_per_page")
    fee("pages", "ocr_cost_per_page_batches", into=period.sets.setdefault("batch", {}))
    fee("requests", "input_cost_per_request")
    fee("text_messages", "input_cost_per_text_message")
    by_size = entry.get("search_context_cost_per_query") or {}
    sizes = {
        size: per_unit(by_size[key], 1000)
        for size in ("low", "medium", "high")
        if (key := f"search_context_size_{size}") in by_size
    }
    if len(set(sizes.values())) == 1:
        standard["web_searches", 0] = sizes["low"]
    elif sizes:
        # Only Perplexity charges by the size, and a fee for each request, not for each search; its default is low
        # (https://docs.perplexity.ai/getting-started/pricing).
        period.sized["requests"] = sizes
        standard["web_searches", 0] = Rate(Decimal(0), 1000)
    if not period.sets.get("batch", {"": 0}):
        del period.sets["batch"]


def without_slips(period: Period) -> None:
    """Drops tiers at more than ten times the standard price: gpt-5-nano's "priority" is another model's."""
    standard = period.standard.get(("input", 0))
    for name, rates in list(period.sets.items()):
        rate = rates.get(("input", 0))
        if name != "standard" and rate and standard and standard.price and rate.unit > 10 * standard.unit:
            print(f"litellm: the {name} price of a model is {rate} for {standard}: dropped", file=sys.stderr)
            del period.sets[name]


def turn_to_peak_windows(period: Period, off_peak: dict) -> None:
    """The map prices the peak and lists the other hours; we, like genai-prices, price those and list the peak."""
    peak = dict(period.standard)
    for key, dimension in TOKEN_KEYS.items():
        if key in off_peak:
            period.standard[dimension, 0] = per_million(off_peak[key])
    by_days = {tuple(w["weekdays"]): w["hours_utc"] for w in off_peak["windows"]}
    for days, hours in by_days.items():
        if days not in ((1, 2, 3, 4, 5), (6, 7)):
            raise SystemExit(f"unknown weekdays {days}")
        quiet = sorted(span.split("-") for span in ([hours] if isinstance(hours, str) else hours))
        clock = "00:00"
        for begin, end in [*quiet, ["24:00", "24:00"]]:
            if begin > clock:
                period.windows.append(Window(clock, begin, peak, "mon-fri" if days[0] == 1 else "sat-sun"))
            clock = "24:00" if end == "00:00" else end


def per_million(value: float) -> Rate:
    return Rate(clean(Decimal(repr(value)) * 1_000_000))


def per_unit(value: float, per: int) -> Rate:
    """In the unit in which the provider lists it, where the rounded float of one unit gives that back exactly."""
    exact = Decimal(repr(value))
    if per == 1_000_001:  # characters are listed by the million
        return Rate(clean(exact * 1_000_000))
    if per == 3600 and len(exact.normalize().as_tuple().digits) < 12:
        return Rate(clean(exact), 1)
    listed = clean(exact * per)
    rounded = listed.quantize(Decimal("0.000001")).normalize()
    close = abs(rounded - listed) <= listed * Decimal("1e-9")
    return Rate(rounded if close else listed, per)
