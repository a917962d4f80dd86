"""Programs that record calls, ours and our peers', each as its makers document it, against the same receiver."""

import contextlib
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

RECEIVER = Path(__file__).parent / "receiver.py"

OURS = """
import llmlab
llmlab.init(backend=URL, api_key="key", sinks=["llmlab"])
def record():
    llmlab.track_call("openai", "gpt-5-mini", 1000, 500)
def finish():
    llmlab.shutdown(60)
"""
OURS_WITH_LEDGER = OURS.replace(', sinks=["llmlab"]', "")
# Each defines record() and finish().
PEERS = {
    "OTel span": """
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(URL + "/v1/traces")))
tracer = provider.get_tracer("bench")
def record():
    with tracer.start_as_current_span("call") as span:
        span.set_attributes({"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 500})
def finish():
    provider.shutdown()
""",
    "langfuse": """
from langfuse import Langfuse
client = Langfuse(public_key="pk", secret_key="sk", base_url=URL)
def record():
    with client.start_as_current_observation(as_type="generation", name="call", model="gpt-5-mini") as call:
        call.update(usage_details={"input": 1000, "output": 500})
def finish():
    client.shutdown()
""",
    "posthog": """
from posthog import Posthog
client = Posthog("key", host=URL)
def record():
    usage = {"$ai_model": "gpt-5-mini", "$ai_input_tokens": 1000, "$ai_output_tokens": 500}
    client.capture("$ai_generation", distinct_id="u", properties=usage)
def finish():
    client.shutdown()
""",
    "segment": """
from segment.analytics.client import Client
client = Client("key", host=URL)
def record():
    client.track("u", "call", {"model": "gpt-5-mini", "input_tokens": 1000, "output_tokens": 500})
def finish():
    client.shutdown()
""",
}


@dataclass
class Backend:
    """A receiver in a process of its own."""

    url: str

    @property
    def events(self) -> int:
        with urllib.request.urlopen(self.url) as answer:
            return int(answer.read())


@contextlib.contextmanager
def backend(*, silent: bool = False) -> Iterator[Backend]:
    command = [sys.executable, str(RECEIVER), *(["--silent"] if silent else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Backend(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.kill()


def program(peer: str, url: str, body: str) -> str:
    """A program in which `body` may call record() and finish()."""
    # What peers say of a backend that does not answer is not what is measured.
    return f"URL = {json.dumps(url)}\nimport logging\nlogging.disable()\n{peer}\n{body}"
