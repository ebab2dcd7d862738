"""How much of each weight one token of an answer reads. Knows specs and names, and no bytes."""

from __future__ import annotations

import re

from causerie.spec.decoder import Decoder

_EXPERT = re.compile(r"layers\.(\d+)\.ffn\.experts\.")  # how canonical names of an expert's weights begin


def is_of_expert(weight: str) -> bool:
    """Whether a weight of this name is read only by tokens that go to its expert."""
    return _EXPERT.match(weight) is not None


def read_shares(spec: Decoder) -> dict[str, float]:
    """By canonical name: of experts those that a token goes to, of tables of which it reads a row as good as nothing,
    of everything else all; of a draft head, which reads when it guesses, nothing."""
    shares = {weight.name: 1.0 for weight in spec.weights()}
    for name in shares:
        layer = _EXPERT.match(name)
        experts = None if layer is None else spec.blocks[int(layer[1])].experts
        if experts is not None:
            shares[name] = experts.router.active / experts.count
    return shares | {weight.name: 0.0 for weight in (*spec.looked_up, *spec.draft_weights())}
