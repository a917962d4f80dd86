"""Writes core/conformance/price/*.jsonl: what calls must cost, worked out by hand-written rates and exact fractions.

The rates below are the providers' own (dollars for a million tokens, or for what the unit says), typed in here and not read
from the catalogue: the vectors must be able to prove it wrong.

    python tools/prices/vectors.py
"""

# ruff: noqa: E501 (a table: one case a line)
from __future__ import annotations

import json
from fractions import Fraction as F
from pathlib import Path

OUT = Path(__file__).parents[2] / "core" / "conformance" / "price"
NOON = "2026-11-18T12:00:00Z"  # a Wednesday
M = 1_000_000


def usd(amount: F | None) -> str | None:
    """Decimal text with at most 18 decimals, rounded half to even."""
    if amount is None:
        return None
    atto = round(amount * 10**18)  # Python rounds a fraction half to even
    return f"{atto // 10**18}.{atto % 10**18:018}".rstrip("0").rstrip(".")


def case(name: str, provider: str, model: str, usage: dict, expected: F | None, **rest: str) -> dict:
    state = rest.pop("state", "unpriced" if expected is None else "priced")
    out = {"name": name, "provider": provider, "model": model, "usage": usage, "at": rest.pop("at", NOON)}
    return out | rest | {"cost_usd": usd(expected), "state": state}


def tokens(**parts: tuple[int, str]) -> F:
    """Sum of count × dollars for a million."""
    return sum((F(count) * F(rate) / M for count, rate in parts.values()), F(0))


