"""Prices, names of models and providers that a program sets while it runs."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from threading import Event
from urllib.parse import quote

import httpx
import pytest

import llmlab

MILLION = {"input": 1_000_000}


def million(provider, model, client=llmlab, **terms):
    return client.cost(provider, model, MILLION, **terms).total


def sent(url, answer, model="m"):
    """Sends a request as the program's own client would."""
    llmlab.instrument()
    try:
        transport = httpx.MockTransport(lambda request: httpx.Response(200, json=answer))
        with httpx.Client(transport=transport) as client:
            client.post(url, json={"model": model})
    finally:
        llmlab.uninstrument()


def test_an_amount_may_be_a_text_a_decimal_or_a_number(lab):
    for amount, cost in [("0.5", "0.5"), (Decimal("1E-7"), "0.0000001"), (3, "3"), (0.1, "0.1"), (1e-7, "0.0000001")]:
        llmlab.set_price("acme", "large", input=amount)
        assert million("acme", "large") == Decimal(cost), amount


def test_a_price_has_all_the_words_of_the_price_file(lab):
    llmlab.set_price(
        "acme",
        "large",
        input="2",
        web_searches="0.01",
        batch={"input": Decimal(1)},
        tiers=[{"over": 1_000_000, "input": "4"}],
    )
    assert million("acme", "large") == 2
    assert million("acme", "large", service_tier="batch") == 1
    assert llmlab.cost("acme", "large", {"input": 2_000_000, "web_searches": 3}).total == Decimal("8.03")


@pytest.mark.parametrize("starts", ["2030-01-01", date(2030, 1, 1), datetime(2030, 1, 1, tzinfo=timezone.utc)])
def test_a_price_may_begin_at_a_day_or_an_instant(lab, starts):
    before = million("openai", "gpt-4")
    llmlab.set_price("openai", "gpt-4", input=1, starts=starts)
    assert million("openai", "gpt-4", at="2029-12-31T23:59:59Z") == before
    assert million("openai", "gpt-4", at="2030-01-01T00:00:00Z") == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, ["at least one rate"]),
        ({"input": "-1"}, ["input", "-1"]),
        ({"input": True}, ["input", "true"]),
        ({"input": float("nan")}, ["input", "NaN"]),
        ({"input": object()}, ["input", "object"]),
        ({"inputs": 1}, ["inputs", "cache_read"]),
        ({"input": 1, "starts": datetime(2030, 1, 1)}, ["starts", "aware"]),
        ({"input": 1, "starts": 5}, ["starts", "5"]),
    ],
)
def test_a_price_that_cannot_be_used_is_refused_by_value(lab, given, words):
    with pytest.raises(llmlab.ConfigError) as raised:
        llmlab.set_price("openai", "gpt-4", **given)
    assert raised.value.code == "invalid_prices"
    assert all(word in str(raised.value) for word in words), raised.value


def test_a_name_that_leads_nowhere_is_refused_with_the_nearest(lab):
    with pytest.raises(llmlab.ConfigError, match=r"(?s)'?my-deployment.*gpt-4o-minni.*gpt-4o-mini"):
        llmlab.set_model("azure", "my-deployment", "gpt-4o-minni")
    with pytest.raises(llmlab.LlmlabError, match="set_model"):
        llmlab.set_model("azure", 5, "gpt-4o")


def test_a_mapped_deployment_keeps_its_name_and_has_the_price_of_its_model(lab):
    llmlab.track_call("azure", "my-deployment", 1_000_000, 0)
    llmlab.set_model("azure", "my-deployment", "gpt-4o-mini")
    llmlab.track_call("azure", "my-deployment", 1_000_000, 0)
    before, after = lab.events()
    assert (before["cost_usd"], before["cost_state"]) == (None, "unpriced")
    assert (Decimal(str(after["cost_usd"])), after["model"], after["matched_by"]) == (
        Decimal("0.15"),
        "my-deployment",
        "override",
    )
    varying = {"id", "ts", "span_id", "cost_usd", "cost_state", "matched_by"}
    assert {name: after[name] for name in after if name not in varying} == {
        name: before[name] for name in before if name not in varying
    }


