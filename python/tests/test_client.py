"""Configuration, the answers about what was spent, and what happens where the home cannot be used."""

from __future__ import annotations

import json
import os

import pytest

import llmlab


def test_init_sets_what_every_event_has(lab):
    llmlab.init("key", "shop", environment="test", service="web", tags={"team": "a"})
    llmlab.track_call("openai", "gpt-4", 1, 1)
    call = lab.call()
    assert (call["project"], call["environment"], call["service"]) == ("shop", "test", "web")
    assert call["tags"] == {"team": "a"}


def test_the_forms_of_the_first_specification_work(lab):
    from llmlab import sdk

    sdk.init("key")
    sdk.track_call("openai", "gpt-4", 1000, 500)
    assert lab.call()["cost_usd"] == 0.06


def test_a_second_init_loses_nothing_of_the_first(lab):
    llmlab.init(project="one")
    llmlab.track_call("openai", "gpt-4", 1, 1)
    llmlab.init(project="two")
    llmlab.track_call("openai", "gpt-4", 1, 1)
    assert [call["project"] for call in lab.calls()] == ["one", "two"]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"project": ""}, "project"),
        ({"project": 5}, "5"),
        ({"tags": {"a": 1}}, "1"),
        ({"tags": "a=b"}, "a=b"),
        ({"environment": "x" * 500}, "environment"),
        ({"prices": "/nowhere/prices.jsonl"}, "/nowhere/prices.jsonl"),
        ({"api_key": 5}, "api_key"),
    ],
)
def test_a_wrong_option_is_an_error_that_names_it(options, word):
    with pytest.raises(llmlab.ConfigError) as raised:
        llmlab.init(**options)
    assert word in str(raised.value)
    assert raised.value.code in ("invalid_config", "invalid_prices")


def test_an_unknown_option_is_a_type_error():
    with pytest.raises(TypeError, match="projct"):
        llmlab.init(projct="x")


def test_a_key_is_in_no_message_and_no_file(home, lab, caplog):
    llmlab.init("llk_secret")
    llmlab.track_call("openai", "gpt-4", 1, 1)
    llmlab.flush()
    assert "llk_secret" not in caplog.text
    assert all(b"llk_secret" not in path.read_bytes() for path in home.rglob("*") if path.is_file())


@pytest.mark.parametrize("file", ["{", '{"projct": "x"}', "[]", '{"project": 5}'])
def test_a_config_file_that_cannot_be_used_is_an_error_where_one_is_allowed(home, lab, caplog, file):
    home.mkdir()
    (home / "config.json").write_text(file)
    with pytest.raises(llmlab.ConfigError, match=r"config\.json"):
        llmlab.init()
    llmlab.track_call("openai", "gpt-4", 1000, 500)
    with llmlab.track() as t:
        llmlab.record_response({"model": "gpt-4", "usage": {"prompt_tokens": 1}}, provider="openai")
    assert t.calls == 1
    with pytest.raises(llmlab.ConfigError, match=r"config\.json"):
        llmlab.cost("openai", "gpt-4", {"input": 1})
    assert llmlab.stats()["recorded"] == 2
    assert llmlab.stats()["faults"] == 1
    assert "config.json" in caplog.text
    (home / "config.json").unlink()
    assert len(lab.calls()) == 2


@pytest.mark.parametrize(
    "options",
    [{"project": 5}, {"project": b"x"}, {"service": object()}, {"prices": b"/prices"}, {"tags": "team=a"},
     {"tags": {1: "a"}}, {"tags": {"team": None}}],
)  # fmt: skip
def test_an_option_of_a_wrong_type_is_an_error_that_names_it(options):
    (name,) = options
    with pytest.raises(llmlab.ConfigError, match=f"{name} must be .*, got ") as raised:
        llmlab.init(**options)
    assert raised.value.code == "invalid_config"


def test_every_tag_of_init_arrives_whole_whatever_it_is_called(lab):
    tags = {"data": "eu", "content": "none", "choices": "two", "note": "x" * 600}
    llmlab.init(tags=tags)
    llmlab.track_call("openai", "gpt-4", 1000, 500)
    assert lab.call()["tags"] == tags


def test_a_price_file_that_cannot_be_used_is_named(home, lab, tmp_path, monkeypatch):
    prices = tmp_path / "prices.jsonl"
    prices.write_text("no prices")
    with pytest.raises(llmlab.ConfigError):
        llmlab.init(prices=prices)
    monkeypatch.setenv("LLMLAB_PRICES", str(prices))
    llmlab.track_call("openai", "gpt-4", 1000, 500)
    monkeypatch.delenv("LLMLAB_PRICES")
    assert lab.call()["cost_usd"] == 0.06