def dimensions() -> list[dict]:
    flash = {"input": 6000, "output": 400, "audio_in": 1500, "cache_read": 1000, "cache_read_audio": 300}
    realtime = {"input": 2000, "output": 900, "audio_in": 700, "audio_out": 500, "image_in": 200}
    opus = {"input": 9000, "output": 50, "cache_read": 4000, "cache_write_5m": 1000, "cache_write_1h": 500}
    return [
        case("input and output", "openai", "gpt-4o-mini", {"input": 1000, "output": 500}, tokens(i=(1000, "0.15"), o=(500, "0.6"))),
        case("cached input", "openai", "gpt-4o-mini", {"input": 1000, "output": 1, "cache_read": 990},
             tokens(i=(10, "0.15"), c=(990, "0.075"), o=(1, "0.6"))),
        case("both cache writes", "anthropic", "claude-opus-5", opus,
             tokens(i=(3500, "5"), r=(4000, "0.5"), s=(1000, "6.25"), l=(500, "10"), o=(50, "25"))),
        case("cached audio is in both", "google", "gemini-2.5-flash", flash,
             tokens(i=(6000 - 1500 - 1000 + 300, "0.3"), a=(1200, "1"), c=(700, "0.03"), ca=(300, "0.1"), o=(400, "2.5"))),
        case("audio and images", "openai", "gpt-realtime", realtime,
             tokens(i=(1100, "4"), a=(700, "32"), p=(200, "5"), o=(400, "16"), ao=(500, "64"))),
        case("image output", "google", "gemini-3-pro-image-preview", {"input": 10, "output": 1300, "image_out": 1290},
             tokens(i=(10, "2"), o=(10, "12"), p=(1290, "120"))),
        case("speech by the character", "openai", "tts-1", {"characters": 1500}, F(1500 * 15, M)),
        case("a transcription by the second", "openai", "whisper-1", {"audio_seconds": 90}, F("0.006") * 90 / 60),
        case("what is sold by the second costs nothing for the tokens it tells besides", "mistral", "voxtral-mini-latest",
             {"input": 380, "output": 11, "audio_in": 375, "audio_seconds": 203}, F("0.003") * 203 / 60),
        case("scanned pages", "mistral", "mistral-ocr-4-1", {"pages": 29}, F(29 * 4, 1000)),
        case("the tokens of images", "openai", "gpt-image-1", {"input": 50, "output": 4160, "image_in": 40, "image_out": 4160},
             tokens(i=(10, "5"), p=(40, "10"), o=(4160, "40"))),
        case("reasoning is output", "openai", "gpt-4o-mini", {"input": 0, "output": 70, "reasoning": 60}, tokens(o=(70, "0.6"))),
        case("reasoning and citations of their own", "perplexity", "sonar-deep-research",
             {"input": 100, "output": 900, "reasoning": 500, "citation": 300, "web_searches": 7},
             tokens(i=(100, "2"), o=(100, "8"), r=(500, "3"), c=(300, "2")) + F(7 * 5, 1000)),
        case("no rate is the parent's rate", "openai", "text-embedding-3-small", {"input": 700, "output": 0, "cache_read": 300, "audio_in": 100},
             tokens(i=(700, "0.02"))),
        case("one-hour write falls back on the five-minute one", "openai", "gpt-5.6-terra", {"input": 500, "output": 0, "cache_write_1h": 200},
             tokens(i=(300, "2"), w=(200, "2.5"))),
        case("an explicit zero is a price", "deepseek", "deepseek-v4-pro", {"input": 500, "output": 0, "cache_write_5m": 200}, tokens(i=(300, "0.66"))),
        case("web searches", "anthropic", "claude-sonnet-4-6", {"input": 0, "output": 0, "web_searches": 3}, F(30, 1000)),
        case("file searches", "openai", "gpt-5.1", {"input": 0, "output": 0, "file_searches": 3}, F(3) * F("2.5") / 1000),
        case("pages", "mistral", "mistral-ocr-2512", {"pages": 13}, F(26, 1000)),
        case("characters", "openai", "tts-1", {"characters": 1234}, F(1234 * 15, M)),
        case("rerank queries", "cohere", "rerank-v3.5", {"rerank_searches": 7}, F(14, 1000)),
        case("seconds of video", "openai", "sora-2", {"video_seconds": 8}, F(8, 10)),
        case("an hourly price that terminates", "groq", "whisper-large-v3", {"audio_seconds": 7200}, F("0.222")),
        case("an hourly price that does not", "groq", "whisper-large-v3", {"audio_seconds": 1}, F("0.111") / 3600),
        case("rounded once, not a second at a time", "groq", "whisper-large-v3-turbo", {"audio_seconds": 7}, F("0.04") * 7 / 3600),
        case("text messages", "xai", "grok-voice-latest", {"text_messages": 5}, F(20, 1000)),
        case("request fee, default size", "perplexity", "sonar", {"input": 10, "output": 10, "requests": 1}, tokens(i=(10, "1"), o=(10, "1")) + F(5, 1000)),
        case("request fee, medium", "perplexity", "sonar", {"input": 0, "output": 0, "requests": 2}, F(16, 1000), search_context_size="medium"),
        case("request fee, high", "perplexity", "sonar-pro", {"input": 0, "output": 0, "requests": 3}, F(42, 1000), search_context_size="HIGH"),
        case("requests without a fee", "openai", "gpt-4o-mini", {"input": 10, "output": 0, "requests": 1}, tokens(i=(10, "0.15"))),
        case("all zero", "openai", "gpt-4o-mini", {"input": 0, "output": 0}, F(0)),
        case("beyond 2^53", "openai", "gpt-4o-mini", {"input": 2**53 + 1, "output": 10**16 + 7},
             tokens(i=(2**53 + 1, "0.15"), o=(10**16 + 7, "0.6"))),
        case("the largest count", "openai", "gpt-4o-mini", {"input": 0, "output": 2**64 - 1}, tokens(o=(2**64 - 1, "0.6"))),
    ]  # fmt: skip


