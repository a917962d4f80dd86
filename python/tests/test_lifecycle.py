"""The life of a process: import, fork, exit and sudden death, each in a process of its own."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys

import pytest

from .program import run
from .wire import CHAT_USAGE


def test_import_has_no_effects(home):
    run(
        """
        import os, sys
        effects = []
        def watch(event, arguments):
            if event.startswith(("socket.", "subprocess.", "os.mkdir", "os.fork", "_thread.start", "shutil.")):
                effects.append((event, arguments))
            elif event == "open" and not str(arguments[0]).endswith((".py", ".pyc", ".so")):
                effects.append((event, arguments))
        before = set(sys.modules)
        files = set(os.listdir("/proc/self/fd"))
        sys.addaudithook(watch)
        import llmlab
        assert not effects, effects
        assert len(os.listdir("/proc/self/task")) == 1
        assert set(os.listdir("/proc/self/fd")) == files
        heavy = {"asyncio", "typing", "inspect", "json", "logging", "decimal", "threading", "httpx", "dataclasses"}
        assert not heavy & (set(sys.modules) - before), heavy & (set(sys.modules) - before)

        @llmlab.track_cost
        def function(): pass
        llmlab.instrument()
        assert len(os.listdir("/proc/self/task")) == 1
    """,
        prelude="",
    )
    assert not home.exists()


def test_a_subinterpreter_is_refused_with_the_reason():
    """Sabotage: without the check it is let in, and shares the types of the main interpreter."""
    pytest.importorskip("_xxsubinterpreters", reason="its name has changed since")
    ran = run(
        """
        import sys
        import _xxsubinterpreters as interpreters
        interpreters.run_string(interpreters.create(), sys.argv[1])
        llmlab.track_call("openai", "gpt-4", 1, 1)
        books()
        """,
        "try:\n    import llmlab\nexcept ImportError as error:\n    print(error, flush=True)",
    )
    assert "main interpreter" in ran.stdout and "WSGIApplicationGroup" in ran.stdout


def test_instrument_imports_no_client_and_taps_the_one_that_the_program_imports(server, lab):
    run(
        """
        import sys
        import llmlab
        llmlab.instrument()
        assert not {"httpx", "httpx2"} & set(sys.modules)
        import importlib.util
        assert importlib.util.find_spec("httpx").loader.__class__.__name__ == "SourceFileLoader"
        import httpx, httpx2
        assert "exec_module" not in vars(httpx.__loader__)
        for client in (httpx, httpx2):
            client.post(sys.argv[1] + "/v1/chat/completions", json={"model": "gpt-4o", "messages": []})
        """,
        server.url("plain"),
    )
    assert [call["usage"] for call in lab.calls()] == [CHAT_USAGE] * 2


def test_a_log_handler_that_needs_the_client_does_not_wait_for_it(home):
    home.mkdir()
    (home / "config.json").write_text("no configuration")
    run("""
        import logging
        import llmlab

        class Handler(logging.Handler):
            def emit(self, record):
                llmlab.track_call("openai", "gpt-4", 1, 1)

        logging.getLogger().addHandler(Handler())
        llmlab.track_call("openai", "gpt-4", 1, 1)
        assert llmlab.stats()["recorded"] == 2
    """)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no ignored signals")
def test_the_command_hands_an_ignored_ctrl_c_on():
    shell = 'trap "" INT; exec "$0" -m llmlab run "$0" -c "import signal; print(signal.getsignal(signal.SIGINT))"'
    ran = subprocess.run(["sh", "-c", shell, sys.executable], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == str(signal.SIG_IGN)


def test_a_program_that_ends_loses_nothing(lab):
    run("""
        import llmlab
        for _ in range(250):
            llmlab.track_call("openai", "gpt-4", 1, 1)
    """)
    assert len(lab.calls()) == 250


@pytest.mark.parametrize("end", ["raise RuntimeError", "import sys; sys.exit(3)", "import os; os._exit(0)"])
def test_a_program_that_ends_otherwise_loses_nothing_either(lab, end):
    run(f"import llmlab\nllmlab.track_call('openai', 'gpt-4', 1, 1)\n{end}", check=False)
    assert len(lab.calls()) == 1


def test_a_stream_that_is_open_at_exit_is_recorded(server, lab):
    run(
        """
        import sys
        import httpx
        import llmlab
        llmlab.init()
        client = httpx.Client()
        request = client.build_request("POST", sys.argv[1] + "/v1/chat/completions",
                                       json={"model": "gpt-4o", "messages": [], "stream": True})
        response = client.send(request, stream=True)
        lines = response.iter_lines()
        next(lines)
        """,
        server.url("hang"),
    )
    call = lab.call()
    assert (call["status"], call["usage"]) == ("aborted", {})


def test_a_forked_child_records_for_itself_and_both_are_kept(server, lab):
    run(
        """
        import os, sys
        import httpx
        import llmlab
        llmlab.init()
        llmlab.track_call("openai", "gpt-4", 1, 1)
        llmlab.flush()
        client = httpx.Client()
        request = client.build_request("POST", sys.argv[1] + "/v1/chat/completions",
                                       json={"model": "gpt-4o", "messages": [], "stream": True})
        response = client.send(request, stream=True)
        with llmlab.track(feature="both"):
            child = os.fork()
            if child == 0:
                del response
                for _ in range(99):
                    llmlab.track_call("openai", "gpt-4", 2, 2)
                llmlab.flush()
                os._exit(0)
            llmlab.track_call("openai", "gpt-4", 1, 1)
        assert os.waitpid(child, 0)[1] == 0
        response.read()
        """,
        server.url("plain"),
    )
    inputs = [call["usage"].get("input") for call in lab.calls()]
    assert sorted(inputs) == sorted([1, 1, 1200] + [2] * 99)
    assert len({event["id"] for event in lab.events()}) == 102


RECORDER = """
import os
import llmlab

number = 0
while True:
    number += 1
    llmlab.track_call("openai", "gpt-4", number, int(os.environ["RUN"]))
    os.write(1, b"%d\\n" % number)
"""


def test_nothing_that_was_recorded_is_lost_or_doubled_by_kill_9(lab):
    """Kills a recording program after a random number of records, and between any two instructions after that."""
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    reported = set()
    for number in range(12):
        environment = {**os.environ, "RUN": str(number)}
        process = subprocess.Popen([sys.executable, "-c", RECORDER], stdout=subprocess.PIPE, env=environment)
        for _ in range(chance.randrange(1, 400)):
            reported.add((number, int(process.stdout.readline())))
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
        reported |= {(number, int(line)) for line in rest.splitlines(keepends=True) if line.endswith(b"\n")}
        process.wait()
    found = [(call["usage"]["output"], call["usage"]["input"]) for call in lab.calls()]
    assert len(found) == len(set(found)), f"seed {seed}"
    assert reported <= set(found), f"seed {seed}: lost {sorted(reported - set(found))[:5]}"
    assert len(set(found) - reported) <= 12, "at most the record that was under way"
    assert len({event["id"] for event in lab.events()}) == len(found)
