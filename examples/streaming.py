"""Streams: what one costs is known when it ends, and nothing of it is held back.

python examples/stand_in.py python examples/streaming.py
"""

from anthropic import Anthropic
from openai import OpenAI

import llmlab

llmlab.init(project="streaming")
messages = [{"role": "user", "content": "Where is my parcel?"}]

with llmlab.track(feature="openai") as spent:
    stream = OpenAI().chat.completions.create(
        model="gpt-5-mini",
        messages=messages,
        stream=True,
        # OpenAI's own servers are asked by llmlab, and what that adds is taken out again.
        stream_options={"include_usage": True},
    )
    for chunk in stream:
        if chunk.choices:
            print(chunk.choices[0].delta.content or "", end="", flush=True)
print(f"\n${spent.cost}")

with (
    llmlab.track(feature="anthropic") as spent,
    Anthropic().messages.stream(model="claude-sonnet-4-6", max_tokens=500, messages=messages) as stream,
):
    for text in stream.text_stream:
        print(text, end="", flush=True)
print(f"\n${spent.cost}")