def test_a_home_that_cannot_be_written_costs_nothing_but_the_events(home, caplog):
    home.write_text("a file where the directory should be")
    with llmlab.track() as t:
        llmlab.track_call("openai", "gpt-4", 1000, 500)
    assert str(t.cost) == "0.06"
    report = llmlab.flush(1.0)
    assert (report.delivered, report.pending) == (0, 1)
    assert report.last_error
    assert llmlab.stats()["in_memory"] == 1
    assert caplog.records
    with pytest.raises(llmlab.LlmlabError) as raised:
        llmlab.summary()
    assert raised.value.code == "storage"


def test_a_home_in_which_events_cannot_be_kept_is_refused_by_init(home):
    home.write_text("a file where the directory should be")
    for start in (llmlab.init, llmlab.LLMLab):
        with pytest.raises(llmlab.ConfigError, match="LLMLAB_HOME"):
            start()
    home.unlink()
    llmlab.init()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can give a folder away")
def test_a_spool_of_somebody_else_is_refused_by_init(home):
    (home / "spool").mkdir(parents=True)
    os.chown(home / "spool", 4711, 4711)
    with pytest.raises(llmlab.ConfigError, match="belongs to you"):
        llmlab.init()


def test_a_ledger_that_cannot_be_read_keeps_the_events(home, lab):
    home.mkdir()
    (home / "ledger.db").write_text("no ledger " * 1000)
    llmlab.track_call("openai", "gpt-4", 1000, 500)
    report = llmlab.flush(2.0)
    assert (report.delivered, report.pending) == (0, 1)
    assert "ledger" in report.last_error
    with pytest.raises(llmlab.LlmlabError, match="ledger") as raised:
        llmlab.summary()
    assert raised.value.code == "storage"
    (home / "ledger.db").unlink()
    assert lab.call()["cost_usd"] == 0.06


def test_a_summary_has_totals_and_groups():
    for model, feature in [("gpt-4", "a"), ("gpt-4o", "a"), ("gpt-4", "b"), ("gpt-nine", None)]:
        llmlab.track_call("openai", model, 1000, 500, feature=feature)
    report = llmlab.summary(group_by=("model", "feature"))
    assert (report.totals.calls, report.totals.priced, report.totals.unpriced) == (4, 3, 1)
    assert report.totals.usage == {"input": 4000, "output": 2000}
    costs = {group.key["model"]: group.totals.cost_usd for group in report.groups}
    assert costs["gpt-nine"] is None
    assert sum(group.totals.cost_usd or 0 for group in report.groups) == report.totals.cost_usd
    assert report.totals.cost_state == "unpriced"
    assert report.groups[0].key == {"model": "gpt-4", "feature": "a"}
    assert llmlab.summary(until="2020-01-01T00:00:00Z").totals.calls == 0
    for wrong in [{"since": "soon"}, {"group_by": "colour"}]:
        with pytest.raises(llmlab.LlmlabError):
            llmlab.summary(**wrong)


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf"), "soon", None])
def test_a_flush_with_a_senseless_timeout_raises_nothing(timeout):
    llmlab.track_call("openai", "gpt-4", 1, 1)
    assert llmlab.flush(timeout).dropped == 0


def test_what_is_recorded_after_a_shutdown_is_kept(lab):
    llmlab.track_call("openai", "gpt-4", 1, 1)
    assert llmlab.shutdown().pending == 0
    llmlab.track_call("openai", "gpt-4", 1, 1)
    assert len(lab.calls()) == 2


def test_disabled_is_a_no_op_everywhere(home, monkeypatch):
    import httpx

    monkeypatch.setenv("LLMLAB_DISABLED", "1")
    before = httpx.Client.send

    def function():
        return {"usage": {"prompt_tokens": 1}}

    llmlab.init("key")
    assert httpx.Client.send is before
    assert llmlab.track_cost(function) is function
    assert llmlab.track_cost(feature="x")(function) is function
    assert llmlab.trace(function) is function
    with llmlab.track(feature="x") as t:
        llmlab.track_call("openai", "gpt-4", 1, 1)
        llmlab.track_call("openai", "gpt-4", "many")
        llmlab.record_response(function(), provider="openai")
    assert t.calls == 0
    assert llmlab.stats()["faults"] == 0
    assert llmlab.flush().pending == 0
    assert not home.exists()


def test_the_command_is_the_same_by_every_name(capfd):
    import subprocess
    import sys
    from pathlib import Path

    for command in ([sys.executable, "-m", "llmlab"], [str(Path(sys.executable).with_name("llmlab"))]):
        ran = subprocess.run(
            [*command, "price", "gpt-4", "--input", "1000", "--json"], capture_output=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        assert json.loads(ran.stdout)
    assert (
        subprocess.run([sys.executable, "-m", "llmlab", "nonsense"], capture_output=True, check=False).returncode == 2
    )
