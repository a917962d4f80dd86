"""What each user of a web application costs: one scope a request, which every call made while answering belongs to.

python examples/stand_in.py python examples/fastapi_service.py
"""

import asyncio
import socket

import httpx
import uvicorn
from fastapi import FastAPI, Request
from openai import AsyncOpenAI

import llmlab

llmlab.init(project="fastapi")
openai = AsyncOpenAI()
app = FastAPI()


@app.middleware("http")
async def of_the_user(request: Request, answer):
    with llmlab.track(user=request.headers.get("x-user"), feature=request.url.path):
        return await answer(request)


@app.get("/ask")
async def ask(question: str):
    messages = [{"role": "user", "content": question}]
    answer = await openai.chat.completions.create(model="gpt-5-mini", messages=messages)
    return answer.choices[0].message.content


@app.get("/costs")
def costs():
    report = llmlab.summary(group_by="user", project="fastapi")
    return {group.key["user"]: str(group.totals.cost_usd) for group in report.groups}


async def main():
    """Two customers at once, and then the owner."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as web:
        questions = [("ann", "where"), ("ben", "when"), ("ben", "why")]
        await asyncio.gather(
            *(web.get("/ask", params={"question": question}, headers={"x-user": user}) for user, question in questions)
        )
        print((await web.get("/costs")).json())
    server.should_exit = True
    await serving


asyncio.run(main())
