"""What most architectures of GGUF say alike, as the values of a config.json. Knows no architecture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from causerie.models.config import MOST_LAYERS
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.rotation import rotation
from causerie.models.layer_kinds import FULL, SLIDING

EMBEDDING, HEAD = "token_embd.weight", "output.weight"


def layer_count(m: Metadata) -> int:
    """The layers of the model itself: files count behind them those that propose tokens ahead."""
    count = m.integer("block_count", most=MOST_LAYERS)
    drafting = m.integer("nextn_predict_layers", 0, least=0)
    if drafting >= count:
        raise m.wrong("nextn_predict_layers", drafting, f"less than the {count} layers that the file has")
    return count - drafting


RMS, CENTERED = "attention.layer_norm_rms_epsilon", "attention.layer_norm_epsilon"
"""The norms' constant, of those that take the mean off and of others."""


def sizes(m: Metadata, eps: str = "rms_norm_eps", key: str = RMS) -> dict[str, Any]:
    """What every decoder has. `eps` is what config.json calls the norms' constant that the file has under `key`."""
    m.leave(RMS, CENTERED)
    return {
        "vocab_size": m.rows(EMBEDDING),
        "hidden_size": m.integer("embedding_length"),
        "num_hidden_layers": layer_count(m),
        "max_position_embeddings": m.integer("context_length"),
        "tie_word_embeddings": not m.holds(HEAD),
        eps: m.number(key),
    }


def heads(m: Metadata) -> dict[str, Any]:
    """Those of attention, alike in all layers that attend."""
    count, size = alike(m, "attention.head_count"), head_size(m)
    if m.integer("attention.value_length", size) != size:
        raise m.wrong("attention.value_length", m.integer("attention.value_length"), f"{size}, as keys are long")
    key_heads = alike(m, "attention.head_count_kv", count)
    return {"num_attention_heads": count, "num_key_value_heads": key_heads, "head_dim": size}


def head_size(m: Metadata) -> int:
    """How long a head's keys are."""
    count, width = alike(m, "attention.head_count"), m.integer("embedding_length")
    if m.has("attention.key_length"):
        return m.integer("attention.key_length")
    if width % count:
        raise m.wrong("embedding_length", width, f"a multiple of {count}, because it is divided among {count} heads")
    return width // count


def alike(m: Metadata, key: str, default: int | None = None) -> int:
    """A number that all layers have which have it at all; the others have 0 in its place."""
    layers = m.integer("block_count", most=MOST_LAYERS)
    each = m.integers(key, layers) if default is None or m.has(key) else [default]
    numbers = set(each) - {0}
    if len(numbers) != 1:
        raise m.wrong(key, each, "the same number, greater than 0, in all layers that have it")
    return numbers.pop()


def dense(m: Metadata, model_type: str, eps: str = "rms_norm_eps", key: str = RMS) -> dict[str, Any]:
    """A model of attention and feed-forward layers, all of whose heads turn alike."""
    values = unturned(m, model_type, eps, key)
    return values | {"rope_parameters": rotation(m, values["head_dim"])}


def unturned(m: Metadata, model_type: str, eps: str = "rms_norm_eps", key: str = RMS) -> dict[str, Any]:
    """The same, but for how heads turn."""
    values = {"model_type": model_type, **sizes(m, eps, key), **heads(m)}
    if m.has("feed_forward_length"):  # models of nothing but experts need not have it
        values["intermediate_size"] = alike(m, "feed_forward_length")
    return values


def experts(m: Metadata) -> dict[str, Any]:
    """How many there are, and how many of them a token uses, as most families call it."""
    count = m.integer("expert_count")
    return {"num_experts": count, "num_experts_per_tok": m.integer("expert_used_count", most=count)}


SIGMOID = 2
"""How `expert_gating_func` calls it."""


def sigmoid_experts(m: Metadata) -> dict[str, Any]:
    """Experts that are chosen by the sigmoid of their scores, in the words of DeepSeek's config.json."""
    m.expect("expert_gating_func", 0, SIGMOID)
    return routed_experts(m)


def routed_experts(m: Metadata) -> dict[str, Any]:
    """The same, however they are chosen."""
    count = m.integer("expert_count")
    return {
        "n_routed_experts": count,
        "num_experts_per_tok": m.integer("expert_used_count", most=count),
        "n_group": m.integer("expert_group_count", 1),
        "topk_group": m.integer("expert_group_used_count", 1),
        "n_shared_experts": m.integer("expert_shared_count"),
        "moe_intermediate_size": alike(m, "expert_feed_forward_length"),
        "norm_topk_prob": m.boolean("expert_weights_norm", False),
        "routed_scaling_factor": m.number("expert_weights_scale", 0.0) or 1.0,
        "first_k_dense_replace": m.integer("leading_dense_block_count", 0, least=0),
    }


def mamba2(m: Metadata) -> dict[str, Any]:
    """The sizes of Mamba-2's mixers, as most families call them."""
    inner, heads = m.integer("ssm.inner_size"), m.integer("ssm.time_step_rank")
    if inner % heads:
        raise m.wrong("ssm.inner_size", inner, f"a multiple of {heads}, because it is divided among {heads} heads")
    return {
        "mamba_n_heads": heads,
        "mamba_d_head": inner // heads,
        "mamba_n_groups": m.integer("ssm.group_count"),
        "mamba_d_state": m.integer("ssm.state_size"),
        "mamba_d_conv": m.integer("ssm.conv_kernel"),
        "mamba_conv_bias": biased(m, "ssm_conv1d"),
        "mamba_proj_bias": biased(m, "ssm_in"),
    }


def shared_width(m: Metadata, layers: int) -> int:
    """How wide the expert is that all tokens use; 0 where there is none."""
    tensors = (f"blk.{i}.ffn_up_shexp.weight" for i in range(layers))
    return next((m.rows(tensor) for tensor in tensors if m.holds(tensor)), 0)


def biased(m: Metadata, *modules: str) -> bool:
    """Whether one of these modules has a bias, in whichever layer."""
    return any(m.holds_in_blocks(f"{module}.bias") for module in modules)


def attention_biased(m: Metadata) -> bool:
    """Whether queries, keys and values have biases, together in one tensor or each in its own."""
    return biased(m, "attn_q", "attn_qkv")


def window_kinds(m: Metadata, layers: int, distance: int) -> list[str]:
    """The kind of each layer: by the file's own list; else every `distance`-th one sees everything, of 0 none, and the
    others a window."""
    key = "attention.sliding_window_pattern"
    if m.holds_list(key):
        return [SLIDING if slides else FULL for slides in m.booleans(key, layers)]
    distance = m.integer(key, distance, least=0)
    return [FULL if distance and (i + 1) % distance == 0 else SLIDING for i in range(layers)]


def heads_by_kind(m: Metadata, key: str, slides: Sequence[bool]) -> tuple[int, int]:
    """How many heads, by the list of that key, layers have that see everything, and those that slide; where there are
    none of a kind, as many as the others have. Raises ConfigError where layers of a kind differ."""
    every = m.integers(key, m.integer("block_count"), least=1)[: len(slides)]
    full, sliding = (
        [heads for heads, each in zip(every, slides, strict=True) if each is kind] for kind in (False, True)
    )
    if len(set(full)) > 1 or len(set(sliding)) > 1:
        raise m.wrong(key, every, "one number for layers that slide, and one for the others")
    return (full or sliding)[0], (sliding or full)[0]
