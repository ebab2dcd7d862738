"""What checkpoints call the weights: tables from canonical names (see `Decoder.weights`) to names in the files.

`{i}` stands for the number of a layer. This module knows no shapes and opens no files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_BLOCK = "model.layers.{i}."
_MATRICES = {
    "mixer.q": "self_attn.q_proj",
    "mixer.k": "self_attn.k_proj",
    "mixer.v": "self_attn.v_proj",
    "mixer.o": "self_attn.o_proj",
    "ffn.gate": "mlp.gate_proj",
    "ffn.up": "mlp.up_proj",
    "ffn.down": "mlp.down_proj",
}

LLAMA_WEIGHTS: Mapping[str, str] = {
    "embed": "model.embed_tokens.weight",
    "layers.{i}.mixer_norm": _BLOCK + "input_layernorm.weight",
    "layers.{i}.ffn_norm": _BLOCK + "post_attention_layernorm.weight",
    **{f"layers.{{i}}.{ours}": f"{_BLOCK}{theirs}.weight" for ours, theirs in _MATRICES.items()},
    **{f"layers.{{i}}.{ours}_bias": f"{_BLOCK}{theirs}.bias" for ours, theirs in _MATRICES.items()},
    "norm": "model.norm.weight",
    "head": "lm_head.weight",
}

_LAYER = re.compile(r"^layers\.(\d+)\.")
# Frequencies of the rotation that old checkpoints saved; they follow from config.json.
_COMPUTED = re.compile(r"^model\.(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq$")


def checkpoint_name(table: Mapping[str, str], name: str) -> str:
    """The tensor in the files for a canonical `name`, say "layers.3.mixer.q"."""
    layer = _LAYER.match(name)
    if layer is None:
        return table[name]
    return table["layers.{i}." + name[layer.end() :]].replace("{i}", layer[1])


def is_computed(tensor: str) -> bool:
    """Whether a tensor of the files holds what we compute ourselves, so that it may be left there."""
    return _COMPUTED.match(tensor) is not None
