"""How much of each weight one token of an answer reads. Knows specs and names, and no bytes."""

from __future__ import annotations

import re

from causerie.spec.decoder import Decoder

EXPERT = re.compile(r"layers\.(\d+)\.ffn\.experts\.")
"""How the canonical names of an expert's weights begin, with the number of its layer."""


def read_shares(spec: Decoder) -> dict[str, float]:
    """By canonical name: of experts those that a token goes to, of tables of which it reads a row as good as nothing,
    of everything else all."""
    shares = {weight.name: 1.0 for weight in spec.weights()}
    for name in shares:
        layer = EXPERT.match(name)
        experts = None if layer is None else spec.layers[int(layer[1])].experts
        if experts is not None:
            shares[name] = experts.router.active / experts.count
    return shares | {weight.name: 0.0 for weight in spec.looked_up}
