"""Garbage into every public function: nothing is raised where nothing may be, and the program's own errors pass.

Sabotages that turn these red: `_guard.told` that lets an error's own text fail; a name of a step that is not cleaned; a
`Display` of a Python value in the native half, which prints on standard error.
"""

from __future__ import annotations

import asyncio
import math
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import llmlab
from llmlab import _guard

from .program import SOAK

settings.register_profile(
    "llmlab",
    max_examples=2_000 if SOAK else 60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    print_blob=True,
)
settings.load_profile("llmlab")


class Own(Exception):
    """An error of the program, with a text that cannot be had."""

    def __str__(self) -> str:
        raise ValueError("not even this")

    __repr__ = __str__


class Hostile:
    """Refuses everything that one may ask of an object."""

    def refuse(self, *_: object) -> object:
        raise Own

    __str__ = __repr__ = __bool__ = __len__ = __iter__ = __eq__ = __hash__ = __index__ = __float__ = refuse
    __getitem__ = __contains__ = __format__ = __fspath__ = items = keys = model_dump_json = to_json = refuse

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(name)


class Endless(dict):
    """A mapping whose items never come to an end, if one goes by what it says of itself."""

    def items(self):
        return self.refuse()

    def refuse(self):
        raise OverflowError


def cyclic() -> object:
    inside: list = []
    outside = {"usage": inside, "a": 1}
    inside.append(outside)
    return outside


def deep(levels: int = 10_000) -> object:
    value: object = 1
    for _ in range(levels):
        value = {"usage": [value]}
    return value


class Text(str):
    """A text that is none at second sight."""

    def __str__(self):
        raise ValueError


SPECIMENS = [
    None, True, False, 0, -1, 2**63, 2**64, 2**127, -(2**127), 10**400, 0.0, -0.0, 1e308, math.nan, math.inf, -math.inf,
    Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("1e-400"), Decimal("1E+400"), complex(1, 2),
    "", " ", "\0", "\ud800", "\u202e", "a" * 1_000_000, Text("x"), b"", b"\xff", b"{", b'{"usage":',
    bytearray(b"{}"), memoryview(b"x"), [], {}, (), set(), object(), range(10**12), iter(()), (x for x in ()),
    Hostile(), Hostile, Endless(), cyclic(), deep(), len, lambda: None, type, NotImplemented, ..., asyncio,
    Exception("x"), KeyboardInterrupt("x"),
]  # fmt: skip


