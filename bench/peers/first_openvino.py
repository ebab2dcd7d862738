"""One answer of OpenVINO GenAI, as it streams: python first_openvino.py MODEL QUESTION THREADS."""

from __future__ import annotations

import sys

import openvino_genai

model, question, threads = sys.argv[1:]


def show(piece: str) -> bool:
    """Prints a piece; False: go on."""
    print(piece or " ", end="", flush=True)
    return False


pipe = openvino_genai.LLMPipeline(model, "CPU", INFERENCE_NUM_THREADS=int(threads))
pipe.start_chat()
pipe.generate(question, max_new_tokens=8, do_sample=False, streamer=show)
