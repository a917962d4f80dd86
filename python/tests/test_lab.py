"""Clients beside the global one."""

from __future__ import annotations

import asyncio

import httpx
import pytest

import llmlab

from .program import run

ANSWER = {
    "id": "x",
    "object": "chat.completion",
    "model": "gpt-4o",
    "usage": {"prompt_tokens": 9, "completion_tokens": 2},
}


@pytest.fixture
def ask():
    """Asks a provider, as a program's own client would."""
    numbers = iter(range(1_000_000))
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json={**ANSWER, "id": f"r{next(numbers)}"}))
    client = httpx.Client(transport=transport)
    llmlab.instrument()
    yield lambda: client.post("https://api.openai.com/v1/chat/completions", json={"model": "gpt-4o", "messages": []})
    llmlab.uninstrument()


def projects(lab) -> list[str]:
    return [call["project"] for call in sorted(lab.calls(), key=lambda call: call["ts"])]


def test_each_client_records_for_its_own_project(lab):
    shop, blog = llmlab.LLMLab(project="shop"), llmlab.LLMLab(project="blog", tags={"team": "b"})
    shop.track_call("openai", "gpt-4", 1, 1)
    blog.track_call("openai", "gpt-4", 1, 1)
    blog.record_response(ANSWER)
    llmlab.track_call("openai", "gpt-4", 1, 1)
    assert projects(lab) == ["shop", "blog", "blog", "default"]
    assert [client.stats()["recorded"] for client in (shop, blog)] == [1, 2]
    assert blog.summary(project="blog").totals.calls == 2
    for client in (shop, blog):
        assert client.shutdown(5).pending == 0


def test_an_exchange_belongs_to_the_client_of_the_innermost_scope(lab, ask):
    shop = llmlab.LLMLab(project="shop")

    @shop.track_cost
    def decorated():
        ask()

    @shop.trace
    def step():
        ask()

    ask()
    with shop.track():
        ask()
        with llmlab.track():
            ask()
    decorated()
    with llmlab.track():
        step()
    assert projects(lab) == ["default", "shop", "default", "shop", "shop"]
    shop.shutdown(5)


def test_the_client_of_a_scope_is_that_of_its_task(lab, ask):
    clients = [llmlab.LLMLab(project=f"p{number}") for number in range(3)]

    async def work(client):
        async with client.track():
            for _ in range(5):
                await asyncio.sleep(0)
                ask()

    async def main():
        await asyncio.gather(*map(work, clients))

    asyncio.run(main())
    assert sorted(projects(lab)) == sorted(["p0", "p1", "p2"] * 5)
    for client in clients:
        client.shutdown(5)


def test_init_inside_of_a_scope_is_for_what_comes_then(lab, ask):
    @llmlab.track_cost(feature="main")
    def main():
        llmlab.init(project="shop")
        ask()

    main()
    call = lab.call()
    assert (call["project"], call["feature"]) == ("shop", "main")


def test_all_clients_of_a_process_share_one_thread(lab):
    run("""
        import os
        clients = [llmlab.LLMLab(project=f"p{number}") for number in range(5)]
        assert len(os.listdir("/proc/self/task")) == 1
        for client in clients:
            client.track_call("openai", "gpt-4", 1, 1)
        llmlab.track_call("openai", "gpt-4", 1, 1)
        assert len(os.listdir("/proc/self/task")) == 2
        for client in clients:
            assert client.flush(20).pending == 0
            books(client)
    """)
    assert len(lab.calls()) == 6


def test_clients_that_are_dropped_or_alive_at_the_exit_lose_nothing(lab):
    run("""
        kept = llmlab.LLMLab(project="kept")
        kept.track_call("openai", "gpt-4", 1, 1)
        for _ in range(3):
            llmlab.LLMLab(project="dropped").track_call("openai", "gpt-4", 1, 1)
    """)
    assert sorted(projects(lab)) == ["dropped"] * 3 + ["kept"]


def test_the_options_of_a_client_are_held_to_the_rules_of_init():
    with pytest.raises(llmlab.ConfigError, match="kafka"):
        llmlab.LLMLab(sinks=["kafka"])
    with pytest.raises(llmlab.ConfigError, match="no form in JSON"):
        llmlab.LLMLab(backend={"url": object()})
    with pytest.raises(llmlab.ConfigError) as raised:
        llmlab.LLMLab(api_key=4711)
    assert "4711" not in str(raised.value)


def test_a_disabled_client_does_nothing(home, monkeypatch):
    monkeypatch.setenv("LLMLAB_DISABLED", "1")
    client = llmlab.LLMLab(project="shop")
    client.track_call("openai", "gpt-4", 1, 1)
    assert client.stats()["recorded"] == 0
    assert not home.exists()
