"""Nemotron-H: every layer is one part alone: Mamba-2, attention without positions, a plain feed-forward layer with
squared relu, or many small ones of which a token uses a few beside one that all use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from causerie.models.archs.glm4_moe import sigmoid_router
from causerie.models.config import MOST_LAYERS, Config
from causerie.models.draft_names import in_parts
from causerie.models.expert_names import experts_of
from causerie.models.layer_kinds import FULL, LINEAR
from causerie.models.names import Table
from causerie.models.recurrence import mamba2_mixer, mamba2_weights
from causerie.models.registry import architecture
from causerie.spec.attention import Attention
from causerie.spec.decoder import Decoder
from causerie.spec.draft_head import DraftHead
from causerie.spec.experts import Experts, Shared
from causerie.spec.layer import Layer
from causerie.spec.mlp import MLP, NOTHING
from causerie.spec.norm import Norm
from causerie.spec.router import MOST_EXPERTS

DENSE, SPARSE = "mlp", "moe"
LETTERS = {"M": LINEAR, "*": FULL, "-": DENSE, "E": SPARSE}
OLDER = {"mamba": LINEAR, "attention": FULL}
NAMES = {
    "mamba_n_heads": "mamba_num_heads",
    "mamba_d_head": "mamba_head_dim",
    "mamba_n_groups": "n_groups",
    "mamba_d_state": "ssm_state_size",
    "mamba_d_conv": "conv_kernel",
    "mamba_conv_bias": "use_conv_bias",
    "mamba_chunk_size": "chunk_size",
    "hidden_act": "mamba_hidden_act",
    "head_dim": "attention_head_dim",
    "layers_block_type": "layer_types",
}
DEFAULTS = {"mamba_num_heads": 128, "mamba_head_dim": 64, "n_groups": 8, "ssm_state_size": 128}
_MATRICES = {"mixer.q": "q_proj", "mixer.k": "k_proj", "mixer.v": "v_proj", "mixer.o": "o_proj"} | {
    "ffn.up": "up_proj",
    "ffn.down": "down_proj",
    "ffn.router": "gate",
    "ffn.shared.up": "shared_experts.up_proj",
    "ffn.shared.down": "shared_experts.down_proj",
    "ffn.narrow": "fc1_latent_proj",
    "ffn.widen": "fc2_latent_proj",
}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """As released files call them, and by transformers' own first word."""
    return tuple(_table(spec, place) for place in ("backbone", "model"))


def _table(spec: Decoder, place: str) -> Table:
    norm, mixer = f"{place}.layers.{{i}}.norm.weight", f"{place}.layers.{{i}}.mixer"
    each = {
        f"layers.{{i}}.ffn.experts.{e}.{ours}": f"{mixer}.experts.{e}.{ours}_proj.weight"
        for e in range(experts_of(spec).count)
        for ours in ("up", "down")
    }
    table: Table = {
        "embed": f"{place}.embeddings.weight",
        "layers.{i}.mixer_norm": norm,
        "layers.{i}.ffn_norm": norm,
        **{f"layers.{{i}}.{ours}": f"{mixer}.{theirs}.weight" for ours, theirs in _MATRICES.items()},
        **{f"layers.{{i}}.{ours}_bias": f"{mixer}.{theirs}.bias" for ours, theirs in _MATRICES.items()},
        "layers.{i}.ffn.choice_bias": f"{mixer}.gate.e_score_correction_bias",
        **each,
        **mamba2_weights(spec, mixer),
        "norm": f"{place}.norm_f.weight",
        "head": "lm_head.weight",
    }
    return {**table, **in_parts(spec, table, f"{place}.layers.{{i}}.")}


@architecture("nemotron_h", weights=weights)
def nemotron_h(c: Config) -> Decoder:
    """Nemotron-H 4B to 56B, Nemotron Nano 2 and 3, Nemotron 3 Super."""
    c.assume(DEFAULTS)
    c.rename(NAMES)
    norm = Norm(c.number("layer_norm_epsilon", 1e-5, above=False))
    for same in ("norm_eps", "rms_norm_eps"):
        c.expect(same, norm.eps)
    c.expect("tie_word_embeddings", False)
    c.leave("expand", "rope_theta", "partial_rotary_factor")  # which no released program computes by
    kinds = _kinds(c)
    parts = {kind: part(c, norm) for kind, part in _PARTS.items()}  # of kinds that no layer has, the keys are there too
    return Decoder(
        family=c.family,
        vocab=c.integer("vocab_size", 131072),
        width=c.integer("hidden_size", 4096),
        layers=tuple(parts[kind] for kind in kinds),
        norm=norm,
        tied=False,
        context=c.integer("max_position_embeddings", 4096),
        draft_head=_draft_head(c, kinds, parts, norm),
    )