def thresholds() -> list[dict]:
    cases = []
    for step in (-1, 0, 1):
        n = 272_000 + step
        i, c, o = ("4", "0.4", "18") if step > 0 else ("2", "0.2", "12")
        cases.append(
            case(
                f"OpenAI's 272k {step:+}",
                "openai",
                "gpt-5.6-terra",
                {"input": n, "output": 10, "cache_read": 200_000},
                tokens(i=(n - 200_000, i), c=(200_000, c), o=(10, o)),
            )
        )
        n = 200_000 + step
        i, o = ("2.5", "15") if step > 0 else ("1.25", "10")
        cases.append(
            case(
                f"Google's 200k {step:+}",
                "google",
                "gemini-2.5-pro",
                {"input": n, "output": 10},
                tokens(i=(n, i), o=(10, o)),
            )
        )
        i, o = ("2.5", "5") if step >= 0 else ("1.25", "2.5")
        cases.append(
            case(f"xAI's 200k {step:+}", "xai", "grok-4.3", {"input": n, "output": 10}, tokens(i=(n, i), o=(10, o)))
        )
        i, c, o = ("2", "0.32", "4") if step >= 0 else ("1", "0.16", "2")
        cases.append(
            case(
                f"xAI's 200k in batch {step:+}",
                "xai",
                "grok-4.3",
                {"input": n, "output": 10, "cache_read": n},
                tokens(c=(n, c), o=(10, o)),
                service_tier="batch",
            )
        )
        n = 100_000 + step
        i, w, h = ("0.5", "0.625", "1") if step > 0 else ("0.1", "0.125", "0.2")
        cases.append(
            case(
                f"Anthropic's 100k {step:+}",
                "anthropic",
                "claude-haiku-5-5",
                {"input": n, "output": 0, "cache_write_5m": 40, "cache_write_1h": 50},
                tokens(i=(n - 90, i), w=(40, w), h=(50, h)),
            )
        )
    cases.append(
        case(
            "a dimension without a tier rate keeps its base rate",
            "google",
            "gemini-2.5-pro",
            {"input": 200_001, "output": 1, "cache_read": 1},
            tokens(i=(200_000, "1.25"), c=(1, "0.125"), o=(1, "7.5")),
            service_tier="batch",
        )
    )
    return cases  # fmt: skip


def service_tiers() -> list[dict]:
    usage = {"input": 1000, "output": 100, "cache_read": 400}
    rows = [
        ("openai", "gpt-5.1", "batch", "0.625", "0.0625", "5"), ("openai", "gpt-5.1", "flex", "0.625", "0.0625", "5"),
        ("openai", "gpt-5.1", "priority", "2.5", "0.25", "20"), ("openai", "gpt-5.1", "default", "1.25", "0.125", "10"),
        ("openai", "gpt-5.1", "Flex", "0.625", "0.0625", "5"), ("anthropic", "claude-opus-5", "batch", "2.5", "0.25", "12.5"),
        ("google", "gemini-3.8-flash", "flex", "0.375", "0.0375", "1.875"), ("google", "gemini-3.8-flash", "priority", "1.35", "0.135", "6.75"),
        ("openai", "gpt-4o-mini", "flex", "0.15", "0.075", "0.6"),
    ]  # fmt: skip
    cases = [
        case(f"{model} {tier}", provider, model, usage, tokens(i=(600, i), c=(400, c), o=(100, o)), service_tier=tier)
        for provider, model, tier, i, c, o in rows
    ]
    opus = {"input": 1000, "output": 10, "cache_write_1h": 100}
    return [
        *cases,
        case("one-hour writes in batch", "anthropic", "claude-opus-5", opus, tokens(i=(900, "2.5"), w=(100, "5"), o=(10, "12.5")), service_tier="batch"),
        case("fast", "anthropic", "claude-opus-5", opus, tokens(i=(900, "10"), w=(100, "20"), o=(10, "50")), speed="fast"),
        case("fast where there is none", "anthropic", "claude-sonnet-4-6", {"input": 10, "output": 0}, tokens(i=(10, "3")), speed="fast"),
        case("searches are not discounted", "openai", "gpt-5.1", {"input": 0, "output": 0, "web_searches": 4}, F(40, 1000), service_tier="batch"),
        case("pages in batch", "mistral", "mistral-ocr-2512", {"pages": 10}, F(10, 1000), service_tier="batch"),
        case("a word nobody knows is charged as standard and said", "openai", "gpt-5.1", {"input": 10, "output": 0}, tokens(i=(10, "1.25")),
             service_tier="scale", state="estimated"),
        case("geo multiplies tokens", "openai", "gpt-5.6-terra", {"input": 7, "output": 3}, tokens(i=(7, "2.2"), o=(3, "13.2")), inference_geo="eu"),
        case("geo leaves fees alone", "anthropic", "claude-opus-5", {"input": 7, "output": 0, "web_searches": 1}, tokens(i=(7, "5.5")) + F(1, 100), inference_geo="us"),
        case("geo in batch", "anthropic", "claude-opus-5", {"input": 7, "output": 0}, tokens(i=(7, "2.75")), inference_geo="us", service_tier="batch"),
        case("geo without a multiplier", "anthropic", "claude-opus-5", {"input": 7, "output": 0}, tokens(i=(7, "5")), inference_geo="global"),
    ]  # fmt: skip


