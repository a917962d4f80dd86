"""Functions of the program that take events: on a thread of their own, again if they raise, never in the way.

Sabotages that turn these red: a batch that is settled before its function has returned; a thread that begins with
`init`; an exit that joins without a limit.
"""

from __future__ import annotations

from .program import run


def test_a_function_is_given_every_event_with_exact_amounts(lab):
    run("""
        import os, threading
        from decimal import Decimal
        taken, on = [], set()

        def take(events):
            taken.extend(events)
            on.add(threading.current_thread().name)

        llmlab.init(project="shop", sinks=["ledger", ("mine", take)])
        assert len(os.listdir("/proc/self/task")) == 1
        with llmlab.track(feature="search", tags={"team": "a"}):
            for _ in range(250):
                llmlab.track_call("openai", "gpt-4", 1000, 500, latency_ms=1.5)
        report = llmlab.flush(20)
        assert report.pending == 0, report
        assert len({event["id"] for event in taken}) == len(taken) == 250
        event = taken[0]
        assert type(event["cost_usd"]) is Decimal and event["cost_usd"] == Decimal("0.06")
        assert type(event["latency_ms"]) is float and event["latency_ms"] == 1.5
        assert (event["project"], event["feature"], event["tags"]) == ("shop", "search", {"team": "a"})
        assert on == {"llmlab mine"}
        assert len(books()["sinks"]) == 2
    """)
    assert len(lab.calls()) == 250


def test_a_function_that_raises_is_given_the_events_again(lab):
    run("""
        import threading
        taken, tries, done = [], [], threading.Event()

        def take(events):
            tries.append(len(events))
            if len(tries) == 1:
                raise OSError("not now")
            taken.extend(events)
            done.set()

        llmlab.init(sinks=[take])
        llmlab.track_call("openai", "gpt-4", 1, 1)
        report = llmlab.flush(30)
        assert report.pending == 0 and done.is_set(), report
        assert tries == [1, 1]
        books()
    """)


def test_what_a_function_did_not_take_by_the_exit_is_taken_by_the_next_program(lab):
    run("""
        import threading
        def take(events):
            threading.Event().wait()
        llmlab.init(sinks=["ledger", ("mine", take)])
        llmlab.track_call("openai", "gpt-4", 1, 1)
    """)
    run("""
        taken = []
        llmlab.init(sinks=["ledger", ("mine", taken.extend)])
        llmlab.track_call("openai", "gpt-4", 2, 1)
        llmlab.flush(20)
        import threading, time
        end = time.monotonic() + 30
        while len(taken) < 2 and time.monotonic() < end:
            llmlab.flush(1)
        assert sorted(event["usage"]["input"] for event in taken) == [1, 2]
    """)
    assert len(lab.calls()) == 2


def test_what_is_recorded_last_is_taken_at_the_exit(lab):
    ran = run("""
        import os
        llmlab.init(sinks=[("mine", lambda events: os.write(1, b"%d " % len(events)))])
        for _ in range(3):
            llmlab.track_call("openai", "gpt-4", 1, 1)
    """)
    assert sum(map(int, ran.stdout.split())) == 3


def test_a_function_may_record(lab):
    run("""
        def take(events):
            if events[0]["feature"] != "own":
                llmlab.track_call("openai", "gpt-4", 1, 1, feature="own")
        llmlab.init(sinks=["ledger", take])
        llmlab.track_call("openai", "gpt-4", 1, 1, feature="first")
        llmlab.flush(20)
        llmlab.flush(20)
        books()
    """)
    assert sorted(call["feature"] for call in lab.calls()) == ["first", "own"]


def test_a_forked_child_has_threads_of_its_own(lab):
    ran = run("""
        import os
        llmlab.init(sinks=[("mine", lambda events: os.write(1, b"%d " % os.getpid()))])
        llmlab.track_call("openai", "gpt-4", 1, 1)
        assert llmlab.flush(20).pending == 0
        child = os.fork()
        if child == 0:
            assert len(os.listdir("/proc/self/task")) == 1
            llmlab.track_call("openai", "gpt-4", 1, 1)
            report = llmlab.flush(20)
            os._exit(0 if report.pending == 0 else 1)
        assert os.waitpid(child, 0)[1] == 0
    """)
    assert len(set(ran.stdout.split())) == 2


def test_two_functions_of_one_name_are_told_apart_by_the_program(home):
    ran = run("""
        try:
            llmlab.init(sinks=[lambda events: None, lambda events: None])
        except llmlab.ConfigError as error:
            print(error)
        llmlab.init(sinks=[("a", lambda events: None), ("b", lambda events: None)])
    """)
    assert "<lambda>" in ran.stdout and '("a name", function)' in ran.stdout
