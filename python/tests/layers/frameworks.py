"""Real frameworks, each asked in every way it can be: a function of the base URL of a server."""

from __future__ import annotations

import agents
import instructor
import litellm
from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

HI = [{"role": "user", "content": "hi"}]

agents.set_tracing_disabled(True)
litellm.suppress_debug_info = True


class Answer(BaseModel):
    """What instructor has the model fill in."""

    number: int


@function_tool
def number() -> int:
    """The number that an agent may ask for."""
    return 42


# LangChain


def model(base: str, retries: int = 0) -> ChatOpenAI:
    return ChatOpenAI(base_url=base, api_key="x", model="gpt-4o", max_retries=retries, stream_usage=True)


def langchain(base):
    return model(base).invoke("hi").content


def langchain_stream(base):
    return "".join(chunk.content for chunk in model(base).stream("hi"))


async def langchain_async(base):
    return (await model(base).ainvoke("hi")).content


async def langchain_async_stream(base):
    return "".join([chunk.content async for chunk in model(base).astream("hi")])


# LiteLLM


def of_litellm(base: str) -> dict:
    return {"model": "openai/gpt-4o", "api_base": base, "api_key": "x", "messages": HI, "max_retries": 0}


def streamed(base: str) -> dict:
    return {**of_litellm(base), "stream": True, "stream_options": {"include_usage": True}}


def text_of(chunks) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def lite(base):
    return litellm.completion(**of_litellm(base)).choices[0].message.content


def lite_stream(base):
    return text_of(litellm.completion(**streamed(base)))


async def lite_async(base):
    return (await litellm.acompletion(**of_litellm(base))).choices[0].message.content


async def lite_async_stream(base):
    return text_of([chunk async for chunk in await litellm.acompletion(**streamed(base))])


# Agents


def agent(base: str) -> Agent:
    client = AsyncOpenAI(base_url=base, api_key="x", max_retries=0)
    told = {"name": "oracle", "instructions": "Ask for the number.", "tools": [number]}
    return Agent(model=OpenAIChatCompletionsModel(model="gpt-4o", openai_client=client), **told)


def agent_run(base):
    return Runner.run_sync(agent(base), "hi").final_output


async def agent_async(base):
    return (await Runner.run(agent(base), "hi")).final_output


async def agent_async_stream(base):
    run = Runner.run_streamed(agent(base), "hi")
    async for _ in run.stream_events():
        pass
    return run.final_output


# Instructor


def typed(base, retries: int = 0):
    client = instructor.from_openai(OpenAI(base_url=base, api_key="x", max_retries=0))
    return client.create(model="gpt-4o", messages=HI, response_model=Answer, max_retries=retries).number


def typed_stream(base):
    client = instructor.from_openai(OpenAI(base_url=base, api_key="x", max_retries=0))
    usage = {"include_usage": True}
    partial = list(client.create_partial(model="gpt-4o", messages=HI, response_model=Answer, stream_options=usage))
    return partial[-1].number


async def typed_async(base):
    client = instructor.from_openai(AsyncOpenAI(base_url=base, api_key="x", max_retries=0))
    return (await client.create(model="gpt-4o", messages=HI, response_model=Answer, max_retries=0)).number


async def typed_async_stream(base):
    client = instructor.from_openai(AsyncOpenAI(base_url=base, api_key="x", max_retries=0))
    usage = {"include_usage": True}
    partial = client.create_partial(model="gpt-4o", messages=HI, response_model=Answer, stream_options=usage)
    return [item async for item in partial][-1].number
