"""CWM: Llama in which three layers of four see a window."""

from __future__ import annotations

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.layer_kinds import FULL, SLIDING, layer_kinds, with_kinds
from causerie.models.names import LLAMA_WEIGHTS
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder

DEFAULT_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 1e6,
    "factor": 16.0,
    "high_freq_factor": 4.0,
    "low_freq_factor": 1.0,
    "original_max_position_embeddings": 8192,
}
DEFAULTS = {"max_position_embeddings": 131072, "rms_norm_eps": 1e-5}


@architecture("cwm", weights=LLAMA_WEIGHTS)
def cwm(c: Config) -> Decoder:
    """Meta's Code World Model, 32B."""
    c.assume(DEFAULTS)
    c.assume({} if c.has("rope_scaling") else {"rope_parameters": DEFAULT_ROPE})
    rope = lambda head_dim: read_rope(c, head_dim, default_theta=1e6)  # noqa: E731
    spec = llama_like(c, mlp_bias=c.boolean("mlp_bias", False), kv_heads=8, head_dim=128, rope=rope)
    kinds = layer_kinds(c, [SLIDING if i % 4 else FULL for i in range(len(spec.layers))])
    return with_kinds(spec, kinds, {SLIDING: {"window": c.integer("sliding_window", 8192)}})
