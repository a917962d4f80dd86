"""Disks that are full, forbidden or gone under a program that goes on: it never notices, and what can be kept is kept.

Sabotages that turn these red: an `init` that opens the spool and keeps the error; a spool that is never opened anew; a
writer that trusts a short write; an event in memory that counts as spooled.
"""

from __future__ import annotations

import subprocess

import pytest

from .program import SOAK, run

RECORDS = 10_000 if SOAK else 4_000

PRELUDE_OF_LIMITS = """
import llmlab, logging, os, resource, signal, sys

def books():
    stats = llmlab.stats()
    for row in [stats, *stats["sinks"]]:
        kept = row["delivered"] + row["spooled"] + stats["in_memory"] + row["rolled_up"] + row["dropped"]
        assert kept == stats["recorded"], stats
    assert stats["faults"] == 0, stats
    return stats

def record(count):
    for _ in range(count):
        llmlab.track_call("openai", "gpt-4", 1, 1)
"""
"""The law of conservation, where some may be given up."""


@pytest.fixture
def small_disk(tmp_path, monkeypatch, say):
    """A home on a file system of 16 MiB, where we may make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m,mode=0700", "llmlab-test", folder], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        say("SKIPPED: nothing can be mounted here, so a real full disk is NOT TESTED; the core's tests model one")
        pytest.skip("no right to mount")
    monkeypatch.setenv("LLMLAB_HOME", str(folder / "home"))
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_costs_no_event_and_says_so(small_disk, lab):
    run(
        """
        folder, count = sys.argv[1], int(sys.argv[2])
        record(50)
        assert llmlab.flush(20).pending == 0
        with open(folder + "/ballast", "wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(4096))
            except OSError:
                pass
        record(count)
        stats = books()
        assert (stats["recorded"], stats["dropped"]) == (count + 50, 0), stats
        assert stats["in_memory"] > 0, stats
        assert llmlab.flush(0.1).pending > 0
        os.remove(folder + "/ballast")
        assert llmlab.flush(30).pending == 0, books()
        """,
        str(small_disk),
        str(RECORDS),
        prelude=PRELUDE_OF_LIMITS,
    )
    lab.home = small_disk / "home"
    assert len(lab.calls()) == RECORDS + 50


@pytest.mark.parametrize("limit", [0, 2048])
def test_a_limit_on_the_size_of_files_ends_no_program(lab, limit):
    """The kernel tells whoever writes beyond it by SIGXFSZ, which ends a program that has no answer to it.

    Sabotage: a write at the limit that is not held back.
    """
    run(
        """
        count = int(sys.argv[1])
        record(50)
        assert llmlab.flush(20).pending == 0
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
        record(count)
        stats = books()
        assert (stats["recorded"], stats["dropped"]) == (count + 50, 0), stats
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert llmlab.flush(20).pending == 0, books()
        assert books()["delivered"] == count + 50
        """,
        str(RECORDS),
        str(limit),
        prelude=PRELUDE_OF_LIMITS,
    )
    assert len(lab.calls()) == RECORDS + 50


def test_a_program_without_a_descriptor_to_spare_loses_nothing(lab):
    run(
        """
        count = int(sys.argv[1])
        llmlab.init()
        held = []
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        try:
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            pass
        record(count)
        stats = books()
        assert (stats["recorded"], stats["in_memory"], stats["dropped"]) == (count, count, 0), stats
        assert llmlab.flush(0.1).pending == count
        for descriptor in held:
            os.close(descriptor)
        assert llmlab.flush(20).pending == 0, books()
        """,
        str(RECORDS),
        prelude=PRELUDE_OF_LIMITS,
    )
    assert len(lab.calls()) == RECORDS


@pytest.mark.parametrize("when", ["an event is in it", "it is empty"])
def test_a_home_that_is_removed_under_a_program_is_made_anew(lab, home, when):
    """What was in it is gone with it, and the books say that it was there once."""
    ran = run(
        """
        import shutil
        home, is_used = sys.argv[1], sys.argv[2] == "an event is in it"
        llmlab.init()
        record(10 * is_used)
        if is_used:
            llmlab.flush(20)
        shutil.rmtree(home)
        record(250)
        llmlab.flush(20)
        record(250)
        report = llmlab.flush(20)
        print(books()["recorded"], report.pending)
        """,
        str(home),
        when,
        prelude=PRELUDE_OF_LIMITS,
    )
    recorded, pending = map(int, ran.stdout.split())
    assert recorded == 500 + 10 * (when == "an event is in it")
    # A file that has lost its name takes what is written to it along: at most the segment under way, and the next one.
    assert len(lab.calls()) >= 500 - 200, (recorded, pending)


def test_a_home_that_becomes_forbidden_keeps_what_it_has(lab, home):
    """Where nobody can be forbidden anything, as root, a file stands in the folder's place."""
    run(
        """
        home = sys.argv[1]
        record(10)
        assert llmlab.flush(20).pending == 0
        os.rename(home + "/spool", home + "/aside")
        open(home + "/spool", "w").close()
        record(500)
        stats = books()
        assert (stats["recorded"], stats["dropped"]) == (510, 0), stats
        os.remove(home + "/spool")
        os.rename(home + "/aside", home + "/spool")
        assert llmlab.flush(20).pending == 0, books()
        """,
        str(home),
        prelude=PRELUDE_OF_LIMITS,
    )
    assert len(lab.calls()) == 510
