"""Where an answer's seed comes from when its caller gives none: the generator that scripts of the field seed.

That is torch's where torch is imported, else Python's `random`. Nobody having seeded them, both are unpredictable.
Torch is never imported here. Knows no request.
"""

from __future__ import annotations

import random
import sys
from typing import Any

from causerie.api.generation.flag_values import count, switch

_LARGEST_SEED = 2**32 - 1  # numpy's
_check_seed = count(0, _LARGEST_SEED)
_kept_for_torch: list[tuple[int, bool]] = []
"""What `set_seed` was given before torch was imported: nothing, or one pair of its arguments."""


def set_seed(seed: int, deterministic: bool = False) -> None:
    """Seeds Python's `random`, numpy and torch, as transformers' function of this name does: the sampled answers that
    follow are the same each time, in the order in which they are asked for. A call's own `seed=` goes before it.
    `seed` is from 0 to 2**32 - 1. `deterministic` asks torch for algorithms that always give the same bits.

    A torch that is imported later is seeded when the first answer is drawn. Raises UsageError."""
    import numpy as np

    whole, strict = _check_seed("seed", seed), switch("deterministic", deterministic)
    random.seed(whole)
    np.random.seed(whole)
    _kept_for_torch[:] = [(whole, strict)]
    _seeded_torch()


def draw_seed() -> int:
    """A seed from the global generator, which moves on: successive answers differ, and repeat when it is seeded again.
    From 0 to 2**63 - 1."""
    torch = _seeded_torch()
    if torch is None:
        return random.getrandbits(63)
    # The CPU's generator wherever the model is, and whatever torch's default device: manual_seed seeds it too.
    return int(torch.randint(2**63 - 1, (1,), dtype=torch.int64, device="cpu").item())


def _seeded_torch() -> Any:
    """Torch where it is imported, seeded as `set_seed` said in the meantime; else None."""
    torch: Any = sys.modules.get("torch")
    if not (hasattr(torch, "manual_seed") and hasattr(torch, "randint")):  # not there, or another thread's import runs
        return None
    while _kept_for_torch:
        seed, deterministic = _kept_for_torch.pop()
        torch.manual_seed(seed)
        if deterministic:
            torch.use_deterministic_algorithms(True)
    return torch
