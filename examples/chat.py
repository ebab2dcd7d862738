"""A chat in twenty lines: python examples/chat.py [MODEL]. An empty line ends it.

Each turn hands over the whole chat; what the engine has read before it does not read again.
"""

from __future__ import annotations

import sys

from causerie import pipeline

pipe = pipeline("text-generation", sys.argv[1] if len(sys.argv) > 1 else None, device_map="auto")
chat = [{"role": "system", "content": "You are a helpful assistant. Answer in a few words."}]

while line := input("> ").strip():
    chat.append({"role": "user", "content": line})
    stream = pipe.stream(chat, max_new_tokens=200)
    for piece in stream:
        print(piece, end="", flush=True)
    print()
    chat.append({"role": "assistant", "content": stream.text})
