"""The gated delta rule in plain torch: its heads, its rates, and the rule itself in chunks of positions. Knows no slot
and no step.

Within a chunk the corrections of all positions are found together: each depends on those before it, which makes a
triangular system (Yang et al., "Gated Delta Networks", 2024; "Parallelizing Linear Transformers with the Delta Rule
over Sequence Length", 2024). Chunks begin at multiples of CHUNK positions, wherever a text is cut.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from causerie.spec.delta import LENGTH_EPS, DeltaRule

CHUNK = 64  # positions


def heads_of(mixed: Tensor, spec: DeltaRule) -> tuple[Tensor, Tensor, Tensor]:
    """Queries and keys [n, key_heads, key_dim], over their lengths, and values [n, value_heads, value_dim] of n rows
    [n, channels] that were convolved."""
    queries, keys, values = mixed.split((spec.key_width, spec.key_width, spec.value_width), -1)
    queries, keys = (_divided(heads.unflatten(-1, (spec.key_heads, spec.key_dim))) for heads in (queries, keys))
    return queries * spec.key_dim**-0.5, keys, values.unflatten(-1, (spec.value_heads, spec.value_dim))


def log_decay(step: Tensor, log_rate: Tensor, step_offset: Tensor) -> Tensor:
    """The logarithm of what each head's matrix is multiplied by at each position: [n, value_heads]."""
    return -log_rate.float().exp() * F.softplus(step.float() + step_offset.float())


def delta_rule(
    queries: Tensor, keys: Tensor, values: Tensor, decay: Tensor, beta: Tensor, state: Tensor, position: int
) -> tuple[Tensor, Tensor]:
    """What n rows from `position` on give, [n, value_heads, value_dim], and the matrices behind them. `decay`
    (logarithms) and `beta` are [n, value_heads], `state` is [value_heads, key_dim, value_dim]."""
    group = values.shape[1] // keys.shape[1]
    queries, keys = (heads.repeat_interleave(group, 1) for heads in (queries, keys))
    heads = [each.transpose(0, 1) for each in (queries, keys, values)]  # [value_heads, n, …]
    rates = [each.T for each in (decay, beta)]
    results = torch.empty_like(heads[2])
    for rows in _chunks(len(values), position):
        q, k, v, logs, learned = (each[:, rows] for each in (*heads, *rates))
        results[:, rows], state = _chunk(q, k, v, logs.cumsum(-1), learned[..., None], state)
    return results.transpose(0, 1), state


def _chunk(q: Tensor, k: Tensor, v: Tensor, shrunk: Tensor, beta: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """One chunk [heads, m, …]; `shrunk` [heads, m] is the logarithm of what is left at each position of what was there
    before the chunk."""
    later = torch.ones(q.shape[1], q.shape[1], dtype=torch.bool, device=q.device).triu(1)
    between = (shrunk[:, :, None] - shrunk[:, None, :]).masked_fill(later, -torch.inf).exp()
    since, until = shrunk.exp()[..., None], (shrunk[:, -1:] - shrunk).exp()[..., None]
    targets = beta * (v - since * (k @ state))
    system = beta * (k @ k.mT) * between  # of which the diagonal counts as 1
    corrections = torch.linalg.solve_triangular(system, targets, upper=False, unitriangular=True)
    results = since * (q @ state) + (q @ k.mT * between) @ corrections
    return results, shrunk[:, -1:, None].exp() * state + (until * k).mT @ corrections


def _chunks(rows: int, position: int) -> Iterator[slice]:
    """So many rows from `position` on, cut at multiples of CHUNK positions."""
    start = 0
    while start < rows:
        stop = min(rows, start + CHUNK - (position + start) % CHUNK)
        yield slice(start, stop)
        start = stop


def _divided(heads: Tensor) -> Tensor:
    return heads * torch.rsqrt(heads.square().sum(-1, keepdim=True) + LENGTH_EPS)
