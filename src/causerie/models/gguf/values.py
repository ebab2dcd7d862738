"""What most architectures of GGUF say alike, as the values of a config.json. Knows no architecture."""

from __future__ import annotations

from typing import Any

from causerie.models.config import MOST_LAYERS
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.rotation import rotation
from causerie.models.layer_kinds import FULL, SLIDING

EMBEDDING, HEAD = "token_embd.weight", "output.weight"
_BLOCK = "blk.0."


def layer_count(m: Metadata) -> int:
    """The layers of the model itself: files count behind them those that propose tokens ahead."""
    count = m.integer("block_count", most=MOST_LAYERS)
    drafting = m.integer("nextn_predict_layers", 0, least=0)
    if drafting >= count:
        raise m.wrong("nextn_predict_layers", drafting, f"less than the {count} layers that the file has")
    return count - drafting


def sizes(m: Metadata, eps: str = "rms_norm_eps") -> dict[str, Any]:
    """What every decoder has. `eps` is the key of the norms' constant in config.json; where it is not that of Llama's,
    norms take the mean off, and the file has another key for it."""
    theirs = "attention.layer_norm_rms_epsilon" if eps == "rms_norm_eps" else "attention.layer_norm_epsilon"
    return {
        "vocab_size": m.rows(EMBEDDING),
        "hidden_size": m.integer("embedding_length"),
        "num_hidden_layers": layer_count(m),
        "max_position_embeddings": m.integer("context_length"),
        "tie_word_embeddings": not m.holds(HEAD),
        eps: m.number(theirs),
    }


def heads(m: Metadata) -> dict[str, Any]:
    """Those of attention, alike in all layers."""
    count = m.integer("attention.head_count")
    size = head_size(m)
    if m.integer("attention.value_length", size) != size:
        raise m.wrong("attention.value_length", m.integer("attention.value_length"), f"{size}, as keys are long")
    key_heads = m.integer("attention.head_count_kv", count)
    return {"num_attention_heads": count, "num_key_value_heads": key_heads, "head_dim": size}


def head_size(m: Metadata) -> int:
    """How long a head's keys are."""
    count, width = m.integer("attention.head_count"), m.integer("embedding_length")
    if m.has("attention.key_length"):
        return m.integer("attention.key_length")
    if width % count:
        raise m.wrong("embedding_length", width, f"a multiple of {count}, because it is divided among {count} heads")
    return width // count


def dense(m: Metadata, model_type: str, eps: str = "rms_norm_eps") -> dict[str, Any]:
    """A model of attention and feed-forward layers, all of whose heads turn alike."""
    values = {"model_type": model_type, **sizes(m, eps), **heads(m)}
    turns = rotation(m, values["head_dim"])
    return values | {"intermediate_size": m.integer("feed_forward_length"), "rope_parameters": turns}


def experts(m: Metadata) -> dict[str, Any]:
    """How many there are, and how many of them a token uses, as most families call it."""
    count = m.integer("expert_count")
    return {"num_experts": count, "num_experts_per_tok": m.integer("expert_used_count", most=count)}


def biased(m: Metadata, *modules: str) -> bool:
    """Whether the first of these modules of the first layer has a bias."""
    return any(m.holds(f"{_BLOCK}{module}.bias") for module in modules)


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