def test_the_arn_of_an_inference_profile_has_the_price_of_its_model(lab):
    arn = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc"
    model = "anthropic.claude-sonnet-4-5-20250929-v1:0"
    llmlab.set_model("bedrock", arn, model)
    for shown in (arn, quote(arn, safe="")):
        url = f"https://bedrock-runtime.eu-west-1.amazonaws.com/model/{shown}/converse"
        sent(url, {"usage": {"inputTokens": 1_000_000, "outputTokens": 0}})
    for call in lab.events():
        assert (call["model"], call["matched_by"]) == (arn, "override")
        assert Decimal(str(call["cost_usd"])) == million("bedrock", model)


def test_a_price_of_a_deployment_goes_before_the_model_that_the_answer_names(lab):
    llmlab.register_provider("azure", hosts=["azure.corp.example"], wire="openai")
    llmlab.set_price("azure", "provisioned", input=0, output=0)
    llmlab.set_price("azure", "gpt-4o", input=7, output=7)
    url = "https://azure.corp.example/openai/v1/chat/completions"
    answer = {"model": "gpt-4o-mini-2024-07-18", "usage": {"prompt_tokens": 1_000_000, "completion_tokens": 0}}
    sent(url, answer, model="provisioned")
    sent(url, answer, model="gpt-4o")
    assert [Decimal(str(call["cost_usd"])) for call in lab.events()] == [0, Decimal("0.15")]


def test_a_client_has_prices_of_its_own(lab):
    shop = llmlab.LLMLab(project="shop")
    listed = million("openai", "gpt-4")
    shop.set_price("openai", "gpt-4", input=1)
    shop.set_model("azure", "prod", "openai/gpt-4")
    assert million("openai", "gpt-4", shop) == million("azure", "prod", shop) == 1
    assert million("openai", "gpt-4") == listed
    assert million("azure", "prod") is None
    shop.shutdown()


def test_what_was_set_before_init_holds_after_it(lab):
    llmlab.set_price("acme", "large", input=1)
    llmlab.set_price("acme", "large", input=2)
    llmlab.init(project="other")
    assert million("acme", "large") == 2


def test_prices_may_change_while_calls_are_priced(lab):
    done = Event()

    def price_calls():
        costs = set()
        while not done.is_set():
            costs.add(million("acme", "busy"))
        return costs | {million("acme", "busy")}

    def set_prices(writer):
        for number in range(100):
            llmlab.set_price("acme", f"m{writer}-{number}", input=number)

    llmlab.set_price("acme", "busy", input=0)
    with ThreadPoolExecutor(6) as pool:
        readers = [pool.submit(price_calls) for _ in range(3)]
        writers = [
            pool.submit(lambda n=n: [llmlab.set_price("acme", f"m{n}-{i}", input=i) for i in range(100)])
            for n in range(3)
        ]
        for writer in writers:
            writer.result()
        llmlab.set_price("acme", "busy", input=9)
        done.set()
        assert all(reader.result() <= {Decimal(0), Decimal(9)} and 9 in reader.result() for reader in readers)
    assert {million("acme", f"m{n}-99") for n in range(3)} == {99}, "no change got lost"


def test_a_defined_provider_is_read_counted_and_priced(lab):
    llmlab.register_provider(
        "novel",
        hosts=("api.novel.example",),
        paths={"/v1/generate": "chat"},
        usage={"input": "usage.0.prompt", "output": "usage.0.completion", "cache_read": "usage.0.cached"},
        outside={"cache_read"},
    )
    llmlab.set_price("novel", "m", input=1, cache_read="0.1", output=2)
    usage = [{"prompt": 900_000, "cached": 100_000, "completion": 500_000}]
    sent("https://api.novel.example/v1/generate", {"usage": usage})
    call = lab.call()
    assert (call["provider"], call["usage"]["input"], Decimal(str(call["cost_usd"]))) == (
        "novel",
        1_000_000,
        Decimal("1.91"),
    )
    assert llmlab.models("novel") == ["m"]


def test_a_provider_that_cannot_be_used_is_refused_by_value(lab):
    for given, words in [
        ({"id": "x", "hosts": ["https://x.example"], "wire": "openai"}, ["https://x.example", "without scheme"]),
        ({"id": "x", "hosts": 5}, ["hosts", "5"]),
        ({"id": "x", "hosts": "x.example"}, ["wire", "usage"]),
        ({"id": 5, "hosts": "x.example"}, ["id", "5"]),
    ]:
        with pytest.raises(llmlab.ConfigError) as raised:
            llmlab.register_provider(**given)
        assert raised.value.code == "invalid_config"
        assert all(word in str(raised.value) for word in words), raised.value


