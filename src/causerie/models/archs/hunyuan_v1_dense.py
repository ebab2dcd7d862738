"""Hunyuan: Llama with a norm on every query and key head after it has turned, slowed down by a larger base."""

from __future__ import annotations

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder
from causerie.spec.rope import Rope

_ATTENTION = "model.layers.{i}.self_attn."
WEIGHTS = {
    **LLAMA_WEIGHTS,
    "layers.{i}.mixer.q_norm": f"{_ATTENTION}query_layernorm.weight",
    "layers.{i}.mixer.k_norm": f"{_ATTENTION}key_layernorm.weight",
}


@architecture("hunyuan_v1_dense", weights=WEIGHTS)
def hunyuan_v1_dense(c: Config) -> Decoder:
    """The dense Hunyuan models, 0.5B to 7B."""
    c.assume({"rms_norm_eps": 1e-5})
    c.expect("use_qk_norm", True)
    c.expect("norm_type", "rms", "hf_rms")
    bias = c.boolean("attention_bias", False)
    spec = llama_like(c, bias=bias, out_bias=bias, rope=lambda head_dim: _rope(c, head_dim))
    c.expect("attention_head_dim", next(spec.attentions).head_dim)
    return spec.each_attention(qk_norm=spec.norm, qk_norm_last=True)


def _rope(c: Config, head_dim: int) -> Rope:
    """As elsewhere, but for "dynamic" with an `alpha`, which is a larger base at every length (NTK-aware scaling)."""
    part = c.part("rope_parameters") or c.part("rope_scaling")
    alpha = None if part is None else part.optional_number("alpha")
    if part is None or alpha is None or "dynamic" not in (part.word("type", ""), part.word("rope_type", "")):
        return read_rope(c, head_dim)
    for key in ("factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim"):
        part.optional_number(key, above=False)  # of other rules: nothing is computed by them beside alpha
    outer, inner = c.optional_number("rope_theta", least=1.0), part.optional_number("rope_theta", least=1.0)
    base = (inner or outer or 10000.0) * alpha ** (head_dim / (head_dim - 2))
    return Rope(base, head_dim, c.integer("max_position_embeddings"))
