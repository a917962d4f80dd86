"""Rows of whole processes: import, throughput, exit, and what survives a kill."""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from calls import LocalSink
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from timing import Row

import llmlab

IMPORT = """
import time
import openai
def resident_mib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) / 256
before, start = resident_mib(), time.perf_counter()
{statement}
taken = time.perf_counter() - start
print(taken * 1e3, resident_mib() - before)
"""
FIRST_CALL = """
import time
import openai, llmlab
start = time.perf_counter()
llmlab.track_call("openai", "gpt-5-mini", 1000, 500)
print((time.perf_counter() - start) * 1e3)
"""
RECORD = "import llmlab\nfor _ in range(250): llmlab.track_call('openai', 'gpt-5-mini', 1000, 500)\n"
OTEL = """
import json, sys
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
class File(SpanExporter):
    def export(self, spans):
        with open(sys.argv[1], "a") as file:
            file.writelines("span\\n" for _ in spans)
        return SpanExportResult.SUCCESS
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(File()))
tracer = provider.get_tracer("bench")
for _ in range(250):
    with tracer.start_as_current_span("call"): pass
"""


def rows() -> Iterator[Row]:
    yield from imports()
    yield from throughput()
    yield kill()
    yield exit_time()


def python(code: str, *arguments: str, home: str | None = None) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **({"LLMLAB_HOME": home} if home else {})}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def imports() -> Iterator[Row]:
    statements = {
        "llmlab": "import llmlab",
        "genai-prices": "import genai_prices",
        "OTel SDK": "from opentelemetry.sdk.trace.export import BatchSpanProcessor",
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in statements}
    for _ in range(9):
        for name, statement in statements.items():
            milliseconds, mebibytes = python(IMPORT.format(statement=statement)).stdout.split()
            taken[name].append((float(milliseconds), float(mebibytes)))
    for column, (label, budget, unit) in enumerate(
        [("import, added time", 15, "ms"), ("import, added memory", 6, "MiB")]
    ):
        medians = {name: statistics.median(sample[column] for sample in samples) for name, samples in taken.items()}
        yield Row(label, medians.pop("llmlab"), budget, unit, medians)

    first = []
    for _ in range(9):
        with tempfile.TemporaryDirectory() as home:
            first.append(float(python(FIRST_CALL, home=home).stdout))
    yield Row("first call: catalogue, spool, thread", statistics.median(first), 5, "ms")


def throughput() -> Iterator[Row]:
    count = 100_000
    sink = LocalSink()
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(sink))
    tracer = provider.get_tracer("bench")
    for _ in range(count):
        with tracer.start_as_current_span("call"):
            pass
    provider.shutdown()
    llmlab.flush(60)
    before = llmlab.stats()
    cpu_s = time.process_time()
    start = time.perf_counter()
    for _ in range(count):
        llmlab.track_call("openai", "gpt-5-mini", 1_000, 500)
    recorded = time.perf_counter()
    llmlab.flush(60)
    delivered = time.perf_counter()
    cpu_s = time.process_time() - cpu_s
    after = llmlab.stats()
    assert after["recorded"] - before["recorded"] == count
    kept = after["delivered"] - before["delivered"]
    rate = count / (recorded - start)
    yield Row("100,000 events from one thread, recorded", rate, 150_000, "/s", more_is_better=True)
    yield Row("  processor time an event, delivery included", cpu_s / count * 1e6, 8)
    yield Row("  delivered to the ledger after", delivered - start, 10, "s")
    yield Row("  kept", 100 * kept / count, 100, "%", {"OTel span": 100 * sink.count / count}, more_is_better=True)


def kill() -> Row:
    die = f"\nimport os\nos.kill(os.getpid(), {int(signal.SIGKILL)})"
    with tempfile.TemporaryDirectory() as home:
        python(RECORD + die, home=home)
        export = python("from llmlab import _native\n_native.cli(['llmlab', 'export'])", home=home).stdout
        survived = len([json.loads(line) for line in export.splitlines()])
    with tempfile.NamedTemporaryFile() as file:
        python(OTEL + die, file.name)
        peers = {"OTel span": float(len(file.read().splitlines()))}
    return Row("kill -9 right after 250 calls, survive", survived, 250, "calls", peers, more_is_better=True)


def exit_time() -> Row:
    """From the last statement to the end of the process, beside a process that does nothing."""

    def tail(code: str) -> float:
        times = []
        for _ in range(7):
            with tempfile.TemporaryDirectory() as home:
                result = python(code + "\nimport time\nprint(time.time())", home=home)
                times.append((time.time() - float(result.stdout)) * 1_000)
        return statistics.median(times)

    return Row("exit with 250 calls recorded, added", tail(RECORD) - tail("import llmlab"), 250, "ms")