class Specimen:
    """Keeps a value from those who would look at it, such as the one who draws it."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"<{type(self.value).__name__}>"


built = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def fed(count: int):
    """A test that is given so many pieces of garbage."""
    specimen = st.integers(0, len(SPECIMENS) - 1).map(lambda number: Specimen(SPECIMENS[number]))
    drawn = given(st.lists(specimen | built.map(Specimen), min_size=count, max_size=count))

    def decorate(test):
        """Each specimen in all places at once, and then by chance."""
        for value in SPECIMENS:
            test = example([Specimen(value)] * count)(test)
        return drawn(test)

    return decorate


def values(drawn: list[Specimen]) -> list[object]:
    return [specimen.value for specimen in drawn]


def books() -> dict:
    stats = llmlab.stats()
    for row in [stats, *stats["sinks"]]:
        kept = row["delivered"] + row["spooled"] + stats["in_memory"] + row["rolled_up"] + row["dropped"]
        assert kept == stats["recorded"], stats
    return stats


@fed(13)
def test_every_record_counts_whatever_it_was_given(lab, drawn):
    before = books()["recorded"]
    provider, model, input_tokens, output_tokens, usage, cost, latency, tier, operation, *labels = values(drawn)
    llmlab.track_call(
        provider, model, input_tokens, output_tokens, usage=usage, cost_usd=cost, latency_ms=latency,
        service_tier=tier, operation=operation, feature=labels[0], user=labels[1], session=labels[2], tags=labels[3],
    )  # fmt: skip
    assert books()["recorded"] == before + 1


@fed(4)
def test_what_is_no_response_is_none(lab, drawn):
    response, provider, model, api = values(drawn)
    assert llmlab.record_response(response, provider=provider, model=model, api=api) in (True, False)
    books()


@fed(5)
def test_a_scope_takes_everything(lab, drawn):
    feature, user, session, tags, record = values(drawn)
    before = books()["recorded"]
    with llmlab.track(feature=feature, user=user, session=session, tags=tags, record=record) as t:
        llmlab.track_call("openai", "gpt-4", 1, 1)
    assert t.calls == 1
    assert books()["recorded"] == before + 1


@fed(4)
def test_a_decorated_function_returns_what_it_returned(lab, drawn):
    result, label, tags, name = values(drawn)

    @llmlab.track_cost(provider=label, model=label, feature=label, user=label, session=label, tags=tags)
    @llmlab.trace(name if not callable(name) else None, tags=tags, kind=label)
    def function(value):
        return value

    assert function(result) is result

    @llmlab.track_cost(feature=label)
    async def coroutine(value):
        return value

    assert asyncio.run(coroutine(result)) is result

    @llmlab.track_cost
    def generator(value):
        yield value

    assert next(generator(result)) is result
    books()


@fed(1)
def test_a_decorator_takes_everything(lab, drawn):
    (anything,) = values(drawn)
    for decorate in (llmlab.track_cost, llmlab.trace):
        decorated = decorate(anything)
        if not callable(anything):
            assert decorated(len)("ab") == 2
        decorate()(anything)
    books()


@pytest.mark.parametrize("error", [Own(), KeyError(cyclic), SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_an_error_of_the_program_passes_as_it_is(lab, error):
    @llmlab.track_cost(feature="f")
    @llmlab.trace
    def function():
        with llmlab.track(user="u"):
            raise error

    @llmlab.trace
    @llmlab.track_cost
    async def coroutine():
        async with llmlab.track():
            raise error

    for run in (function, lambda: coroutine().send(None)):
        try:
            run()
        except BaseException as raised:
            assert raised is error
            assert raised.__cause__ is None and raised.__context__ is None
        else:
            pytest.fail("it was swallowed")
    assert _guard.faults == 0
    books()


@fed(1)
def test_the_end_takes_every_time_limit(lab, drawn):
    (timeout,) = values(drawn)
    if isinstance(timeout, (int, float)) and timeout > 1:
        timeout = -timeout
    llmlab.track_call("openai", "gpt-4", 1, 1)
    report = llmlab.flush(timeout)
    assert report.dropped == 0
    books()


QUESTIONS = [
    lambda a, b, c, d: llmlab.cost(a, b, c, d),
    lambda a, b, c, d: llmlab.cost("openai", "gpt-4", {"input": a, "output": b}, c, d),
    lambda a, b, c, d: llmlab.cost("openai", "gpt-4", None, None, a, b, c, d),
    lambda a, b, c, d: llmlab.read_usage(a, b, c),
    lambda a, b, c, d: llmlab.models(a),
    lambda a, b, c, d: llmlab.summary(a, b, c),
    lambda a, b, c, d: llmlab.summary(group_by=a, project=b, run_id=c),
]


@pytest.mark.parametrize("number", range(len(QUESTIONS)))
@fed(4)
def test_a_question_that_makes_no_sense_has_an_error_of_ours(lab, number, drawn):
    a, b, c, d = values(drawn)
    try:
        QUESTIONS[number](a, b, c, d)
    except llmlab.LlmlabError as error:
        assert str(error) and error.code != "internal"


OPTIONS = [
    "api_key", "project", "backend", "sinks", "environment", "service", "tags", "prices", "stream_usage",
    "durability", "spool_max_bytes", "spool_max_days", "exit_flush",
]  # fmt: skip


@pytest.mark.parametrize("option", OPTIONS)
@fed(1)
def test_an_option_that_makes_no_sense_is_named(lab, option, drawn):
    (value,) = values(drawn)
    try:
        llmlab.LLMLab(**{option: value})
    except llmlab.ConfigError as error:
        assert option in str(error) or "not JSON" in str(error), error
