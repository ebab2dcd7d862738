"""GLM-4.5 to 4.7: half of each head turns, and each token uses a few of many experts, which a bias of their own helps
to choose, beside a layer that all tokens use."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs import qwen3
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.draft_names import appended
from causerie.models.expert_layers import in_layers
from causerie.models.expert_names import EXPERT_MATRICES, both_arrangements
from causerie.models.names import Table
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder
from causerie.spec.draft_head import DraftHead
from causerie.spec.experts import Experts, Shared
from causerie.spec.mlp import MLP, Gating
from causerie.spec.router import MOST_EXPERTS, ExpertGroups, Router

_MLP = "model.layers.{i}.mlp"
_OTHERS = {
    **qwen3.WEIGHTS,
    "layers.{i}.ffn.router": f"{_MLP}.gate.weight",
    "layers.{i}.ffn.choice_bias": f"{_MLP}.gate.e_score_correction_bias",
    **{
        f"layers.{{i}}.ffn.shared.{ours}": f"{_MLP}.shared_experts.{name}.weight"
        for ours, name in EXPERT_MATRICES.items()
    },
}
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 151552,
    "hidden_size": 4096,
    "intermediate_size": 10944,
    "num_hidden_layers": 46,
    "num_attention_heads": 96,
    "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-5,
    "partial_rotary_factor": 0.5,
}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """Each expert's matrices alone, as files have them; or all in one tensor, as transformers holds them."""
    return both_arrangements(spec, {**_OTHERS, **appended(spec)}, _MLP)


@architecture("glm4_moe", weights=weights)
def glm4_moe(c: Config) -> Decoder:
    """GLM-4.5, GLM-4.5-Air, GLM-4.6, GLM-4.7."""
    c.assume(DEFAULTS)
    spec = llama_like(
        c,
        bias=c.boolean("attention_bias", False),
        kv_heads=8,
        rope=lambda head_dim: read_rope(c, head_dim, partial=True),
    )
    spec = spec.each_attention(qk_norm=spec.norm if c.boolean("use_qk_norm", False) else None)
    dense, layers = c.integer("first_k_dense_replace", 1, least=0), len(spec.layers)
    spec = in_layers(spec, sigmoid_experts(c, spec.layers[0].ffn.act), range(dense, layers))
    return with_layers_behind(c, spec)


def with_layers_behind(c: Config, spec: Decoder, usual: int = 1) -> Decoder:
    """With what files hold behind the last layer, `usual` is how many where the config does not say it: the head to
    guess with, and perhaps further ones, which are not used."""
    count = c.integer("num_nextn_predict_layers", usual, least=0, most=len(spec.layers))
    head = DraftHead(spec.layers[-1], spec.norm) if count else None
    return replace(spec, drafting_layers=count, draft_head=head)


def sigmoid_experts(c: Config, act: Gating) -> Experts:
    """Experts as DeepSeek-V3 made them: chosen among the best groups by sigmoid and a bias."""
    count = c.integer("n_routed_experts", 128, most=MOST_EXPERTS)
    router = sigmoid_router(c, count, c.integer("num_experts_per_tok", 8, most=count))
    hidden = c.integer("moe_intermediate_size", 1408)
    shared = Shared(MLP(hidden * c.integer("n_shared_experts", 1), act))
    return Experts(count, router, hidden, act, shared=shared)


def sigmoid_router(c: Config, count: int, active: int) -> Router:
    """Theirs."""
    return Router(
        active,
        "sigmoid",
        choice_bias=True,
        groups=expert_groups(c, count, active),
        divided=c.boolean("norm_topk_prob", True),
        least_sum=1e-20,
        scale=c.number("routed_scaling_factor", 1.0),
    )


def expert_groups(c: Config, count: int, active: int, best: int = 2) -> ExpertGroups | None:
    """`n_group` groups, of which a token may use those of `topk_group`, by their `best` best experts; none where it may
    use all."""
    groups = c.integer("n_group", 1, most=count)
    opened = c.integer("topk_group", 1, most=groups)
    if groups == opened:
        return None
    if count % groups or count // groups < best:
        raise c.wrong("n_group", groups, f"such that {count} experts make so many groups of {best} or more")
    if active > count // groups * opened:
        raise c.wrong("topk_group", opened, f"enough groups of {count // groups} for {active} experts of each token")
    return ExpertGroups(groups, opened, best)
