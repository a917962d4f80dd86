"""Claude on Amazon Bedrock, by boto3: nothing to configure, as with every provider that llmlab knows.

python examples/stand_in.py python examples/bedrock.py
"""

import boto3

import llmlab

llmlab.init(project="bedrock")

client = boto3.client("bedrock-runtime", region_name="us-east-1")
with llmlab.track(feature="greeting") as greeting:
    answer = client.converse(
        modelId="us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        messages=[{"role": "user", "content": [{"text": "Greet our customers."}]}],
    )

print(answer["output"]["message"]["content"][0]["text"])
print(f"{greeting.calls} call costs ${greeting.cost}")
