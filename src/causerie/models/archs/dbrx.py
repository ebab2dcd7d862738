"""DBRX: layer norms, queries, keys and values cut off and in one matrix, and experts in the place of each feed-forward
layer, of which a token uses a few."""

from __future__ import annotations

from causerie.checkpoint.expression import Expression, Rows, Tensor, Transposed
from causerie.models.archs.llama import layer_norm, llama_like
from causerie.models.config import Config
from causerie.models.expert_layers import in_layers
from causerie.models.expert_names import experts_of
from causerie.models.inert import INERT
from causerie.models.names import Table
from causerie.models.registry import architecture
from causerie.models.rope_config import DEFAULT_THETA, read_rope
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts
from causerie.spec.router import MOST_EXPERTS, Router

_BLOCK = "transformer.blocks.{i}."
_NAMES = {  # what most families call what files of this one call otherwise
    "hidden_size": "d_model",
    "num_attention_heads": "n_heads",
    "num_hidden_layers": "n_layers",
    "max_position_embeddings": "max_seq_len",
}
_OF_ANY_CONFIG = (*INERT, "tie_word_embeddings")  # what a program writes into each part, as if it were a whole model's
DEFAULTS = {"hidden_size": 2048, "num_attention_heads": 16, "num_hidden_layers": 24, "max_position_embeddings": 2048}


def weights(spec: Decoder) -> Table:
    """Queries, keys and values are rows of one tensor, and so is each matrix of all experts; what goes down is stored
    the other way round."""
    mixer, hidden = next(spec.attentions), experts_of(spec).hidden
    table: dict[str, str | Expression] = {
        "embed": "transformer.wte.weight",
        "norm": "transformer.norm_f.weight",
        "head": "lm_head.weight",
        "layers.{i}.mixer_norm": _BLOCK + "norm_attn_norm.norm_1.weight",
        "layers.{i}.ffn_norm": _BLOCK + "norm_attn_norm.norm_2.weight",
        "layers.{i}.mixer.o": _BLOCK + "norm_attn_norm.attn.out_proj.weight",
        "layers.{i}.ffn.router": _BLOCK + "ffn.router.layer.weight",
    }
    start = 0
    for name, rows in (("q", mixer.query_width), ("k", mixer.key_width), ("v", mixer.key_width)):
        fused = Tensor(_BLOCK + "norm_attn_norm.attn.Wqkv.weight")
        table[f"layers.{{i}}.mixer.{name}"] = Rows(fused, start, start + rows)
        start += rows
    for e in range(experts_of(spec).count):
        gate, up, down = (
            Rows(Tensor(f"{_BLOCK}ffn.experts.mlp.{name}"), e * hidden, (e + 1) * hidden) for name in ("w1", "v1", "w2")
        )
        ours = f"layers.{{i}}.ffn.experts.{e}."
        table |= {ours + "gate": gate, ours + "up": up, ours + "down": Transposed(down)}
    return table


@architecture("dbrx", weights=weights)
def dbrx(c: Config) -> Decoder:
    """DBRX Base and DBRX Instruct, 132B."""
    c.rename(_NAMES)
    c.assume({"vocab_size": 32000, **DEFAULTS})
    attention, ffn = (
        c.part(key) or Config({}, family=c.family, origin=c.origin) for key in ("attn_config", "ffn_config")
    )
    c.leave("emb_pdrop")
    attention.leave(*_OF_ANY_CONFIG)
    ffn.leave("moe_jitter_eps", "moe_loss_weight", *_OF_ANY_CONFIG)  # the first two of training
    theta = attention.number("rope_theta", DEFAULT_THETA, least=1.0)
    hidden = ffn.integer("ffn_hidden_size", 3584)
    spec = llama_like(
        c,
        kv_heads=attention.integer("kv_n_heads", 1),
        norm=layer_norm(c, "layer_norm_eps", bias=False),
        hidden=hidden,
        rope=lambda head_dim: read_rope(c, head_dim, default_theta=theta),
    )
    ffn.expect("hidden_size", spec.width)
    ffn.expect("uniform_expert_assignment", False)
    act = ffn.part("ffn_act_fn")
    if act is not None:
        act.expect("name", "silu")
    count = ffn.integer("moe_num_experts", 4, most=MOST_EXPERTS)
    norm = ffn.optional_number("moe_normalize_expert_weights", absent=1.0)
    if norm not in (None, 1.0):
        raise ffn.wrong("moe_normalize_expert_weights", norm, "1, by which shares are divided by their sum, or null")
    router = Router(ffn.integer("moe_top_k", 1, most=count), divided=norm is not None)
    spec = spec.each_attention(clip=attention.optional_number("clip_qkv"))
    return in_layers(spec, Experts(count, router, hidden), range(len(spec.layers)))
