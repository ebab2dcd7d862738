"""The next message of a long chat: in the program that holds it, in one that was started again with --keep-cache, and
in one that was started again without.

    python bench/kept_cache.py MODEL                  8,000 tokens, int8, five restarts
    python bench/kept_cache.py MODEL --tokens 2000 --restarts 3 --anew

Each restart is a process. It first asks as soon as the model is loaded and something short was said (the last chat is
back by then), or with `--at-once` before the chat can be back; then three times more, with the chat in memory: these
pairs are compared. Prints seconds to the first token and of the whole answer. `--anew` reads the chat without the disk
too, which takes long.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from statistics import median

import numpy as np

ANSWER, MESSAGE, PAUSE = 16, 20, 1.0


def main() -> None:
    """Parses, and runs all rounds or is one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--tokens", type=int, default=8000)
    parser.add_argument("--restarts", type=int, default=5)
    parser.add_argument("--quantization", default="int8")
    parser.add_argument("--anew", action="store_true")
    parser.add_argument("--at-once", action="store_true")
    parser.add_argument("--cache", help="a folder that an earlier run has filled; default: a new one")
    parser.add_argument("--round", choices=("fill", "again", "anew"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.round is not None:
        print(json.dumps(measure(options)))
        return
    with tempfile.TemporaryDirectory() as fresh:
        os.environ["CAUSERIE_CACHE"] = options.cache or fresh
        if options.cache is None or not os.listdir(options.cache):
            run_round("fill")
        pairs = [run_round("again") for _ in range(options.restarts)]
        show("after a restart", [pair["first"] for pair in pairs])
        show("in the same program", [rest for pair in pairs for rest in pair["rest"]])
        for name, place in (("first token", 0), ("whole answer", 1)):
            ratios = [pair["first"][place] / median(each[place] for each in pair["rest"]) for pair in pairs]
            print(f"{name}: {median(ratios):.2f} times as late ({min(ratios):.2f} to {max(ratios):.2f})")
        if options.anew:
            show("read anew", [run_round("anew")["first"]])


def run_round(kind: str) -> dict[str, list]:
    """What a process of its own measures."""
    command = [sys.executable, *sys.argv, "--round", kind]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(options: argparse.Namespace) -> dict[str, list]:
    """The first answer, and three more with the chat in memory."""
    from causerie import AutoModelForCausalLM

    keep = None if options.round == "anew" else 8 << 30
    model = AutoModelForCausalLM.from_pretrained(
        options.model, quantization=options.quantization, keep_cache=keep, progress=False
    )
    vocab, draw = model.step_model.vocab, np.random.default_rng()
    chat = np.random.default_rng(5).integers(0, vocab, options.tokens).tolist()
    with model:
        model.step_model.touch(64 << 20)  # as a server does
        if options.round == "fill":
            answer(model, chat)
        if options.round == "again" and not options.at_once:
            model.expect_chats()
            time.sleep(PAUSE)
            answer(model, draw.integers(0, vocab, MESSAGE).tolist())
        messages = [draw.integers(0, vocab, MESSAGE).tolist() for _ in range(4)]
        first, *rest = (answer(model, chat + message) for message in messages)
    return {"first": first, "rest": rest}


def answer(model: object, prompt: list[int]) -> tuple[float, float]:
    """Seconds to the first token, and of all."""
    begun, first = time.perf_counter(), 0.0
    for event in model.stream(prompt, max_new_tokens=ANSWER, do_sample=False):
        if event.token is not None and not first:
            first = time.perf_counter() - begun
    return first, time.perf_counter() - begun


def show(name: str, times: list) -> None:
    """Medians of times."""
    first, whole = (median(each[place] for each in times) for place in (0, 1))
    print(f"{name:<20} first token {first:8.3f} s, answer of {ANSWER} tokens {whole:8.3f} s")


if __name__ == "__main__":
    main()
