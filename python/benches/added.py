"""What a library adds to a call and to a stream of the openai SDK: ``python added.py LIBRARY PROVIDER RECEIVER PAIRS``.

A process has one library. Each call is made in pairs, with and without it, through the same SDK; the median difference
counts. At the end the library must have recorded what was timed. Prints the figures in microseconds as JSON.
"""

import asyncio
import json
import logging
import os
import sys
import urllib.request
from collections.abc import Callable
from functools import partial
from typing import Any

from openai import AsyncOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI
from openai.resources.chat.completions import AsyncCompletions, Completions
from timing import WARM_UP, paired, paired_async

MESSAGES = [{"role": "user", "content": "Where is my parcel? " * 20}]
CALL = {"model": "gpt-5-mini", "messages": MESSAGES}
STREAM = {**CALL, "stream": True, "stream_options": {"include_usage": True}}
CHUNKS = 500

Pair = tuple[Callable[..., Any], Callable[..., Any]]


class Ours:
    """The tap is on the HTTP client: of two clients alike, one has the method that was there before."""

    def __init__(self, options: dict[str, Any], receiver: str) -> None:
        import llmlab

        self.stats = llmlab.stats

        class Bare(DefaultHttpxClient):
            send = DefaultHttpxClient.send

        class BareAsync(DefaultAsyncHttpxClient):
            send = DefaultAsyncHttpxClient.send

        llmlab.init()
        self.sync: Pair = (
            OpenAI(**options, http_client=Bare()).chat.completions.create,
            OpenAI(**options, http_client=DefaultHttpxClient()).chat.completions.create,
        )
        self.asynchronous: Pair = (
            AsyncOpenAI(**options, http_client=BareAsync()).chat.completions.create,
            AsyncOpenAI(**options, http_client=DefaultAsyncHttpxClient()).chat.completions.create,
        )

    def recorded(self) -> int:
        return self.stats()["recorded"]


class Peer:
    """They patch the methods of the SDK, and send to the receiver."""

    def __init__(self, options: dict[str, Any], receiver: str) -> None:
        self.receiver = receiver
        bare, bare_async = Completions.create, AsyncCompletions.create
        self.instrument()
        assert Completions.create is not bare, "nothing was patched"
        sync, asynchronous = OpenAI(**options).chat.completions, AsyncOpenAI(**options).chat.completions
        self.sync: Pair = (partial(bare, sync), sync.create)
        self.asynchronous: Pair = (partial(bare_async, asynchronous), asynchronous.create)

    def provider(self) -> Any:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider = TracerProvider()
        exporter = OTLPSpanExporter(self.receiver + "/v1/traces")
        provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=100_000))
        self.flush = provider.force_flush
        return provider

    def recorded(self) -> int:
        self.flush()
        with urllib.request.urlopen(self.receiver) as answer:
            return int(answer.read())


class Otel(Peer):
    def instrument(self) -> None:
        from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

        OpenAIInstrumentor().instrument(tracer_provider=self.provider())


class Openllmetry(Peer):
    def instrument(self) -> None:
        from opentelemetry.instrumentation.openai import OpenAIInstrumentor

        OpenAIInstrumentor().instrument(tracer_provider=self.provider())


class Langfuse(Peer):
    def instrument(self) -> None:
        os.environ.update(LANGFUSE_PUBLIC_KEY="pk", LANGFUSE_SECRET_KEY="sk", LANGFUSE_BASE_URL=self.receiver)
        import langfuse
        import langfuse.openai

        self.flush = langfuse.get_client().flush


LIBRARIES = {"llmlab": Ours, "otel-openai-v2": Otel, "openllmetry": Openllmetry, "langfuse": Langfuse}


def called(create: Callable[..., Any]) -> None:
    assert create(**CALL).usage is not None


def streamed(create: Callable[..., Any]) -> None:
    assert sum(len(chunk.choices) for chunk in create(**STREAM)) == CHUNKS


async def called_async(create: Callable[..., Any]) -> None:
    assert (await create(**CALL)).usage is not None


async def streamed_async(create: Callable[..., Any]) -> None:
    assert sum([len(chunk.choices) async for chunk in await create(**STREAM)]) == CHUNKS


def main(library: str, provider: str, receiver: str, pairs: int) -> dict[str, float]:
    logging.disable()
    options = {"base_url": provider, "api_key": "none", "max_retries": 0}
    tapped = LIBRARIES[library](options, receiver)
    few = max(20, pairs // 8)
    figures = {
        "call": paired(*(partial(called, create) for create in tapped.sync), pairs),
        "stream": paired(*(partial(streamed, create) for create in tapped.sync), few),
    }

    async def asynchronously() -> None:
        calls = (partial(called_async, create) for create in tapped.asynchronous)
        figures["async call"] = await paired_async(*calls, pairs)
        streams = (partial(streamed_async, create) for create in tapped.asynchronous)
        figures["async stream"] = await paired_async(*streams, few)

    asyncio.run(asynchronously())
    expected = 2 * (pairs + few + 2 * WARM_UP)
    assert tapped.recorded() == expected, f"{library} recorded {tapped.recorded()} of {expected}"
    return figures


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:4], int(sys.argv[4]))), flush=True)
    # Some of them take seconds to leave; that is another row.
    os._exit(0)
