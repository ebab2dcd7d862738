"""LFM3: gated convolutions of seven taps in half of the layers, attention with normed heads, each behind a gate, in the
others, of which every second one slides; norms before and after each half."""

from __future__ import annotations

from causerie.models.archs import lfm2
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.conv_layers import with_convolutions
from causerie.models.layer_kinds import CONV, FULL, SLIDING, layer_kinds, with_kinds
from causerie.models.names import LLAMA_WEIGHTS, QK_NORMS, Table
from causerie.models.registry import architecture
from causerie.models.rope_config import read_kind
from causerie.spec.decoder import Decoder
from causerie.spec.rope import Rope

_LAYER = "model.layers.{i}."
_GATE = "layers.{i}.mixer.gate"
_NAMES: Table = {
    **lfm2.WEIGHTS,
    **QK_NORMS,
    **{f"layers.{{i}}.mixer.{name}": LLAMA_WEIGHTS[f"layers.{{i}}.mixer.{name}"] for name in ("o", "o_bias")},
    "layers.{i}.mixer_norm_after": _LAYER + "post_operator_norm.weight",
    "layers.{i}.ffn_norm_after": _LAYER + "post_ffn_norm.weight",
    _GATE: _LAYER + "self_attn.gate_proj.weight",
}
WEIGHTS = (_NAMES, {**_NAMES, _GATE: _LAYER + "self_attn.g_proj.weight"})  # as files have it, and transformers
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 128000,
    "hidden_size": 2048,
    "intermediate_size": 7680,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "max_position_embeddings": 128000,
    "norm_eps": 1e-5,
    "tie_word_embeddings": True,
}


@architecture("lfm3", weights=lambda spec: WEIGHTS)
def lfm3(c: Config) -> Decoder:
    """LFM3 1.7B."""
    c.assume(DEFAULTS)
    c.rename({"norm_eps": "rms_norm_eps"})
    bias = c.boolean("attention_bias", False)
    spec = llama_like(
        c, bias=bias, out_bias=bias, kv_heads=4, head_dim=128, eps="norm_eps", rope=lambda dims: _rope(c, FULL, dims)
    )
    mixer = next(spec.attentions)
    gated = c.boolean("use_attention_gate", True)
    spec = spec.each_attention(qk_norm=spec.norm, gated=gated, gated_heads=gated)
    otherwise = [CONV if i % 2 or not i else FULL if i % 4 == 2 else SLIDING for i in range(len(spec.layers))]
    kinds = layer_kinds(c, otherwise, (CONV, FULL, SLIDING))
    sliding = {"window": c.optional_integer("sliding_window", 256), "rope": _rope(c, SLIDING, mixer.head_dim)}
    spec = with_kinds(spec, kinds, {SLIDING: sliding})
    after = spec.norm if c.boolean("use_sandwich_norm", True) else None
    return with_convolutions(c, spec.each_layer(norm_after=after), kinds, taps=7)


def _rope(c: Config, kind: str, head_dim: int) -> Rope:
    absent = {"rope_type": "proportional", "partial_rotary_factor": 0.5} if kind == FULL else {}
    return read_kind(c, kind, head_dim, absent, 1e6 if kind == FULL else 1e4)
