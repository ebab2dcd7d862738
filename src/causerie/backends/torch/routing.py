"""The experts of each row and their shares, as spec/router.py says it, in plain torch. Knows no expert."""

from __future__ import annotations

import torch
from torch import Tensor

from causerie.spec.router import ExpertGroups, Router


def routed(scores: Tensor, router: Router, choice_bias: Tensor | None) -> tuple[Tensor, Tensor]:
    """The shares [n, active], float32, and the numbers [n, active] of the experts that they are of, best first."""
    scores = scores.float()
    if router.scoring == "sparsemixer":
        return _mixed(scores, router)
    worth = scores.softmax(-1) if router.scoring == "softmax" else scores.sigmoid()
    plain = choice_bias is None and router.groups is None
    rank = scores if plain else worth  # in one order; scores also tell apart what is worth nothing, or all
    if choice_bias is not None:
        rank = rank + choice_bias.float()
    if router.groups is not None:
        rank = _of_best_groups(rank, router.groups)
    choices = rank.sort(dim=-1, descending=True, stable=True).indices[:, : router.active]
    shares = worth.gather(-1, choices)
    if router.divided:
        shares = shares / (shares.sum(-1, keepdim=True) + router.sum_offset).clamp(min=router.least_sum)
    return shares * router.scale, choices


def _mixed(scores: Tensor, router: Router) -> tuple[Tensor, Tensor]:
    left = scores
    shares, choices = [], []
    for _ in range(router.active):
        peak, best = left.max(-1, keepdim=True)
        far = (peak - scores) / scores.abs().maximum(peak) > router.nearness
        shares.append(left.masked_fill(far, -torch.inf).softmax(-1).gather(-1, best))
        choices.append(best)
        left = left.scatter(-1, best, -torch.inf)
    return torch.cat(shares, -1), torch.cat(choices, -1)


def _of_best_groups(rank: Tensor, groups: ExpertGroups) -> Tensor:
    """`rank` with the experts of other groups last."""
    each = rank.unflatten(-1, (groups.count, -1))
    counts = each.topk(groups.best, dim=-1).values.sum(-1)
    best = counts.sort(dim=-1, descending=True, stable=True).indices[:, : groups.active]
    closed = torch.ones(each.shape[:-1], dtype=torch.bool, device=rank.device).scatter(-1, best, False)
    return each.masked_fill(closed[..., None], -torch.inf).flatten(-2)
