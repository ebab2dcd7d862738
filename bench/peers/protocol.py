"""What a worker and the comparison say to each other: one line of JSON each way, over standard input and output.

A worker is a process with one peer's packages that loads a model once and then times what it is asked, so that peers
can be measured in turn. Runs under any of the environments, and so imports the standard library alone.

    {"do": "prefill", "tokens": 512, "depth": 0}   →   {"answer": 1.23}   or   {"refusal": "why it cannot"}
"""

from __future__ import annotations

import json
import os
import random
import sys
from typing import Any, Protocol


class Peer(Protocol):
    """What a worker can be asked. Seconds are those of the clock; tokens are drawn at random, of any meaning."""

    def load(self, model: str, format: str, threads: int, context: int) -> dict[str, Any]:
        """Loads the model folder `model` with weights as "bf16", "8-bit" or "4-bit" and room for `context` tokens; says
        {"version": …, "format": its own name of the format, "bytes": size of the weights}, and as "read_bytes", where a
        token does not read all of them, what it reads. Raises Refusal."""
        ...

    def prepare(self, depth: int) -> dict[str, Any]:
        """Fills the cache with `depth` tokens where it can be kept, and warms up; what was chosen for this depth."""
        ...

    def prefill(self, tokens: int, depth: int) -> float:
        """Seconds in which `tokens` are read after `depth` others, the logits of the last one included."""
        ...

    def decode(self, tokens: int, depth: int) -> float:
        """Seconds in which `tokens` are written one by one after `depth` others."""
        ...

    def streams(self, count: int, prompt: int, tokens: int) -> float:
        """Seconds in which `count` requests of `prompt` tokens, sent at once, have got `tokens` each."""
        ...

    def turns(self, history: int, message: int) -> list[float]:
        """Seconds to the first token of a chat's first turn of `message` tokens, and of one with `history` tokens
        behind it."""
        ...


class Refusal(Exception):
    """What a peer cannot do, as a sentence; the comparison shows it beside a dash."""


def random_tokens(count: int, vocab: int, seed: int = 0) -> list[int]:
    """Tokens of any meaning, the same for the same seed."""
    generator = random.Random(seed)
    return [generator.randrange(vocab) for _ in range(count)]


def config_of(model: str) -> dict[str, Any]:
    """config.json of a model folder."""
    with open(os.path.join(model, "config.json"), encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)
    return found


def peak_memory() -> int:
    """The most bytes this process had in memory since it began; 0 where the system does not say."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return 0


def serve(peer: Peer) -> None:
    """Answers until standard input ends. What libraries print goes to standard error: the other is for answers."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    known = {"load", "prepare", "prefill", "decode", "streams", "turns"}
    for line in sys.stdin:
        asked = json.loads(line)
        name = asked.pop("do")
        try:
            if name == "memory":
                reply = {"answer": peak_memory()}
            elif name in known:
                reply = {"answer": getattr(peer, name)(**asked)}
            else:
                reply = {"refusal": f"{name!r} is not something a worker does"}
        except Refusal as refusal:
            reply = {"refusal": str(refusal)}
        except Exception as fault:  # noqa: BLE001 - a peer's own failure becomes its row in the table
            reply = {"refusal": f"{type(fault).__name__}: {str(fault)[:300]}"}
        print(json.dumps(reply), file=answers, flush=True)
