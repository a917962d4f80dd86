"""Every way in which a program ends, with every kind of backend: it ends as it would have, and nothing is lost.

Sabotages that turn these red: an `atexit` that raises or prints; an exit that waits for the back-off of the backend; a
record that returns before its frame is written; a signal handler of our own.
"""

from __future__ import annotations

import signal
import time

import pytest

from .backend import Backend, Refused, Silent
from .program import PRELUDE, overdue, run, start

RECORDS = 10
PROGRAM = """
import os, signal, sys, threading
llmlab.init()
for _ in range(10):
    llmlab.track_call("openai", "gpt-4", 1, 1)
"""
WITHOUT = "class llmlab: init = track_call = stats = lambda *_: None" + "\n" * PRELUDE.count("\n")
"""In the place of llmlab, as many lines of a program that has never heard of it."""
ENDS = {
    "the last line": "",
    "sys.exit": "sys.exit(3)",
    "an error": "raise RuntimeError('boom')",
    "os._exit": "os._exit(5)",
    "an exit handler that records": "import atexit; atexit.register(llmlab.stats)",
    "SIGTERM": "os.kill(os.getpid(), signal.SIGTERM); signal.pause()",
    "SIGTERM, handled": """
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
os.kill(os.getpid(), signal.SIGTERM)
signal.pause()
""",
    # A shell makes its background jobs ignore it, and so would this one.
    "SIGINT": """
signal.signal(signal.SIGINT, signal.default_int_handler)
os.kill(os.getpid(), signal.SIGINT)
signal.pause()
""",
}


@pytest.mark.parametrize("backend", [Backend, Refused, Silent])
@pytest.mark.parametrize("end", ENDS)
def test_a_program_ends_as_it_would_have_and_loses_nothing(lab, end, backend):
    program = PROGRAM + ENDS[end]
    plain = run(program, check=False, prelude=WITHOUT)
    with backend() as server:
        ran = run(program, check=False, LLMLAB_BACKEND=server.url)
        assert (ran.returncode, ran.stdout, ran.stderr) == (plain.returncode, plain.stdout, plain.stderr)
    assert len(lab.calls()) == RECORDS


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "os._exit(5)"])
def test_what_an_exit_left_is_delivered_by_the_next_program(lab, end):
    with Backend() as backend:
        run(PROGRAM + end, check=False, LLMLAB_BACKEND=backend.url)
        run(
            "llmlab.init()\nllmlab.track_call('openai', 'gpt-4', 1, 1)\nllmlab.flush(20)\nbooks()",
            LLMLAB_BACKEND=backend.url,
        )
        assert len(backend.wait_for(RECORDS + 1)) == RECORDS + 1
    assert len(lab.calls()) == RECORDS + 1


@pytest.mark.parametrize("backend", [Backend, Refused, Silent])
def test_a_thread_that_records_while_the_interpreter_ends_loses_nothing(lab, backend):
    with backend() as server:
        ran = run(
            """
            import os, threading
            llmlab.init()
            begun = threading.Event()

            def work():
                number = 0
                while True:
                    number += 1
                    llmlab.track_call("openai", "gpt-4", number, 1)
                    os.write(1, b"%d\\n" % number)
                    if number == 200:
                        begun.set()

            threading.Thread(target=work, daemon=True).start()
            begun.wait()
            """,
            LLMLAB_BACKEND=server.url,
        )
    reported = {int(line) for line in ran.stdout.split()}
    found = [call["usage"]["input"] for call in lab.calls()]
    assert len(found) == len(set(found))
    assert reported <= set(found)
    assert len(set(found) - reported) <= 1, "at most the record that was under way"


@pytest.mark.parametrize(
    ("policy", "backend", "at_most_s"),
    [("auto", Backend, 5), ("auto", Refused, 5), ("auto", Silent, 5), ("off", Silent, 5), ("0", Silent, 5)],
)
def test_no_backend_keeps_a_program_from_ending(lab, policy, backend, at_most_s):
    """The figures are measured by ``make bench``; here it is only asked whether something waits for a time limit."""
    with backend() as server:
        process = start(PROGRAM + "books()\nos.write(1, b'.')", LLMLAB_BACKEND=server.url, LLMLAB_EXIT_FLUSH=policy)
        with overdue(process):
            assert process.stdout.read(1) == b"."
            begun = time.monotonic()
            assert process.wait() == 0
            assert time.monotonic() - begun < at_most_s
        process.stdout.close()
        process.stderr.close()
    assert len(lab.calls()) == RECORDS


def test_an_exit_without_records_starts_nothing(home):
    ran = run("""
        import atexit, os
        atexit.register(lambda: os.write(1, b"%d" % len(os.listdir("/proc/self/task"))))
        llmlab.init()
        llmlab.stats()
    """)
    assert ran.stdout == "1"
    assert not list(home.glob("spool/*"))


def test_the_answer_of_flush_is_the_truth(lab):
    with Backend() as backend:
        run(
            """
            llmlab.init(backend=__import__("sys").argv[1])
            for _ in range(250):
                llmlab.track_call("openai", "gpt-4", 1, 1)
            report = llmlab.flush(20)
            assert (report.delivered, report.pending, report.dropped, report.last_error) == (250, 0, 0, None), report
            books()
            __import__("os")._exit(0)
            """,
            backend.url,
        )
        assert len(backend.events) == 250
    for silent in (Refused, Silent):
        with silent() as server:
            run(
                """
                llmlab.init(backend=__import__("sys").argv[1])
                llmlab.track_call("openai", "gpt-4", 1, 1)
                report = llmlab.flush(0.5)
                assert (report.delivered, report.pending) == (0, 1), report
                assert books()["sinks"][0]["name"] == "ledger"
                """,
                server.url,
            )


def test_a_signal_of_the_outside_ends_it_as_ever(lab):
    with Silent() as server:
        for number in (signal.SIGTERM, signal.SIGKILL):
            process = start(PROGRAM + "os.write(1, b'.')\nsignal.pause()", LLMLAB_BACKEND=server.url)
            with overdue(process):
                assert process.stdout.read(1) == b"."
                process.send_signal(number)
                _, errors = process.communicate()
            assert (process.returncode, errors) == (-number, b"")
    assert len(lab.calls()) == 2 * RECORDS
