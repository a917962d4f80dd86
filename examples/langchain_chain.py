"""LangChain: a chain of two models, counted at the wire and told apart by feature.

python examples/stand_in.py python examples/langchain_chain.py
"""

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI

import llmlab

llmlab.init(project="langchain")


def chain(prompt, model):
    return ChatPromptTemplate.from_template(prompt) | ChatOpenAI(model=model) | StrOutputParser()


draft = chain("Answer this ticket: {ticket}", "gpt-5-mini")
review = chain("Is this polite? {answer}", "gpt-5-mini")

with llmlab.track(user="ann") as spent:
    with llmlab.track(feature="draft"):
        answer = draft.invoke({"ticket": "Where is my parcel?"})
    with llmlab.track(feature="review"):
        review.invoke({"answer": answer})

print(f"{spent.calls} calls cost ${spent.cost}")
