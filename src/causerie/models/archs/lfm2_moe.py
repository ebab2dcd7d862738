"""LFM2 with experts: LFM2 with many small feed-forward layers in the place of each but the first ones, of which a token
uses a few, chosen with the help of a bias."""

from __future__ import annotations

from causerie.checkpoint.expression import Expression
from causerie.models.archs import lfm2
from causerie.models.config import Config
from causerie.models.expert_layers import in_layers
from causerie.models.expert_names import experts_alone, experts_stacked
from causerie.models.names import Table
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts
from causerie.spec.router import MOST_EXPERTS, Router

_FFN = "model.layers.{i}.feed_forward"
_OTHERS: dict[str, str | Expression] = {
    **lfm2.WEIGHTS,
    "layers.{i}.ffn.router": f"{_FFN}.gate.weight",
    "layers.{i}.ffn.choice_bias": f"{_FFN}.expert_bias",
}
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 65536,
    "hidden_size": 2048,
    "intermediate_size": 7168,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "max_position_embeddings": 128000,
    "norm_eps": 1e-5,
    "tie_word_embeddings": True,
}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """Each expert's matrices alone, as files have them; or all in one tensor, as transformers holds them."""
    alone = experts_alone(spec, f"{_FFN}.experts", {"gate": "w1", "up": "w3", "down": "w2"})
    stacked = experts_stacked(spec, f"{_FFN}.experts.gate_up_proj", f"{_FFN}.experts.down_proj")
    return {**_OTHERS, **alone}, {**_OTHERS, **stacked}


@architecture("lfm2_moe", weights=weights)
def lfm2_moe(c: Config) -> Decoder:
    """LFM2 8B-A1B and 24B-A2B, LFM2.5 with experts."""
    c.assume(DEFAULTS)
    spec = lfm2.lfm2_like(c)
    count = c.integer("num_experts", 32, most=MOST_EXPERTS)
    router = Router(
        c.integer("num_experts_per_tok", 4, most=count),
        "sigmoid",
        choice_bias=c.boolean("use_expert_bias", True),
        divided=c.boolean("norm_topk_prob", True),
        sum_offset=1e-6,
        scale=c.number("routed_scaling_factor", 1.0),
    )
    experts = Experts(count, router, c.integer("moe_intermediate_size", 1792))
    return in_layers(spec, experts, range(c.integer("num_dense_layers", 2, least=0), len(spec.layers)))