def test_the_options_say_the_same(lab, tmp_path):
    file = tmp_path / "providers.toml"
    file.write_text(
        """
        [providers.filed]
        hosts = ["filed.example"]
        wire = "openai"

        [prices."filed/large"]
        input = 0.5

        [models]
        "azure/from-file" = "gpt-4o-mini"
        """,
        "utf-8",
    )
    llmlab.init(providers=file, models={"azure/given": "gpt-4o-mini"}, hosts={"given.example:8443": "filed"})
    assert million("filed", "large") == Decimal("0.5")
    assert million("azure", "from-file") == million("azure", "given") == Decimal("0.15")
    for host in ("filed.example", "given.example:8443"):
        sent(f"https://{host}/v1/chat/completions", {"model": "large", "usage": {"prompt_tokens": 1_000_000}})
    assert [(call["provider"], Decimal(str(call["cost_usd"]))) for call in lab.events()] == [
        ("filed", Decimal("0.5"))
    ] * 2


def test_the_file_that_the_page_shows_can_be_used(lab, tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "providers.md").read_text("utf-8")
    file = tmp_path / "providers.toml"
    file.write_text("\n".join(re.findall(r"```toml\n(.*?)```", page, re.DOTALL)), "utf-8")
    llmlab.init(providers=file)
    assert million("acme", "acme-large", service_tier="batch") == Decimal("0.25")
    assert million("novel", "n1", at="2026-12-01T00:00:00Z") == 2
    assert million("azure", "my-deployment") == million("azure", "gpt-5")
    answer = {"engine": "n1", "result": [{"usage": {"prompt": 7, "completion": 5, "cached": 3}}]}
    sent("https://api.novel.example/v1/generate", answer)
    assert lab.call()["usage"]["input"] == 10


def test_options_that_cannot_be_used_are_refused_by_value(lab, tmp_path):
    file = tmp_path / "providers.toml"
    file.write_text("[providers.x]\nhots = 1", "utf-8")
    for options, words in [
        ({"models": {"no-slash": "gpt-4"}}, ["models", "no-slash", "azure/my-deployment"]),
        ({"models": {"azure/x": "gpt-99-nothing"}}, ["gpt-99-nothing"]),
        ({"models": 5}, ["models", "5"]),
        ({"hosts": {"x.example": "nobody"}}, ["hosts", "nobody", "openai"]),
        ({"providers": file}, [str(file), "hots", "hosts"]),
        ({"providers": tmp_path / "none.toml"}, ["none.toml", "providers"]),
    ]:
        with pytest.raises(llmlab.ConfigError) as raised:
            llmlab.init(**options)
        assert all(word in str(raised.value) for word in words), raised.value


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[providers.x]\nhots = 1", '"x"'),
        ('[providers.x]\nhosts = ["x.example"]\nwire = "opnai"', '"opnai"'),
        ('[prices."x/y"]\ninput = "abc"', '"x/y"'),
        ('[prices.x]\ninput = "1"', '"x"'),
        ('[models]\n"azure/x" = "gpt-99-nothing"', '"gpt-99-nothing"'),
        ('[hosts]\n"x.example" = "nobody"', '"x.example"'),
    ],
)
def test_an_error_of_the_file_names_the_file_and_what_is_wrong_in_it(lab, tmp_path, text, named):
    file = tmp_path / "providers.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(llmlab.ConfigError) as raised:
        llmlab.init(providers=file)
    assert str(file) in str(raised.value)
    assert named in str(raised.value)


def test_the_environment_says_the_same(lab, monkeypatch):
    monkeypatch.setenv("LLMLAB_MODELS", "azure/from-environment=gpt-4o-mini, bedrock/arn:aws:x/y=openai/gpt-4")
    monkeypatch.setenv("LLMLAB_HOSTS", "env.example=openai")
    llmlab.init()
    assert million("azure", "from-environment") == Decimal("0.15")
    assert million("bedrock", "arn:aws:x/y") == million("openai", "gpt-4")
    assert json.loads(json.dumps(llmlab.models("openai")))
