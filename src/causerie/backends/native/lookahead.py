"""What a layer whose experts stay in their file says of the next one's: which of them that one's router would choose by
what this layer reads. Usually most of these are chosen, so reading them begins while this layer still computes.

Knows no file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from causerie.backends.native.expert_store import ExpertStore
from causerie.quant.weight import Weight
from causerie.spec.decoder import Decoder
from causerie.spec.ops import Weights


@dataclass(frozen=True)
class StoredLayer:
    """One layer's experts: the number of the first, and the router and count of experts of the layer after it."""

    first: int
    next_router: Weight | None
    next_active: int = 0


def stored_layers(store: ExpertStore, spec: Decoder, weights: Weights) -> Mapping[str, StoredLayer]:
    """By what the names of a layer's experts begin with."""
    prefixes = list(store.layers)
    active = [layer.experts.router.active for layer in spec.layers if layer.experts is not None]
    layers = {}
    for place, (prefix, first) in enumerate(store.layers.items()):
        if place + 1 == len(prefixes):
            layers[prefix] = StoredLayer(first, None)
        else:
            router = weights[f"{prefixes[place + 1].removesuffix('experts')}router"]
            layers[prefix] = StoredLayer(first, router, active[place + 1])
    return layers
