"""GLM 4: Llama of which half of each head turns, in pairs side by side, with gate and up in one matrix."""

from __future__ import annotations

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS, Table, fused, in_halves
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder


def weights(spec: Decoder) -> Table:
    """Gate and up are rows of one tensor."""
    mixer, ffn = next(spec.attentions), spec.layers[0].ffn
    both = fused("ffn", "mlp.gate_up_proj.weight", {"gate": ffn.hidden, "up": ffn.hidden})
    return in_halves({**LLAMA_WEIGHTS, **both}, mixer)


@architecture("glm", weights=weights)
def glm(c: Config) -> Decoder:
    """GLM-4 9B and GLM-Edge."""
    c.assume({"partial_rotary_factor": 0.5, "rms_norm_eps": 1.5625e-7, "max_position_embeddings": 131072})
    bias = c.boolean("attention_bias", True)
    rope = lambda head_dim: read_rope(c, head_dim, partial=True)  # noqa: E731
    return llama_like(c, bias=bias, kv_heads=2, head_dim=128, rope=rope)
