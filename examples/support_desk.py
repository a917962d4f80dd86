"""A support desk that knows nothing of llmlab: two SDKs, sync, async and streamed.

python examples/stand_in.py llmlab run python examples/support_desk.py
"""

import asyncio

from anthropic import Anthropic, AsyncAnthropic
from openai import AsyncOpenAI, OpenAI

TICKETS = [
    "My parcel was promised for Monday and it is Thursday now. Where is it, and what will you do about it?",
    "The blue lamp arrived with a broken shade. I would like a new shade, not a whole new lamp.",
    "How long can I return the shoes I ordered in October, and who pays for the way back?",
]


def classify(ticket):
    """One plain call."""
    answer = OpenAI().chat.completions.create(
        model="gpt-5-mini",
        messages=[{"role": "user", "content": f"In one word, what is this ticket about? {ticket}"}],
    )
    return answer.choices[0].message.content


def draft(ticket):
    """One streamed call of each provider."""
    messages = [{"role": "user", "content": f"Answer this ticket politely: {ticket}"}]
    with Anthropic().messages.stream(model="claude-sonnet-4-6", max_tokens=500, messages=messages) as stream:
        answer = stream.get_final_text()
    stream = OpenAI().chat.completions.create(
        model="gpt-5-mini", messages=messages, stream=True, stream_options={"include_usage": True}
    )
    second = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    return max(answer, second, key=len)


async def summarise(tickets):
    """Both providers at once."""
    messages = [{"role": "user", "content": "Summarise: " + " ".join(tickets)}]
    async with AsyncOpenAI() as openai, AsyncAnthropic() as anthropic:
        answers = await asyncio.gather(
            openai.chat.completions.create(model="gpt-5-mini", messages=messages),
            anthropic.messages.create(model="claude-sonnet-4-6", max_tokens=500, messages=messages),
        )
    return answers[0].choices[0].message.content


def main():
    for number, ticket in enumerate(TICKETS, 1):
        classify(ticket)
        print(f"ticket {number}: {draft(ticket).strip()}")
    print(f"summary:  {asyncio.run(summarise(TICKETS))}")


if __name__ == "__main__":
    main()
