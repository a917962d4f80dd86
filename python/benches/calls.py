"""Rows of single calls: pricing, the decorator, recording."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import genai_prices
from openai.types.chat import ChatCompletion
from opentelemetry.sdk.trace import TracerProvider
from peers import PEERS, backend, program
from timing import Row, interleaved

import llmlab

RESPONSE = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-5-mini",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello. " * 20}}],
    "usage": {
        "prompt_tokens": 1_000,
        "completion_tokens": 500,
        "total_tokens": 1_500,
        "prompt_tokens_details": {"cached_tokens": 200, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 64, "audio_tokens": 0},
    },
}


def rows() -> Iterator[Row]:
    yield pricing()
    yield from decorator()
    yield from recording()


def pricing() -> Row:
    usage = genai_prices.Usage(input_tokens=1_000, cache_read_tokens=200, output_tokens=500)
    times = interleaved(
        {
            "llmlab": lambda: (
                llmlab.cost("openai", "gpt-5-mini", {"input": 1_000, "cache_read": 200, "output": 500}).total
            ),
            "genai-prices": lambda: genai_prices.calc_price(usage, "gpt-5-mini", provider_id="openai").total_price,
        }
    )
    assert llmlab.cost("openai", "gpt-5-mini", {"input": 1_000}).total is not None
    times["litellm"] = of_litellm()
    return Row("price one call", times.pop("llmlab"), 0.4, peers=times)


LITELLM = Path(sys.prefix) / "litellm" / "bin" / "python"
PRICED_BY_LITELLM = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import litellm
from timing import interleaved
def price():
    return litellm.cost_per_token(
        model="gpt-5-mini", prompt_tokens=1_000, completion_tokens=500, cache_read_input_tokens=200
    )
assert sum(price()) > 0
print(interleaved({{"price": price}}, calls=100, rounds=40)["price"])
"""


def of_litellm() -> float:
    """In an environment of its own, since it asks for another openai; at the prices of its wheel."""
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    command = [str(LITELLM), "-c", PRICED_BY_LITELLM]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def decorator() -> Iterator[Row]:
    tracer = TracerProvider().get_tracer("bench")

    def bare() -> None:
        return None

    tracked = llmlab.track_cost(feature="bench")(bare)

    def span() -> None:
        with tracer.start_as_current_span("bench"):
            bare()

    times = interleaved({"bare": bare, "llmlab": tracked, "OTel span": span})
    floor = times.pop("bare")
    times = {name: taken - floor for name, taken in times.items()}
    yield Row("@track_cost, scope only, sync", times.pop("llmlab"), 1.0, peers=times)

    async def bare_async() -> None:
        return None

    tracked_async = llmlab.track_cost(feature="bench")(bare_async)

    async def span_async() -> None:
        with tracer.start_as_current_span("bench"):
            await bare_async()

    def driven(function: object) -> "object":
        def run() -> None:
            coroutine = function()  # type: ignore[operator]
            with contextlib.suppress(StopIteration):
                coroutine.send(None)

        return run

    times = interleaved({"bare": driven(bare_async), "llmlab": driven(tracked_async), "OTel span": driven(span_async)})
    floor = times.pop("bare")
    times = {name: taken - floor for name, taken in times.items()}
    yield Row("@track_cost, scope only, async", times.pop("llmlab"), 1.5, peers=times)
    asyncio.run(tracked_async())


def recording() -> Iterator[Row]:
    """Beside peers that have a backend at hand, as ours has its ledger."""

    def id_less(response: dict[str, object]) -> dict[str, object]:
        return {key: value for key, value in response.items() if key != "id"}

    response = id_less(RESPONSE)
    sdk_object = ChatCompletion.model_validate(RESPONSE)
    sdk_object.id = ""

    @llmlab.track_cost(feature="bench")
    def returning_dict() -> object:
        return response

    @llmlab.track_cost(feature="bench")
    def returning_object() -> object:
        return sdk_object

    def track_call() -> None:
        llmlab.track_call("openai", "gpt-5-mini", 1_000, 500)

    variants: dict[str, tuple[Callable[[], object], float]] = {
        "track_call, recorded and spooled": (track_call, 1.5),
        "@track_cost reading a dict": (returning_dict, 2.5),
        "@track_cost reading an SDK object": (returning_object, 5.0),
    }
    before = llmlab.stats()["recorded"]
    times = interleaved({name: call for name, (call, _) in variants.items()}, calls=100, rounds=40)
    assert llmlab.stats()["recorded"] - before == 43 * 100 * len(variants)
    with backend() as receiver:
        peers = {name: alone(peer, receiver.url) for name, peer in PEERS.items()}
    for name, (_, budget) in variants.items():
        yield Row(name, times[name], budget, peers=peers)


ALONE = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from timing import interleaved
print(interleaved({{"record": record}}, calls=100, rounds=40)["record"])
"""


def alone(peer: str, url: str) -> float:
    """The peer's record() in a process of its own: the threads of one would take the interpreter from another."""
    run = subprocess.run([sys.executable, "-c", program(peer, url, ALONE)], capture_output=True, text=True, check=True)
    return float(run.stdout)
