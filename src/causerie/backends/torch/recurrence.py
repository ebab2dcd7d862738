"""Recurrences in plain torch, and convolutions, in float32: of one sequence, from the state before its rows to the one
behind them. Knows no cache."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from causerie.spec.mamba2 import Mamba2

CHUNK = 64  # positions that are taken together, as a matrix; what came before them is in the state


def convolved(reach: Tensor, taps: Tensor) -> Tensor:
    """Σ taps[k] · reach[i + k] for each channel by itself: [n, channels] of n rows, where `reach`,
    [taps - 1 + n, channels], is what enters, and `taps` are [taps, channels]."""
    return (reach.unfold(0, len(taps), 1) * taps.T).sum(-1)


def step_sizes(steps: Tensor, shift: Tensor, spec: Mamba2) -> Tensor:
    """softplus(scale · steps + shift) within the limits: [n, heads]."""
    return F.softplus(steps.float() * spec.scales.step + shift.float()).clamp(spec.least_step, spec.most_step)


def mamba2(x: Tensor, steps: Tensor, rates: Tensor, state: Tensor, spec: Mamba2) -> tuple[Tensor, Tensor]:
    """S · C at every position, [n, heads, head_dim], and the last S, [heads, head_dim, state]. x has x, B and C side by
    side; `rates` are the logarithms by which S shrinks in a step of 1, [heads]. Within a chunk a position reads the
    others before it as attention does, with weights C · B that fall off (Dao & Gu, 2024, section 6)."""
    values, b, c = x.float().split([spec.inner, spec.shared, spec.shared], -1)
    per_group = spec.heads // spec.groups
    b, c = (each.unflatten(-1, (spec.groups, spec.state)).repeat_interleave(per_group, 1) for each in (b, c))
    entering = values.unflatten(-1, (spec.heads, spec.head_dim)) * steps[..., None]
    results = []
    for first in range(0, len(x), CHUNK):
        rows = slice(first, first + CHUNK)
        fall = (steps[rows] * rates).cumsum(0)  # [l, heads]
        later = torch.ones(len(fall), len(fall), dtype=torch.bool, device=x.device).triu(1)
        between = (fall[:, None] - fall[None]).masked_fill(later[..., None], -torch.inf).exp()  # [l, s, heads]
        near = torch.einsum("lhn,shn->lsh", c[rows], b[rows]) * between
        far = torch.einsum("lhn,hpn->lhp", c[rows], state) * fall.exp()[..., None]
        results.append(torch.einsum("lsh,shp->lhp", near, entering[rows]) + far)
        left = b[rows] * (fall[-1] - fall).exp()[..., None]
        state = state * fall[-1].exp()[:, None, None] + torch.einsum("shn,shp->hpn", left, entering[rows])
    return torch.cat(results), state


def mamba(x: Tensor, steps: Tensor, both: Tensor, rates: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Σ S · C at every position, [n, inner], and the last S, [inner, state]; `rates` are [inner, state]. A loop over
    positions, as every number falls off at a rate of its own."""
    b, c = both.float().chunk(2, -1)
    entering, results = steps * x.float(), []
    for i in range(len(x)):
        state = state * (steps[i, :, None] * rates).exp() + entering[i, :, None] * b[i]
        results.append(state @ c[i])
    return torch.stack(results), state