def _draft_head(c: Config, kinds: list[str], parts: Mapping[str, Layer], norm: Norm) -> DraftHead | None:
    """The head to guess with, where it is of the kind that released models have: two parts, which make one block."""
    count = c.integer("num_nextn_predict_layers", 0, least=0)
    own = _said(c, "mtp_layers_block_type", "mtp_hybrid_override_pattern") or [FULL, SPARSE]
    if not count or own != [FULL, SPARSE] or SPARSE not in kinds:
        return None
    return DraftHead(replace(parts[FULL], ffn=parts[SPARSE].ffn), norm)


def _said(c: Config, words: str, letters: str) -> list[str]:
    """Kinds of layers, in words or as letters of a string."""
    said, pattern = c.words(words), c.word(letters, "")
    if said is None:
        return [LETTERS.get(letter, letter) for letter in pattern]
    return [OLDER.get(each, each) for each in said]


def _kinds(c: Config) -> list[str]:
    """Of each layer."""
    kinds = _said(c, "layers_block_type", "hybrid_override_pattern")
    if not 0 < len(kinds) <= MOST_LAYERS or not set(LETTERS.values()).issuperset(kinds):
        said, pattern = c.words("layers_block_type"), c.word("hybrid_override_pattern", "")
        key, value = ("hybrid_override_pattern", pattern) if said is None else ("layers_block_type", said)
        raise c.wrong(key, value, f"a kind of layer for each, of {', '.join(LETTERS)} or {', '.join(LETTERS.values())}")
    c.expect("num_hidden_layers", len(kinds))
    return kinds


def _mamba(c: Config, norm: Norm) -> Layer:
    inner = c.integer("mamba_n_heads") * c.integer("mamba_d_head")
    least, bias = c.number("time_step_min", 0.001, above=False), c.boolean("use_bias", False)
    c.leave("mamba_proj_bias")  # which no program computes by; use_bias says it
    return Layer(mamba2_mixer(c, inner, norm, bias=bias, least_step=least), NOTHING, norm)


def _attention(c: Config, norm: Norm) -> Layer:
    heads, head_dim = c.integer("num_attention_heads", 32), c.integer("head_dim", 128)
    kv_heads = c.optional_integer("num_key_value_heads", 8) or heads
    if heads % kv_heads:
        raise c.wrong("num_key_value_heads", kv_heads, f"a divisor of {heads}, the number of query heads")
    c.expect("attention_bias", False)
    c.expect("num_query_groups", kv_heads)
    return Layer(Attention(heads, kv_heads, head_dim, head_dim**-0.5, rope=None), NOTHING, norm)


def _mlp(c: Config, hidden: int) -> MLP:
    c.expect("mlp_hidden_act", "relu2")
    return MLP(hidden, "relu2", c.boolean("mlp_bias", False), gated=False)


def _dense(c: Config, norm: Norm) -> Layer:
    return Layer(None, _mlp(c, c.integer("intermediate_size", 21504)), norm)


def _experts(c: Config, norm: Norm) -> Layer:
    latent = c.optional_integer("moe_latent_size", None)
    if latent is not None:
        c.expect("mlp_bias", False)
    c.expect("n_shared_experts", 1)
    shared = Shared(_mlp(c, c.integer("moe_shared_expert_intermediate_size", 7688)))
    count = c.integer("n_routed_experts", 8, most=MOST_EXPERTS)
    hidden = c.integer("moe_intermediate_size", 7688)
    router = sigmoid_router(c, count, c.integer("num_experts_per_tok", 2, most=count))
    return Layer(None, Experts(count, router, hidden, "relu2", shared=shared, gated=False, latent=latent), norm)


_PARTS = {LINEAR: _mamba, FULL: _attention, DENSE: _dense, SPARSE: _experts}
