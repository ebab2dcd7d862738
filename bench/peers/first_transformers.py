"""One answer of transformers' pipeline, as it streams: python first_transformers.py MODEL QUESTION THREADS."""

from __future__ import annotations

import sys

import torch
from transformers import TextStreamer, pipeline

model, question, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
pipe = pipeline("text-generation", model=model, dtype="auto", device="cpu")
streamer = TextStreamer(pipe.tokenizer, skip_prompt=True)
pipe([{"role": "user", "content": question}], max_new_tokens=8, do_sample=False, streamer=streamer)
