"""Signals belong to the program.

Sabotages that turn these red: a handler of our own for any signal, SIGPIPE ignored, an I/O thread that takes signals, a
write that gives up when it is interrupted.
"""

from __future__ import annotations

from .backend import Backend
from .program import DEADLINE_S, SOAK, run

RECORDS = 100_000 if SOAK else 5_000


def test_the_dispositions_of_signals_stay_as_they_were(lab):
    with Backend() as backend:
        run(
            """
            import sys, threading

            def dispositions(task="self"):
                with open(f"/proc/{task}/status") as status:
                    return [line for line in status if line.startswith(("SigBlk", "SigIgn", "SigCgt"))]

            # The C library takes a signal for itself with the first thread of a process, whoever starts it.
            threading.Thread(target=int).start()
            before = dispositions()
            llmlab.init(backend=sys.argv[1])
            llmlab.track_call("openai", "gpt-4", 1, 1)
            assert llmlab.flush(20).pending == 0
            assert dispositions() == before
            llmlab.shutdown()
            assert dispositions() == before
            """,
            backend.url,
        )


def test_the_threads_of_llmlab_take_no_signals(lab):
    run("""
        import os
        llmlab.track_call("openai", "gpt-4", 1, 1)
        for task in os.listdir("/proc/self/task"):
            if int(task) != os.getpid():
                status = dict(line.split(":\\t") for line in open(f"/proc/self/task/{task}/status"))
                blocked = int(status["SigBlk"], 16)
                assert all(blocked >> (number - 1) & 1 for number in (2, 10, 12, 14, 15)), status["SigBlk"]
    """)


def test_a_storm_of_signals_costs_no_event(lab):
    with Backend() as backend:
        run(
            """
            import signal, sys
            signal.signal(signal.SIGALRM, lambda *_: None)
            signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
            llmlab.init(backend=sys.argv[1])
            for _ in range(int(sys.argv[2])):
                llmlab.track_call("openai", "gpt-4", 1, 1)
            report = llmlab.flush(float(sys.argv[3]))
            assert report.pending == 0, report
            books()
            signal.setitimer(signal.ITIMER_REAL, 0)
            """,
            backend.url,
            str(RECORDS),
            str(DEADLINE_S * 0.9),
        )
        assert len(backend.events) == RECORDS
    assert len(lab.calls()) == RECORDS
