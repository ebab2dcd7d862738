"""gpt-oss: every second layer looks through a window, heads may attend to nothing, and each token uses a few of many
experts, whose gates are clamped."""

from __future__ import annotations

from causerie.checkpoint.expression import Every, Expression, Place, Transposed
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.expert_layers import in_layers
from causerie.models.expert_names import experts_of
from causerie.models.layer_kinds import FULL, SLIDING, layer_kinds, with_kinds
from causerie.models.names import LLAMA_WEIGHTS, Table
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts
from causerie.spec.mlp import ClampedSwish
from causerie.spec.router import MOST_EXPERTS, Router

_LAYER = "model.layers.{i}."
_EXPERTS = f"{_LAYER}mlp.experts."
_YARN = {
    "rope_type": "yarn",
    "factor": 32.0,
    "beta_fast": 32.0,
    "beta_slow": 1.0,
    "truncate": False,
    "original_max_position_embeddings": 4096,
}
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "num_hidden_layers": 36,
    "vocab_size": 201088,
    "hidden_size": 2880,
    "intermediate_size": 2880,
    "num_attention_heads": 64,
    "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-5,
}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """All experts of a layer in one tensor, inputs by outputs; the outputs of gate and up take turns. In MXFP4 they are
    outputs by inputs, under the same names with an ending. Or, as MLX has them, a stack of modules for each matrix."""
    others: Table = {
        **LLAMA_WEIGHTS,
        "layers.{i}.mixer.sinks": f"{_LAYER}self_attn.sinks",
        "layers.{i}.ffn.router": f"{_LAYER}mlp.router.weight",
        "layers.{i}.ffn.router_bias": f"{_LAYER}mlp.router.bias",
    }
    count = experts_of(spec).count
    return {**others, **_taking_turns(count)}, {**others, **_stacks_of_modules(count)}


def _taking_turns(count: int) -> Table:
    table: dict[str, Expression] = {}
    both, down = f"{_EXPERTS}gate_up_proj", f"{_EXPERTS}down_proj"
    for e in range(count):
        ours = f"layers.{{i}}.ffn.experts.{e}."
        for turn, name in enumerate(("gate", "up")):
            table[ours + name] = Every(Transposed(Place(both, e)), turn, 2)
            table[f"{ours}{name}_bias"] = Every(Place(f"{both}_bias", e), turn, 2)
        table[ours + "down"] = Transposed(Place(down, e))
        table[ours + "down_bias"] = Place(f"{down}_bias", e)
    return table


def _stacks_of_modules(count: int) -> Table:
    return {
        f"layers.{{i}}.ffn.experts.{e}.{name}{ours}": Place(f"{_EXPERTS}{name}_proj.{theirs}", e)
        for e in range(count)
        for name in ("gate", "up", "down")
        for ours, theirs in (("", "weight"), ("_bias", "bias"))
    }


@architecture("gpt_oss", weights=weights)
def gpt_oss(c: Config) -> Decoder:
    """gpt-oss-20b and gpt-oss-120b, in MXFP4 as published or as MLX has it, and in float16, bfloat16 or float32."""
    c.assume(DEFAULTS if c.has("rope_scaling") else {**DEFAULTS, "rope_parameters": _YARN})
    c.expect("hidden_act", "silu")
    count = c.integer("num_local_experts", 128, most=MOST_EXPERTS)
    active = c.integer("num_experts_per_tok", 4, most=count)
    c.expect("experts_per_token", active)
    bias = c.boolean("attention_bias", True)
    rope = lambda head_dim: read_rope(c, head_dim, default_theta=150000.0)  # noqa: E731
    spec = llama_like(c, bias=bias, out_bias=bias, kv_heads=8, head_dim=64, rope=rope).each_attention(sinks=True)
    kinds = layer_kinds(c, [FULL if i % 2 else SLIDING for i in range(len(spec.layers))])
    spec = with_kinds(spec, kinds, {SLIDING: {"window": c.optional_integer("sliding_window", 128)}})
    act = ClampedSwish(c.number("swiglu_limit", 7.0), c.number("swiglu_alpha", 1.702))
    experts = Experts(count, Router(active, bias=True), c.integer("intermediate_size"), act, bias=True)
    return in_layers(spec, experts, range(len(spec.layers)))
