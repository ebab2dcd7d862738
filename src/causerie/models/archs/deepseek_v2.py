"""DeepSeek-V2: attention to latents, and each token uses a few of many experts, of all or of the groups with the best
ones, beside a layer that all tokens use."""

from __future__ import annotations

from causerie.models.archs.deepseek_v3 import weights
from causerie.models.archs.glm4_moe import expert_groups
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.expert_layers import in_layers
from causerie.models.latent_config import read_latents
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts, Shared
from causerie.spec.mlp import MLP, Gating
from causerie.spec.router import MOST_EXPERTS, Router

GREEDY, IN_GROUPS = "greedy", "group_limited_greedy"
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 102400,
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "max_position_embeddings": 2048,
}


@architecture("deepseek_v2", weights=weights)
def deepseek_v2(c: Config) -> Decoder:
    """DeepSeek-V2, V2.5 and V2-Lite, DeepSeek-Coder-V2."""
    c.assume(DEFAULTS)
    c.expect("scoring_func", "softmax")
    c.expect("norm_topk_prob", False)
    c.expect("mlp_bias", False)
    c.expect("moe_layer_freq", 1)
    spec = llama_like(c, latents=read_latents(c))
    dense = c.integer("first_k_dense_replace", 0, least=0)
    return in_layers(spec, _experts(c, spec.layers[0].ffn.act), range(dense, len(spec.layers)))


def _experts(c: Config, act: Gating) -> Experts:
    count, method = c.integer("n_routed_experts", 64, most=MOST_EXPERTS), c.word("topk_method", GREEDY)
    if method not in (GREEDY, IN_GROUPS):
        raise c.wrong("topk_method", method, f"{GREEDY!r} or {IN_GROUPS!r}")
    active = c.integer("num_experts_per_tok", 6, most=count)
    groups = expert_groups(c, count, active, best=1)
    router = Router(
        active,
        groups=groups if method == IN_GROUPS else None,
        divided=False,
        scale=c.number("routed_scaling_factor", 1.0),
    )
    hidden = c.integer("moe_intermediate_size", 1407)
    shared = Shared(MLP(hidden * c.integer("n_shared_experts", 2), act))
    return Experts(count, router, hidden, act, shared=shared)
