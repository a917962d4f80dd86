"""How things are timed: interleaved, so that the machine's noise falls on everyone alike."""

import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field


@dataclass
class Row:
    """One line of the table: our figure, its budget, and our peers' figures of the same run."""

    name: str
    ours: float
    budget: float
    unit: str = "µs"
    peers: Mapping[str, float] = field(default_factory=dict)
    more_is_better: bool = False

    @property
    def within_budget(self) -> bool:
        return self.ours >= self.budget if self.more_is_better else self.ours <= self.budget


def interleaved(variants: Mapping[str, Callable[[], object]], calls: int = 200, rounds: int = 60) -> dict[str, float]:
    """The median time of one call of each variant in microseconds.

    Each round runs a block of `calls` of every variant in turn; a block's mean is one sample.
    """
    samples: dict[str, list[float]] = {name: [] for name in variants}
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds + 3):
            for name, call in variants.items():
                start = time.perf_counter_ns()
                for _ in range(calls):
                    call()
                elapsed = time.perf_counter_ns() - start
                if number >= 3:  # the first rounds warm caches up
                    samples[name].append(elapsed / calls / 1_000)
    finally:
        gc.enable()
    return {name: statistics.median(times) for name, times in samples.items()}


WARM_UP = 10
"""Pairs that are not counted."""


def paired(first: Callable[[], object], second: Callable[[], object], pairs: int) -> float:
    """The median of what `second` takes longer than `first`, over alternating pairs, in microseconds.

    The processor time of the calling thread counts: both wait for the same socket, and how long
    is the machine's business.
    """
    differences = []
    for number in range(pairs + WARM_UP):
        # Whoever comes second finds warmer caches: the order alternates.
        one, other = (first, second) if number % 2 else (second, first)
        start = time.thread_time_ns()
        one()
        middle = time.thread_time_ns()
        other()
        end = time.thread_time_ns()
        differences.append(_longer(start, middle, end, number))
    return statistics.median(differences[WARM_UP:])


async def paired_async(
    first: Callable[[], Awaitable[object]], second: Callable[[], Awaitable[object]], pairs: int
) -> float:
    """The same for coroutines."""
    differences = []
    for number in range(pairs + WARM_UP):
        one, other = (first, second) if number % 2 else (second, first)
        start = time.thread_time_ns()
        await one()
        middle = time.thread_time_ns()
        await other()
        end = time.thread_time_ns()
        differences.append(_longer(start, middle, end, number))
    return statistics.median(differences[WARM_UP:])


def _longer(start: int, middle: int, end: int, number: int) -> float:
    longer = (end - middle) - (middle - start)
    return (longer if number % 2 else -longer) / 1_000
