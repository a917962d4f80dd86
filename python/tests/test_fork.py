"""Forks in every form: parent and child both record, and both are counted once.

Sabotages that turn these red: a child that keeps its parent's writer (its events get its parent's ids), its queue (they
are sent twice) or its locks (it hangs); a child that opens the ledger while its parent's thread was inside of it.
"""

from __future__ import annotations

import collections
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from .backend import Backend
from .program import DEADLINE_S, SOAK, ended, overdue, run, source, start

FORKS = 300 if SOAK else 30

CHILD = """
import os, signal, sys

def in_child(work):
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # a child that hangs dies of it
        try:
            work()
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child

def ended_well(child):
    status = os.waitpid(child, 0)[1]
    assert status == 0, status
"""


def counted(events: list[dict]) -> dict[str, int]:
    """Calls by feature, each id once."""
    assert len({event["id"] for event in events}) == len(events)
    return dict(collections.Counter(event["feature"] for event in events))


def drained(backend: Backend, count: int) -> dict[str, int]:
    """What the backend has once another program has brought it what the first ones left."""
    program = """
llmlab.init(backend=__import__("sys").argv[1])
llmlab.track_call("openai", "gpt-4", 1, 1, feature="later")
input()
"""
    later = start(program, backend.url)
    try:
        found = counted(backend.wait_for(count, DEADLINE_S * 0.9))
    finally:
        later.communicate(b"\n", timeout=DEADLINE_S)
    found.pop("later", None)
    return found


def test_forks_under_hammering_threads_lose_and_double_nothing(lab):
    threads, records = 8, 20
    with Backend(swallow=10) as backend:
        ran = run(
            CHILD
            + """
import threading
url, forks, threads, records = sys.argv[1], *map(int, sys.argv[2:])
llmlab.init(backend=url)
go = threading.Barrier(threads + 1)

def hammer():
    for _ in range(forks):
        go.wait()
        for _ in range(records):
            llmlab.track_call("openai", "gpt-4", 1, 1, feature="parent")

def work():
    for _ in range(3):
        llmlab.track_call("openai", "gpt-4", 2, 2, feature="child")
    stats = books()
    assert stats["recorded"] == 3
    os.write(1, b"m" * stats["in_memory"])

running = [threading.Thread(target=hammer) for _ in range(threads)]
for thread in running:
    thread.start()
children = []
for _ in range(forks):
    go.wait()
    children.append(in_child(work))
for thread in running:
    thread.join()
for child in children:
    ended_well(child)
assert books()["recorded"] == forks * threads * records
llmlab.flush(30)
books()
""",
            backend.url,
            *map(str, (FORKS, threads, records)),
        )
        found = counted(lab.calls())
        # A child that had no processor for long says what it has in memory still, which `_exit` takes along.
        in_memory = FORKS * 3 - found["child"]
        assert 0 <= in_memory <= ran.stdout.count("m")
        expected = {"parent": FORKS * threads * records, "child": FORKS * 3 - in_memory}
        assert found == expected
        assert drained(backend, sum(expected.values())) == expected


def test_forks_of_forks_during_an_ingest_lose_nothing(lab):
    with Backend() as backend:
        run(
            CHILD
            + """
llmlab.init(backend=sys.argv[1])
records = int(sys.argv[2])

def grandchild():
    llmlab.track_call("openai", "gpt-4", 3, 3, feature="grandchild")
    books()

def child():
    llmlab.track_call("openai", "gpt-4", 2, 2, feature="child")
    ended_well(in_child(grandchild))
    llmlab.track_call("openai", "gpt-4", 2, 2, feature="child")
    llmlab.flush(0.2)
    books()

for _ in range(records):
    llmlab.track_call("openai", "gpt-4", 1, 1, feature="parent")
for _ in range(10):
    ended_well(in_child(child))
llmlab.flush(50)
books()
""",
            backend.url,
            str(5_000),
        )
        expected = {"parent": 5_000, "child": 20, "grandchild": 10}
        assert counted(lab.calls()) == expected
        assert drained(backend, sum(expected.values())) == expected


