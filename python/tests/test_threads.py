"""Thousands of threads.

Sabotages that turn these red: a counter that is read and written in two steps; a ring without a second look after its
drain; an event that is encoded into a buffer of another thread.
"""

from __future__ import annotations

from .program import SOAK, run

THREADS = 2_000
RECORDS = 50 if SOAK else 10


def test_two_thousand_threads_lose_nothing(lab):
    ran = run(
        """
        import sys, threading
        threads, records = map(int, sys.argv[1:])
        threading.stack_size(256 * 1024)
        ready = threading.Event()

        def work(number):
            ready.wait()
            with llmlab.track(user=number) as t:
                for _ in range(records):
                    llmlab.track_call("openai", "gpt-4", number, 1)
            assert t.calls == records

        running = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
        for thread in running:
            thread.start()
        ready.set()
        for thread in running:
            thread.join()
        assert books()["recorded"] == threads * records
        report = llmlab.flush(50)
        assert report.pending == 0, report
        books()
        """,
        str(THREADS),
        str(RECORDS),
    )
    assert ran.stdout == ""
    calls = lab.calls()
    counts = [0] * THREADS
    for call in calls:
        assert call["user"] == str(call["usage"]["input"])
        counts[call["usage"]["input"]] += 1
    assert set(counts) == {RECORDS}
    assert len({call["id"] for call in calls}) == THREADS * RECORDS
