"""A provider that llmlab has never heard of: where it is, where its answers say what they used, what it costs.

python examples/stand_in.py python examples/own_provider.py
"""

import os
from urllib.parse import urlsplit

import requests

import llmlab

url = os.environ["OWN_PROVIDER_URL"]
llmlab.register_provider(
    "novel",
    hosts=urlsplit(url).netloc,  # such as api.novel.example
    paths="/v1/generate",
    usage={"input": "result.0.usage.prompt", "output": "result.0.usage.completion", "model": "engine"},
)
llmlab.set_price("novel", "n1", input="2", output="8")  # US dollars for a million tokens
llmlab.init(project="own")

with llmlab.track() as asked:
    requests.post(f"{url}/v1/generate", json={"engine": "n1", "prompt": "Where is my parcel?"}, timeout=10)

print(f"{asked.calls} call costs ${asked.cost}")
assert asked.cost == llmlab.cost("novel", "n1", {"input": 4, "output": 17}).total
