"""What checkpoints call the weights: tables from canonical names (see `Decoder.weights`) to tensors of the files, or to
expressions over them (checkpoint/expression.py). Knows no shapes and opens no files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from causerie.checkpoint.expression import Expression, Tensor
from causerie.spec.decoder import EMBEDDING

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

LLAMA_WEIGHTS: Mapping[str, str | Expression] = {
    "embed": "model.embed_tokens.weight",
    "layers.{i}.mixer_norm": _BLOCK + "input_layernorm.weight",
    "layers.{i}.ffn_norm": _BLOCK + "post_attention_layernorm.weight",
    **{f"layers.{{i}}.{ours}": f"{_BLOCK}{theirs}.weight" for ours, theirs in _MATRICES.items()},
    **{f"layers.{{i}}.{ours}_bias": f"{_BLOCK}{theirs}.bias" for ours, theirs in _MATRICES.items()},
    "norm": "model.norm.weight",
    "head": "lm_head.weight",
}

Table = Mapping[str, str | Expression]
"""Of each canonical weight, `{i}` standing for the number of its layer: the tensor's name, or an expression over
tensors."""

_LAYER = re.compile(r"^layers\.(\d+)\.")
# Frequencies of the rotation that old checkpoints saved; they follow from config.json.
_COMPUTED = re.compile(
    r"^(?:language_model\.)?model\.(?:language_model\.)?(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq$"
)


@dataclass(frozen=True)
class Names:
    """What one checkpoint calls the weights of one model."""

    table: Table

    def expression(self, name: str) -> Expression:
        """What a canonical weight, say "layers.3.mixer.q", is in the files."""
        layer = _LAYER.match(name)
        said = self.table[name if layer is None else "layers.{i}." + name[layer.end() :]]
        expression = Tensor(said) if isinstance(said, str) else said
        return expression if layer is None else expression.named(lambda tensor: tensor.replace("{i}", layer[1]))

    @property
    def homes(self) -> frozenset[str]:
        """What the names of its tensors begin with: those of layers as far as the word before their number."""
        expressions = (Tensor(each) if isinstance(each, str) else each for each in self.table.values())
        names = {tensor for each in expressions for tensor in each.tensors}
        layers = {name.partition("{i}")[0].rstrip(".").rpartition(".")[0] + "." for name in names if "{i}" in name}
        outside = {name.partition(".")[0] + "." for name in names if not name.startswith(tuple(layers))}
        return frozenset(layers | outside)

    def within(self, present: Collection[str]) -> Names:
        """The same names as a file with these tensors has them, which may hold the text model as a part of a larger
        one (transformers 5, conversion_mapping.py)."""
        (embedding,) = self.expression(EMBEDDING).tensors
        for rename in _NESTINGS:
            if rename(embedding) in present:
                return Names({ours: _renamed(theirs, rename) for ours, theirs in self.table.items()})
        return self


def _renamed(said: str | Expression, rename: Callable[[str], str]) -> str | Expression:
    return rename(said) if isinstance(said, str) else said.named(rename)


def _under_model(name: str) -> str:
    return name.replace("model.", "model.language_model.", 1) if name.startswith("model.") else name


_NESTINGS: tuple[Callable[[str], str], ...] = (
    lambda name: name,
    lambda name: f"language_model.{name}",
    _under_model,
)


def is_computed(tensor: str) -> bool:
    """Whether a tensor of the files holds what we compute ourselves, so that it may be left there."""
    return _COMPUTED.match(tensor) is not None
