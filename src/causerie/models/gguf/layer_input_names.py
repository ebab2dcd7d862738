"""What GGUF files call the weights of what layers are given besides, as both families of Gemma that have it. Knows no
architecture."""

from __future__ import annotations

from causerie.models.gguf.names import BLOCK, OURS, Entries

_INSIDE = {"gate": "inp_gate", "projection": "proj", "norm": "post_norm"}

LAYER_INPUTS: Entries = {
    "layer_inputs.table": "per_layer_token_embd.weight",
    "layer_inputs.projection": "per_layer_model_proj.weight",
    "layer_inputs.norm": "per_layer_proj_norm.weight",
    **{f"{OURS}input.{ours}": f"{BLOCK}{theirs}.weight" for ours, theirs in _INSIDE.items()},
}
