"""Records events with llmlab and says which, until the standard input ends: recorder.rs in Python."""

import os
import sys
import threading
import time
from decimal import Decimal

import llmlab

NAME, THREADS, EVENTS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
ended = threading.Event()


def say(text):
    os.write(1, text.encode())  # in one write, so that the lines of two threads do not mix


def record_one(key, number):
    own = {"cost_usd": Decimal(number * 1_234_567_890_123_457).scaleb(-18)} if number % 2 else {}
    with llmlab.track(user=key) as spent:
        llmlab.track_call("openai", "gpt-4o-mini", 1_000 + number, 7, **own)
    return spent.cost


def acknowledge(waiting):
    """Acknowledges what waits, if no event of this process is in memory only."""
    if waiting and llmlab.stats()["in_memory"] == 0:
        say("".join(f"acknowledged {key} {cost:f}\n" for key, cost in waiting))
        waiting.clear()


def record(name):
    waiting = []
    for number in range(EVENTS):
        if ended.is_set():
            break
        key = f"{name}.{number}"
        say(f"issued {key}\n")
        waiting.append((key, record_one(key, number)))
        acknowledge(waiting)
    while waiting and not ended.is_set():
        time.sleep(0.001)
        acknowledge(waiting)


threads = [threading.Thread(target=record, args=(f"{NAME}.{thread}",)) for thread in range(THREADS)]
for thread in threads:
    thread.start()
sys.stdin.read()  # ends when whoever started us wants us to finish, and when that one is gone
ended.set()
for thread in threads:
    thread.join()
llmlab.shutdown(10.0)
