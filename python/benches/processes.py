"""Rows of whole processes: import, throughput, exit, and what survives a kill."""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from peers import OURS, OURS_WITH_LEDGER, PEERS, backend, program
from timing import Row

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
RUN = """
import time
record()
start = time.perf_counter()
for _ in range({count} - 1):
    record()
recorded = time.perf_counter()
finish()
print({count} / (recorded - start), time.perf_counter() - recorded, time.process_time() / {count} * 1e6)
"""
DIE = f"""
for _ in range(250):
    record()
import os
os.kill(os.getpid(), {int(signal.SIGKILL)})
"""
EXIT = """
for _ in range(250):
    record()
import time
print(time.time())
"""


def rows() -> Iterator[Row]:
    yield from imports()
    yield from throughput()
    yield kill()
    yield from exits()
    yield memory()


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
    """100,000 events from one thread, to a backend that answers at once; langfuse gets a tenth, at its pace."""
    figures_of = {}
    for name, peer in {"llmlab": OURS, "llmlab with ledger": OURS_WITH_LEDGER, **PEERS}.items():
        count = 10_000 if name == "langfuse" else 100_000
        with backend() as receiver, tempfile.TemporaryDirectory() as home:
            result = python(program(peer, receiver.url, RUN.format(count=count)), home=home)
            rate, after_s, cpu_us = (float(figure) for figure in result.stdout.split())
            kept = 100 * receiver.events / count
            figures_of[name] = {"rate": rate, "after_s": after_s, "cpu_us": cpu_us, "kept": kept}

    def row(label: str, key: str, budget: float, unit: str, *, more_is_better: bool = False) -> Row:
        beside = {name: figures[key] for name, figures in figures_of.items()}
        return Row(label, beside.pop("llmlab"), budget, unit, beside, more_is_better)

    yield row("100,000 events from one thread, recorded", "rate", 150_000, "/s", more_is_better=True)
    yield row("  processor time an event, upload included", "cpu_us", 8, "µs")
    yield row("  delivered to a backend after", "after_s", 10, "s")
    yield row("  kept", "kept", 100, "%", more_is_better=True)


def kill() -> Row:
    survived = {}
    for name, peer in {"llmlab": OURS, **PEERS}.items():
        with backend() as receiver, tempfile.TemporaryDirectory() as home:
            python(program(peer, receiver.url, DIE), home=home)
            if name == "llmlab":
                drain(receiver.url, home)
            # What is still in the sockets of the dead is taken as survived.
            survived[name] = float(receiver.events)
    return Row("kill -9 right after 250 calls, survive", survived.pop("llmlab"), 250, "calls", survived, True)


def drain(url: str, home: str) -> None:
    """The next process finds what the dead one left."""
    options = {"LLMLAB_HOME": home, "LLMLAB_BACKEND": url, "LLMLAB_API_KEY": "key", "LLMLAB_SINKS": "llmlab"}
    command = [sys.executable, "-m", "llmlab", "spool", "drain"]
    subprocess.run(command, env=os.environ | options, stdout=subprocess.DEVNULL, check=True)


def exits() -> Iterator[Row]:
    """From the last statement to the end of the process, beside a process without any library."""

    def tail(code: str) -> float:
        with tempfile.TemporaryDirectory() as home:
            result = python(code, home=home)
        return (time.time() - float(result.stdout)) * 1_000

    def added(peer: str, url: str, times: int) -> float:
        bare = EXIT.replace("record()", "pass")
        return statistics.median(tail(program(peer, url, EXIT)) - tail(bare) for _ in range(times))

    with backend() as healthy, backend(silent=True) as silent:
        for label, url, budget in [
            ("healthy", healthy.url, 250),
            ("refusing", "http://127.0.0.1:9", 250),
            ("silent", silent.url, 1_000),
        ]:
            # Peers wait for seconds where nobody answers, and langfuse for minutes: once is enough, and never.
            of_peers = 3 if label == "healthy" else 1
            known = [name for name in PEERS if label != "silent" or name != "langfuse"]
            peers = {name: added(PEERS[name], url, of_peers) for name in known}
            ours = added(OURS, url, 5)
            yield Row(f"exit with 250 calls recorded, backend {label}, added", ours, budget, "ms", peers)


def memory() -> Row:
    """A million events wait for a backend that refuses."""
    code = """
def resident_mib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) / 256
for _ in range(10_000):
    record()
before = resident_mib()
for _ in range(990_000):
    record()
after = resident_mib()
stats = llmlab.stats()
assert stats["recorded"] == 1_000_000 == stats["spooled"], stats
print(after - before)
"""
    ours = OURS.replace('sinks=["llmlab"]', 'sinks=["llmlab"], spool_max_bytes=2**40')
    with tempfile.TemporaryDirectory() as home:
        grown = float(python(program(ours, "http://127.0.0.1:9", code), home=home).stdout)
    return Row("memory, 1,000,000 events wait for a dead backend", grown, 8, "MiB")