def times() -> list[dict]:
    one = {"input": M, "output": M, "cache_read": 0}
    peak, off, before = F("1.32") + F("3.96"), F("0.66") + F("1.98"), F("0.435") + F("0.87")
    moments = [
        ("2026-08-16T23:59:59Z", before), ("2026-08-17T00:00:00Z", off), ("2026-06-10T02:00:00Z", before),
        ("2026-11-18T00:59:59Z", off), ("2026-11-18T01:00:00Z", peak), ("2026-11-18T03:59:59Z", peak), ("2026-11-18T04:00:00Z", off),
        ("2026-11-18T06:00:00Z", peak), ("2026-11-18T10:00:00Z", off), ("2026-11-20T09:59:59.999999999Z", peak),
        ("2026-11-21T02:00:00Z", off), ("2026-11-22T07:00:00Z", off), ("2026-11-23T07:00:00Z", peak),
        ("2026-11-20T21:30:00-05:00", off), ("2026-11-18T03:30:00+02:00", peak),
    ]  # fmt: skip
    cases = [case(f"DeepSeek at {at}", "deepseek", "deepseek-v4-pro", one, amount, at=at) for at, amount in moments]
    dated = [
        ("google", "gemini-3.8-flash", "2026-12-31T23:59:59Z", "4.5"), ("google", "gemini-3.8-flash", "2027-01-01T00:00:00Z", "9"),
        ("xai", "grok-4.20-multi-agent-0309", "2026-11-18T12:00:00Z", "7.5"),
        ("mistral", "mistral-large-4", "2026-10-29T00:00:00Z", "2.8"), ("mistral", "mistral-large-4", "2026-10-28T23:59:59Z", "5.54"),
        ("openai", "o3", "2025-06-09T23:59:59Z", "50"), ("openai", "o3", "2025-06-10T00:00:00Z", "10"),
    ]  # fmt: skip
    return cases + [case(f"{m} at {at}", p, m, one, F(amount), at=at) for p, m, at, amount in dated]