def test_a_child_that_records_nothing_starts_nothing(lab):
    run(
        CHILD
        + """
def threads():
    return len(os.listdir("/proc/self/task"))

def idle():
    assert threads() == 1
    llmlab.stats()
    llmlab.flush(0.1)
    assert threads() == 1

def busy():
    llmlab.track_call("openai", "gpt-4", 1, 1)
    assert threads() == 2

llmlab.track_call("openai", "gpt-4", 1, 1)
assert threads() == 2
ended_well(in_child(idle))
ended_well(in_child(busy))
"""
    )
    assert len(lab.calls()) == 2


def test_a_child_leaves_the_exit_of_its_parent_alone(lab):
    """A child that ends as a program does runs the exit handlers that it has inherited."""
    run("""
        import os, sys
        llmlab.track_call("openai", "gpt-4", 1, 1)
        child = os.fork()
        if child == 0:
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        llmlab.track_call("openai", "gpt-4", 1, 1)
        assert books()["recorded"] == 2
    """)
    assert len(lab.calls()) == 2


POOL = source("""
import multiprocessing, sys

def work(number):
    llmlab.track_call("openai", "gpt-4", number, 1)
    return books()["recorded"]

if __name__ == "__main__":
    llmlab.track_call("openai", "gpt-4", 0, 1)
    with multiprocessing.get_context(sys.argv[1]).Pool(3) as pool:
        pool.map(work, range(1, 31))
        pool.close()
        pool.join()
    books()
""")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_the_workers_of_multiprocessing_lose_nothing(lab, tmp_path, method):
    script = tmp_path / "pool.py"
    script.write_text(POOL)
    command = [sys.executable, "-X", "faulthandler", script, method]
    ran = ended(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert sorted(call["usage"]["input"] for call in lab.calls()) == list(range(31))


APPLICATION = """
import llmlab

llmlab.init()
llmlab.track_call("openai", "gpt-4", 1, 1, feature="preload")

def application(environ, start_response):
    llmlab.track_call("openai", "gpt-4", 1, 1, feature="worker")
    start_response("200 OK", [("content-length", "2")])
    return [b"ok"]
"""


def test_the_workers_of_a_preloading_server_lose_nothing(lab, tmp_path):
    (tmp_path / "served.py").write_text(APPLICATION)
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", "4", "--bind", "127.0.0.1:0"]
    with Backend() as backend:
        server = subprocess.Popen(
            [*command, "--worker-tmp-dir", tmp_path, "--no-control-socket", "served:application"],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "LLMLAB_BACKEND": backend.url},
            start_new_session=True,
        )
        said = []
        with overdue(server):
            for line in server.stderr:
                said.append(line)
                if address := re.search(r"Listening at: (http://\S+)", line):
                    break
            assert address, said
            for _ in range(60):
                with urllib.request.urlopen(address[1], timeout=30) as answer:
                    assert answer.read() == b"ok"
            server.send_signal(signal.SIGTERM)
            said.append(server.communicate()[1])
        assert server.returncode == 0, json.dumps(said)
        expected = {"preload": 1, "worker": 60}
        assert counted(lab.calls()) == expected
        assert drained(backend, 61) == expected


def test_a_child_is_refused_the_ledger_that_its_parent_had_open(lab):
    """Sabotage: without the refusal it hangs on a lock that a thread of its parent held."""
    run(
        CHILD
        + """
import threading
over = threading.Event()

def hammer():
    while not over.is_set():
        llmlab.track_call("openai", "gpt-4", 1, 1)
        llmlab.flush(5)

def ask():
    try:
        llmlab.summary()
    except llmlab.LlmlabError as error:
        assert "forked" in str(error), error
    else:
        raise AssertionError("it was let in")

assert llmlab.summary().totals.calls == 0
thread = threading.Thread(target=hammer)
thread.start()
for _ in range(10):
    ended_well(in_child(ask))
over.set()
thread.join()
"""
    )


def test_a_child_may_read_what_its_parent_never_opened(lab):
    run(
        CHILD
        + """
llmlab.init()

def ask():
    assert llmlab.summary().totals.calls == 0

ended_well(in_child(ask))
"""
    )
