"""Greedy decoding of many prompts at once with the training network, for evaluations.

Prompts of like length go together; every step runs the whole text again, which is quick enough at this size. Nothing
of this is used by the installed program.
"""

from __future__ import annotations

import torch

from training.network import Network


@torch.inference_mode()
def greedy(network: Network, prompts: list[list[int]], end: int, limit: int = 96, rows: int = 64) -> list[list[int]]:
    """The likeliest continuation of each prompt, up to `end` (left out) or `limit` tokens."""
    answers: list[list[int]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    for start in range(0, len(order), rows):
        running = order[start : start + rows]
        for _ in range(limit):
            longest = max(len(prompts[i]) + len(answers[i]) for i in running)
            tokens = torch.zeros((len(running), longest), dtype=torch.int64)
            where = torch.zeros((len(running), longest), dtype=torch.bool)
            for row, i in enumerate(running):
                text = prompts[i] + answers[i]
                tokens[row, : len(text)] = torch.tensor(text)
                where[row, len(text) - 1] = True
            chosen = network(tokens, where).argmax(-1).tolist()
            for i, token in zip(list(running), chosen, strict=True):
                if token == end:
                    running.remove(i)
                else:
                    answers[i].append(token)
            if not running:
                break
    return answers
