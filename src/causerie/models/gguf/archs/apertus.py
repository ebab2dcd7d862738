"""Apertus. The two numbers of each layer's activation stand in the metadata."""

from __future__ import annotations

from typing import Any

from causerie.checkpoint.rearranged import Metadatum
from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import plain_names
from causerie.models.gguf.values import attention_biased, dense
from causerie.models.names import Table
from causerie.spec.decoder import Decoder

_NUMBERS = {"above": "alpha_p", "below": "alpha_n"}
_FIXED = {"beta": 0.5, "eps": -1e-6}  # of every model


def weights(m: Metadata, spec: Decoder) -> Table:
    """With the numbers of each layer."""
    table = plain_names(m, spec)
    for ours, theirs in _NUMBERS.items():
        for i, number in enumerate(m.model_numbers(f"xielu.{theirs}", len(spec.layers))):
            up = f"blk.{i}.ffn_up.weight"
            table[f"layers.{i}.ffn.{ours}"] = Metadatum(up, theirs, (number,))
    return table


@gguf_architecture("apertus", weights=weights)
def apertus(m: Metadata) -> dict[str, Any]:
    """Apertus 8B and 70B."""
    values = dense(m, "apertus")
    for key, number in _FIXED.items():
        if any(abs(each - number) > 1e-9 for each in m.model_numbers(f"xielu.{key}", values["num_hidden_layers"])):
            raise m.wrong(f"xielu.{key}", "another number", f"{number:g} in all layers")
    return values | {"attention_bias": attention_biased(m)}
