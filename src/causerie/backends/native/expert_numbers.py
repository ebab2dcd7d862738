"""The fields of instructions that say how experts are chosen and gated, from the values of spec/. Knows no program."""

from __future__ import annotations

from causerie.backends.native.abi import Activation, Scoring
from causerie.backends.native.program import number
from causerie.spec.mlp import ClampedSwish, Gating, LimitedSwish
from causerie.spec.router import Router


def gating_numbers(act: Gating) -> dict[str, float]:
    """Of a GLU."""
    if isinstance(act, ClampedSwish):
        return {"act": number(Activation.CLAMPED_SWISH), "scale": act.slope, "limit": act.limit}
    if isinstance(act, LimitedSwish):
        return {"act": number(Activation.LIMITED_SWISH), "limit": act.limit}
    return {"act": number(Activation[act.upper()])}


def router_numbers(router: Router) -> dict[str, float]:
    """Of a ROUTE, but for the address of its bias."""
    groups, of = router.groups, number(Scoring[router.scoring.upper()])
    numbers = {"active": router.active, "scoring": of, "eps": router.least_sum, "scale": router.scale}
    open_groups = {} if groups is None else {"groups": groups.count, "open_groups": groups.active, "best": groups.best}
    return numbers | open_groups | {"divided": router.divided, "limit": router.nearness or router.sum_offset}
