"""The stream of training batches: freshly drawn dialogues, of like length together, padded on the right.

Batch number n of a seed always holds the same dialogues, so that a run which stops can go on where it was (only the
merges that are dropped in them are drawn anew).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

from training.dialogues import compose
from training.tokenizer import Encoder


@dataclass(frozen=True)
class Batch:
    """tokens [rows, length + 1] int64, padded; learned [rows, length]: whether tokens[:, 1:] counts there."""

    tokens: Tensor
    learned: Tensor


AT_FIRST = 40  # pools with much practice of copying: some 1500 steps
Example = tuple[list[int], list[bool]]


def pool(encoder: Encoder, seed: int, number: int, size: int, context: int) -> list[Example]:
    """`size` encoded dialogues, the shortest first, cut at `context` tokens."""
    found = []
    for i in range(size):
        rng = Random(f"{seed} {number} {i}")
        dialogue = compose.dialogue(rng, at_first=number < AT_FIRST)
        loose = encoder.dropout > 0 and not dialogue.exact and rng.random() < 0.3
        tokens, learned = encoder.dialogue(dialogue, loose)
        found.append((tokens[:context], learned[:context]))
    return sorted(found, key=lambda example: len(example[0]))


def grouped(examples: list[Example], budget: int) -> Iterator[list[Example]]:
    """Neighbours in length whose padded rectangle stays within `budget` tokens."""
    group: list[Example] = []
    for example in examples:
        if group and len(example[0]) * (len(group) + 1) > budget:
            yield group
            group = []
        group.append(example)
    if group:
        yield group


def padded(group: list[Example], pad: int) -> Batch:
    length = max(len(tokens) for tokens, _ in group)
    tokens = torch.full((len(group), length), pad, dtype=torch.int64)
    learned = torch.zeros((len(group), length), dtype=torch.bool)
    for row, (ids, mask) in enumerate(group):
        tokens[row, : len(ids)] = torch.tensor(ids)
        learned[row, : len(ids)] = torch.tensor(mask)
    return Batch(tokens, learned[:, 1:])


def stream(
    encoder: Encoder, seed: int, budget: int, context: int, skip: int = 0, pool_size: int = 1024
) -> Iterator[Batch]:
    """Endless batches of about `budget` tokens; the first `skip` are passed over without being encoded twice."""
    number = 0
    while True:
        groups = list(grouped(pool(encoder, seed, number, pool_size, context), budget))
        Random(f"{seed} {number} order").shuffle(groups)
        for group in groups:
            if skip:
                skip -= 1
            else:
                yield padded(group, encoder.pad)
        number += 1
