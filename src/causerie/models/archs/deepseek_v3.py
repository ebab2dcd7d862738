"""DeepSeek-V3: attention to latents, and each token uses a few of many experts, which a bias of their own helps to
choose among the best groups, beside a layer that all tokens use."""

from __future__ import annotations

from causerie.models.archs.glm4_moe import sigmoid_experts, with_layers_behind
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.draft_names import appended
from causerie.models.expert_layers import in_layers
from causerie.models.expert_names import EXPERT_MATRICES, both_arrangements
from causerie.models.latent_config import read_latents
from causerie.models.latent_names import latent_names
from causerie.models.names import LLAMA_WEIGHTS, Table
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder

_MLP = "model.layers.{i}.mlp"
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 129280,
    "hidden_size": 7168,
    "intermediate_size": 18432,
    "moe_intermediate_size": 2048,
    "num_hidden_layers": 61,
    "num_attention_heads": 128,
    "n_routed_experts": 256,
    "num_experts_per_tok": 8,
    "n_group": 8,
    "topk_group": 4,
    "routed_scaling_factor": 2.5,
    "max_position_embeddings": 4096,
}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """Each expert's matrices alone, as files have them; or all in one tensor, as transformers holds them."""
    others = {
        **LLAMA_WEIGHTS,
        **latent_names(spec),
        **appended(spec),
        "layers.{i}.ffn.router": f"{_MLP}.gate.weight",
        "layers.{i}.ffn.choice_bias": f"{_MLP}.gate.e_score_correction_bias",
        **{
            f"layers.{{i}}.ffn.shared.{ours}": f"{_MLP}.shared_experts.{name}.weight"
            for ours, name in EXPERT_MATRICES.items()
        },
    }
    return both_arrangements(spec, others, _MLP)


@architecture("deepseek_v3", weights=weights)
def deepseek_v3(c: Config) -> Decoder:
    """DeepSeek-V3, R1 and V3.1, Moonlight 16B-A3B, in float16, bfloat16 or float32."""
    c.assume(DEFAULTS)
    spec = deepseek_like(c)
    dense = c.integer("first_k_dense_replace", 3, least=0)
    spec = in_layers(spec, sigmoid_experts(c, spec.layers[0].ffn.act), range(dense, len(spec.layers)))
    return with_layers_behind(c, spec)


def deepseek_like(c: Config) -> Decoder:
    """The decoder without its experts, whose router has a bias that only chooses."""
    c.expect("topk_method", "noaux_tc")
    c.expect("scoring_func", "sigmoid")
    c.expect("moe_layer_freq", 1)
    return llama_like(c, latents=read_latents(c))
