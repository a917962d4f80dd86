"""Programs in processes of their own, and what has to hold for them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator

SOAK = bool(os.environ.get("LLMLAB_SOAK"))
"""Whether there is time for the long form of every test."""

DEADLINE_S = 600 if SOAK else 60
"""After which a program hangs."""

PRELUDE = """
import llmlab

def books(lab=llmlab):
    stats = lab.stats()
    for row in [stats, *stats["sinks"]]:
        kept = row["delivered"] + row["spooled"] + stats["in_memory"] + row["rolled_up"] + row["dropped"]
        assert kept == stats["recorded"], stats
    assert stats["dropped"] == 0 and stats["faults"] == 0, stats
    return stats
"""
"""The law of conservation, for programs: nothing that was recorded is anywhere else, and nothing was given up."""


def source(program: str, prelude: str = PRELUDE) -> str:
    return prelude + textwrap.dedent(program)


def run(
    program: str, *arguments: str, check: bool = True, prelude: str = PRELUDE, **variables: str
) -> subprocess.CompletedProcess:
    """Runs a program to its end; with ``check`` it must end well and say nothing on standard error."""
    ran = ended(start(program, *arguments, prelude=prelude, **variables))
    if check:
        assert ran.returncode == 0, ran.stderr
        assert ran.stderr == ""
    return ran


@contextlib.contextmanager
def overdue(process: subprocess.Popen) -> Iterator[None]:
    """Lets nobody wait for ever for what a program says: after the deadline it and its children are asked where they
    are, and ended, and whoever reads reads to the end."""
    deadline = threading.Timer(DEADLINE_S, lambda: os.killpg(process.pid, signal.SIGABRT))
    deadline.daemon = True
    deadline.start()
    try:
        yield
    finally:
        deadline.cancel()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def ended(process: subprocess.Popen) -> subprocess.CompletedProcess:
    """Waits for a program and its children; those that hang are asked where, and ended."""
    try:
        out, errors = process.communicate(timeout=DEADLINE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGABRT)  # faulthandler tells where every thread is
        out, errors = process.communicate(timeout=DEADLINE_S)
        raise AssertionError(f"it hangs: {errors.decode()}") from None
    return subprocess.CompletedProcess(process.args, process.returncode, out.decode(), errors.decode())


def start(program: str, *arguments: str, prelude: str = PRELUDE, **variables: str) -> subprocess.Popen:
    """Starts a program, which is talked to by its standard input and output."""
    command = [sys.executable, "-X", "faulthandler", "-c", source(program, prelude), *arguments]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **variables},
        start_new_session=True,
    )
