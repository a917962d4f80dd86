"""Prices that change: a list that is taken over, and history charged anew."""

from __future__ import annotations

import json
import threading
from decimal import Decimal
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

import llmlab
from llmlab import _native


def line(model: str, input_usd: str, output_usd: str = "0") -> str:
    rates = {"standard": {"input": input_usd, "output": output_usd}}
    return json.dumps({"provider": "vllm", "id": model, "periods": [{"rates": rates}]}) + "\n"


def command(capfd, *arguments: str) -> str:
    assert _native.cli(["llmlab", *map(str, arguments)]) == 0
    return capfd.readouterr().out


def test_summary_says_the_new_sums_after_a_repricing(home, tmp_path, capfd):
    llmlab.track_call("vllm", "llama", 1_000_000, 500_000)
    assert llmlab.flush().pending == 0
    assert llmlab.summary().totals.cost_usd is None
    prices = tmp_path / "own.jsonl"
    prices.write_text(line("llama", "0.25", "0.5"))
    (home / "config.json").write_text(json.dumps({"prices": str(prices)}))
    told = json.loads(command(capfd, "reprice", "--dry-run", "--json"), parse_float=Decimal)
    assert (told["changed"], told["models"][0]["new"]["cost_usd"]) == (1, Decimal("0.5"))
    assert llmlab.summary().totals.cost_usd is None
    command(capfd, "reprice")
    assert llmlab.summary().totals.cost_usd == Decimal("0.5")
    assert json.loads(command(capfd, "reprice", "--json"))["changed"] == 0


@pytest.fixture
def published(tmp_path, capfd):
    """The address and the key of a list on a server of this machine."""
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "own.jsonl").write_text(line("llama", "2"))
    key = command(capfd, "prices", "keygen", folder / "key.pem").strip()
    number = "20980101001"
    (folder / "list.jsonl").write_text(command(capfd, "prices", "pack", folder / "own.jsonl", "--number", number))
    command(capfd, "prices", "sign", folder / "key.pem", folder / "list.jsonl")
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    handler.func.log_message = lambda *_: None
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/list.jsonl", key
        server.shutdown()


def test_the_next_client_uses_the_list_that_was_taken_and_its_events_tell(published, lab, monkeypatch, capfd):
    url, key = published
    monkeypatch.setenv("LLMLAB_PRICES_URL", url)
    monkeypatch.setenv("LLMLAB_PRICES_KEY", key)
    command(capfd, "prices", "update")
    llmlab.init()
    assert llmlab.cost("vllm", "llama", input_tokens=500_000).total == 1
    llmlab.track_call("vllm", "llama", 500_000, 0)
    event = lab.call()
    assert (event["cost_usd"], event["catalogue_version"]) == (1, 20980101001)
    # What the list took over from the built-in prices has its price, too.
    assert llmlab.cost("openai", "gpt-4o-mini", input_tokens=1_000_000).total == Decimal("0.15")


def test_a_damaged_list_is_one_warning_and_no_error(published, home, capfd, caplog):
    url, key = published
    command(capfd, "prices", "update", "--from", url, "--key", key)
    for file in (home / "prices").glob("*.jsonl"):
        file.write_bytes(file.read_bytes()[:1000])
    llmlab.init()
    assert llmlab.cost("openai", "gpt-4o-mini", input_tokens=1_000_000).total == Decimal("0.15")
    llmlab.track_call("openai", "gpt-4o-mini", 1, 1)
    assert len([record for record in caplog.records if "llmlab prices update" in record.getMessage()]) == 1