def names() -> list[dict]:
    usage = {"input": 1000, "output": 1000}

    def mini(name: str, provider: str, model: str, how: str) -> dict:
        return case(name, provider, model, usage, F("0.00075"), matched_by=how, model_id="gpt-4o-mini")

    def priced(name: str, provider: str, model: str, dollars: str, how: str) -> dict:
        return case(name, provider, model, usage, F(dollars) / 1000, matched_by=how)

    def unknown(name: str, provider: str, model: str) -> dict:
        return case(name, provider, model, usage, None)

    return [
        mini("exact", "openai", "gpt-4o-mini", "exact"),
        mini("upper case", "OpenAI", "GPT-4o-Mini", "alias"),
        mini("own prefix", "openai", "openai/gpt-4o-mini", "alias"),
        mini("listed snapshot", "openai", "gpt-4o-mini-2024-07-18", "alias"),
        mini("compact date", "openai", "gpt-4o-mini-20240718", "alias"),
        mini("unseen snapshot", "openai", "gpt-4o-mini-2029-02-03", "snapshot"),
        mini("no provider", "", "gpt-4o-mini", "exact"),
        priced("models/", "google", "models/gemini-2.5-flash", "2.8", "alias"),
        priced("another spelling of the provider", "gcp.gemini", "gemini-2.5-flash", "2.8", "exact"),
        priced("litellm's spelling", "xai", "xai/grok-4.3", "3.75", "alias"),
        priced("OpenTelemetry's spelling", "aws.bedrock", "us.anthropic.claude-opus-5-5", "26.4", "alias"),
        priced("geo prefix is part of the price", "bedrock", "global.anthropic.claude-opus-5-5", "24", "exact"),
        priced("inference profile", "bedrock", "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-5-5", "26.4", "alias"),
        priced("foundation model", "bedrock", "arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-8b-instruct-v1:0", "0.9", "alias"),
        priced("fine-tuned at its own price", "openai", "ft:gpt-4o-mini-2024-07-18:acme:bot:8xyz", "1.5", "fine_tune"),
        priced("Vertex date", "vertex", "claude-opus-4-5@20251101", "30", "alias"),
        priced("vendor/model at OpenRouter", "openrouter", "deepseek/deepseek-v3.2-exp", "0.68", "exact"),
        unknown("a bare prefix never matches", "openai", "gpt-4o-minimax"),
        unknown("no snapshot of nothing", "openai", "gpt-nil-2026-01-01"),
        unknown("an impossible date", "openai", "gpt-4o-mini-2026-13-01"),
        unknown("another provider's prefix", "openai", "anthropic/claude-opus-5"),
        unknown("application profile", "bedrock", "arn:aws:bedrock:us-east-1:1:application-inference-profile/anthropic.claude-opus-5"),
        unknown("provisioned throughput", "bedrock", "arn:aws:bedrock:us-east-1:1:provisioned-model/anthropic.claude-opus-5"),
        unknown("a deployment's own name", "azure", "prod-chat"),
        unknown("unknown provider", "nobody", "gpt-4o-mini"),
        unknown("no provider and nobody's name", "", "llama-3.3-70b"),
        unknown("nothing", "", ""),
    ]  # fmt: skip


def states() -> list[dict]:
    def invalid(name: str, usage: dict) -> dict:
        return {
            "name": name,
            "provider": "openai",
            "model": "gpt-4o-mini",
            "usage": usage,
            "at": NOON,
            "error": "invalid_usage",
        }

    return [
        invalid("cached more than all", {"input": 3, "output": 0, "cache_read": 4}),
        invalid("reasoned more than written", {"input": 0, "output": 3, "reasoning": 4}),
        invalid("more cached audio than audio", {"input": 9, "output": 0, "cache_read": 5, "audio_in": 1, "cache_read_audio": 2}),
        case("a fee without a price is said", "openai", "gpt-4o-mini", {"input": 10, "output": 0, "pages": 1}, tokens(i=(10, "0.15")), state="estimated"),
        case("nothing with a price is no zero", "openai", "gpt-4o-mini", {"pages": 1}, None),
        case("an unknown model with no usage", "openai", "gpt-nil", {"input": 0, "output": 0}, None),
    ]  # fmt: skip


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    for make in (dimensions, thresholds, service_tiers, times, names, states):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in make())
        (OUT / f"{make.__name__}.jsonl").write_text(text)


if __name__ == "__main__":
    main()
