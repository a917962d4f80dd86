"""Cost per feature, user and trace, in the application's own code.

python examples/stand_in.py python examples/quickstart.py
"""

from openai import OpenAI

import llmlab

llmlab.init(project="quickstart")


@llmlab.track_cost(feature="greeting")
def greet(user):
    with llmlab.track(user=user):
        answer = OpenAI().chat.completions.create(
            model="gpt-5-mini", messages=[{"role": "user", "content": f"Greet {user} in one sentence."}]
        )
    return answer.choices[0].message.content


@llmlab.trace(kind="agent")
def welcome_party(users):
    return [greet(user) for user in users]


with llmlab.track() as party:
    welcome_party(["ann", "ben"])

print(f"{party.calls} calls cost ${party.cost}")
print(llmlab.cost("openai", "gpt-5-mini", input_tokens=1_000_000, output_tokens=50_000).total, "USD for a big one")
