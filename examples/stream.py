"""Three ways to see an answer as it is written: python examples/stream.py [MODEL]."""

from __future__ import annotations

import sys
from threading import Thread

from causerie import AutoModelForCausalLM, AutoTokenizer, TextIteratorStreamer, TextStreamer, pipeline

name = sys.argv[1] if len(sys.argv) > 1 else "builtin"
model = AutoModelForCausalLM.from_pretrained(name, device_map="auto")
tokenizer = AutoTokenizer.from_pretrained(name)
chat = [{"role": "user", "content": "What is a token?"}]

# 1. An iterator: nothing else to set up, and closing it ends the answer.
with pipeline("text-generation", model).stream(chat, max_new_tokens=60, do_sample=False) as pieces:
    for piece in pieces:
        print(piece, end="", flush=True)
print(f"   [{pieces.finish_reason}, {len(pieces.tokens)} tokens]")

# 2. The field's streamer, which prints.
inputs = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="np")
model.generate(
    **inputs, max_new_tokens=60, streamer=TextStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
)

# 3. The field's streamer, iterated over while another thread generates.
streamer = TextIteratorStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
Thread(target=model.generate, kwargs={**inputs, "max_new_tokens": 60, "streamer": streamer}).start()
print("".join(streamer))
