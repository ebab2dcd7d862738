"""Many chats at once: python examples/batch.py [MODEL]. They share the engine's steps, and never change each other."""

from __future__ import annotations

import sys

from causerie import pipeline

pipe = pipeline("text-generation", sys.argv[1] if len(sys.argv) > 1 else "builtin", device_map="auto")
questions = ["Who are you?", "What is 3 + 4?", "What is a chat template?", "How do I start a chat?"]
chats = [[{"role": "user", "content": question}] for question in questions]

for result in pipe(chats, max_new_tokens=60, do_sample=False):
    chat = result[0]["generated_text"]
    print("-", chat[0]["content"], "->", chat[-1]["content"])

# Several answers to one chat: the same seed gives the same ones, alone or in any batch.
for answer in pipe(chats[0], max_new_tokens=60, do_sample=True, seed=7, num_return_sequences=3):
    print("-", answer["generated_text"][-1]["content"])

# A generator is read as its results are used.
for result in pipe((f"{number} is" for number in range(3)), max_new_tokens=4, return_full_text=False):
    print("-", repr(result[0]["generated_text"]))
