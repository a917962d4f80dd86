"""A sink of your own: a function that is given what was recorded, in batches, beside the ledger.

python examples/stand_in.py python examples/custom_sink.py
"""

from openai import OpenAI

import llmlab


def to_my_warehouse(events):
    for event in events:
        print(event["feature"], event["model"], event["usage"]["input"], event["usage"]["output"], event["cost_usd"])


llmlab.init(project="custom-sink", sinks=["ledger", to_my_warehouse])

with llmlab.track(feature="support"):
    OpenAI().chat.completions.create(model="gpt-5-mini", messages=[{"role": "user", "content": "Where is my parcel?"}])

# What it has not taken when the program ends is given to the next one that has a sink of this name.
llmlab.flush()
