"""Attention of one sequence's heads in plain torch: what turns them, what they see, and what they make of it. Knows no
cache and no step."""

from __future__ import annotations

import torch
from torch import Tensor

from causerie.spec.attention import Attention


def rotated(heads: Tensor, turn: Tensor) -> Tensor:
    """heads [n, heads, head_dim] turned by [n, 2, dims/2]: element i of the first `dims` with element i + dims/2."""
    cos, sin = turn[:, :1], turn[:, 1:]  # [n, 1, dims/2]
    half = cos.shape[-1]
    x = heads.float()
    first, second, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    return torch.cat([first * cos - second * sin, second * cos + first * sin, rest], dim=-1).to(heads.dtype)


def oldest(position: int, spec: Attention) -> int:
    """The first position that a token sees."""
    if spec.window is None:
        return 0
    return position // spec.window * spec.window if spec.chunked else max(0, position - spec.window + 1)


def attend(q: Tensor, k: Tensor, v: Tensor, first: int, offset: int, spec: Attention, sinks: Tensor | None) -> Tensor:
    """q [m, heads, head_dim] from position `first` on sees k [s, kv_heads, head_dim] and v [s, kv_heads, elements] from
    `offset` on; float32."""
    m, s = q.shape[0], k.shape[0]
    queries = q.float().unflatten(1, (spec.kv_heads, spec.group))  # [m, kv_heads, group, head_dim]
    scores = torch.einsum("mkgd,skd->kgms", queries, k.float()) * spec.scale
    if spec.softcap is not None:
        scores = torch.tanh(scores / spec.softcap) * spec.softcap
    at = torch.arange(first, first + m, device=q.device)[:, None]
    of = torch.arange(offset, offset + s, device=q.device)[None, :]
    visible = of <= at
    if spec.window is not None:
        visible &= of >= at // spec.window * spec.window if spec.chunked else of > at - spec.window
    if spec.slopes is not None:
        slopes = torch.tensor(spec.slopes, device=q.device).view(spec.kv_heads, spec.group, 1, 1)
        scores -= slopes * (at - of)
    scores = scores.masked_fill_(~visible, -torch.inf)
    if sinks is not None:
        sunk = sinks.float().unflatten(0, (spec.kv_heads, spec.group))[..., None, None].expand(-1, -1, m, 1)
        scores = torch.cat([scores, sunk], dim=-1)
    shares = scores.softmax(-1)[..., :s]
    return torch.einsum("kgms,skd->mkgd", shares, v.float()).flatten(1, 2).to(q.dtype)
