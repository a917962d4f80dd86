"""A web application: the request's scope holds in what it streams, in its threads and in what it does afterwards.

Sabotage that turns these red: a scope that is put back by a token, which a streaming response refuses, because its
generator is finished in another context than it was begun in.
"""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import httpx
import pytest
import uvicorn
from fastapi import BackgroundTasks, FastAPI, Request
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI, OpenAI

import llmlab

from ..wire import CHAT_USAGE

ASK = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
STREAM = {**ASK, "stream": True, "stream_options": {"include_usage": True}}
TEXT = "forty-two"


def application(base: str) -> FastAPI:
    app = FastAPI()
    gpt = OpenAI(base_url=base, api_key="x")
    async_gpt = AsyncOpenAI(base_url=base, api_key="x")

    @app.middleware("http")
    async def for_the_user(request: Request, call_next):
        with llmlab.track(user=request.headers.get("user")):
            return await call_next(request)

    @app.get("/plain")
    def plain():
        with llmlab.track(feature="plain"):
            return gpt.chat.completions.create(**ASK).choices[0].message.content

    @app.get("/stream")
    async def stream():
        @llmlab.track_cost(feature="stream")
        async def words():
            async for chunk in await async_gpt.chat.completions.create(**STREAM):
                if chunk.choices:
                    yield chunk.choices[0].delta.content or ""

        return StreamingResponse(words())

    @app.get("/threaded")
    def threaded():
        @llmlab.track_cost(feature="threaded")
        def words():
            for chunk in gpt.chat.completions.create(**STREAM):
                if chunk.choices:
                    yield chunk.choices[0].delta.content or ""

        return StreamingResponse(words())

    @app.get("/begun")
    async def begun():
        with llmlab.track(feature="begun"):
            chunks = await async_gpt.chat.completions.create(**STREAM)

        async def words():
            async for chunk in chunks:
                if chunk.choices:
                    yield chunk.choices[0].delta.content or ""

        return StreamingResponse(words())

    @app.get("/afterwards")
    async def afterwards(tasks: BackgroundTasks):
        @llmlab.track_cost(feature="afterwards")
        async def ask():
            await async_gpt.chat.completions.create(**ASK)

        tasks.add_task(ask)
        tasks.add_task(llmlab.track_cost(feature="afterwards")(gpt.chat.completions.create), **ASK)
        return TEXT

    return app


@contextmanager
def serving(app: FastAPI):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield SimpleNamespace(url=f"http://127.0.0.1:{listener.getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize(
    ("path", "requests"), [("plain", 1), ("stream", 1), ("threaded", 1), ("begun", 1), ("afterwards", 2)]
)
def test_every_call_of_a_web_request_has_its_user_and_its_feature(server, lab, path, requests):
    with serving(application(server.url("plain") + "/v1")) as web, httpx.Client(timeout=60) as browser:
        answers = [browser.get(f"{web.url}/{path}", headers={"user": user}).text for user in ("ada", "bob")]
    assert [answer.strip('"') for answer in answers] == [TEXT] * 2
    calls = lab.calls()
    assert [call["feature"] for call in calls] == [path] * 2 * requests
    assert sorted(call["user"] for call in calls) == ["ada"] * requests + ["bob"] * requests
    assert [(call["usage"], call["status"]) for call in calls] == [(CHAT_USAGE, "ok")] * 2 * requests


def test_a_browser_that_goes_away_leaves_one_call(server, lab):
    with serving(application(server.url("plain") + "/v1")) as web, httpx.Client(timeout=60) as browser:
        with browser.stream("GET", f"{web.url}/stream", headers={"user": "ada"}) as response:
            next(response.iter_bytes())
    assert (lab.call()["feature"], lab.call()["user"]) == ("stream", "ada")
