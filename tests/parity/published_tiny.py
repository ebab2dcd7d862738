"""A published config made tiny: its sizes are other numbers, of which some are still larger than others, and each other
key is as it was. Knows no family, and no backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

VOCAB = 131
WINDOW = 8  # shorter than a prompt
HEAD = 32
HEADS = 4
PERIOD = ("full_attention_interval", "sliding_window_pattern", "_sliding_window_pattern")

_NUMBERS: dict[str, int] = {
    "vocab_size": VOCAB,
    "vocab_size_per_layer_input": VOCAB,
    "hidden_size_per_layer_input": 16,
    "head_dim": HEAD,
    "global_head_dim": 2 * HEAD,
    "intermediate_size": 88,
    "moe_intermediate_size": 40,
    "shared_expert_intermediate_size": 56,
    "num_attention_heads": HEADS,
    "num_experts": 8,
    "num_local_experts": 8,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 12,
    "linear_value_head_dim": 20,
    "attention_head_dim": HEAD,
    "sliding_window": WINDOW,
    "sliding_window_size": WINDOW,
    "n_embd": HEADS * HEAD,
    "n_head": HEADS,
    "n_layer": 2,
    "d_model": HEADS * HEAD,
    "n_heads": HEADS,
    "n_layers": 2,
    "kv_n_heads": 2,
    "ffn_hidden_size": 40,
    "moe_num_experts": 8,
    "moe_top_k": 3,
}
"""Where a config has a number other than zero for it."""
_AT_MOST = {"num_experts_per_tok": 3, "experts_per_token": 3, "num_global_key_value_heads": 2}
_TOKENS = ("bos_token_id", "eos_token_id", "pad_token_id")
_SEEING: dict[str, Any] = {
    "depth": 1,
    "num_hidden_layers": 1,
    "hidden_size": HEAD,
    "embed_dim": HEAD,
    "intermediate_size": HEAD,
    "num_heads": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "global_head_dim": 16,
    "num_position_embeddings": 16,
    "position_embedding_size": 16,
    "fullatt_block_indexes": [0],
    "image_size": 28,
}
"""Of what sees or hears, which no text comes by."""
_SENSES = ("vision_config", "audio_config")
_OUTPUTS = ("out_hidden_size", "mm_embed_dim")  # of it, as wide as what the text model reads


def tiny(values: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a tiny model."""
    whole = {key: value for key, value in values.items() if key not in (*_SENSES, "text_config")}
    text = values.get("text_config", whole)
    small = _text(text)
    if text is whole:
        whole = small
    else:
        again = {key: value for key, value in small.items() if key in whole and value != text.get(key)}
        whole = whole | again | _tokens(whole) | {"text_config": small}  # some files say all of it twice
    for part in _SENSES:
        if part in values:
            whole[part] = None if values[part] is None else _sees(values[part], small["hidden_size"])
    return whole


def _text(text: Mapping[str, Any]) -> dict[str, Any]:
    small = {key: _number(key, value) for key, value in text.items()}
    small |= {key: min(most, text[key]) for key, most in _AT_MOST.items() if text.get(key)} | _tokens(text)
    small |= {"vocab_size": VOCAB}
    if "hidden_size" in text:  # heads that are said are wider than that and theirs are many
        small["hidden_size"] = (HEADS - 1) * HEAD if text.get("head_dim") else HEADS * HEAD
    if text.get("num_key_value_heads"):
        shared = text["num_attention_heads"] // text["num_key_value_heads"]
        small["num_key_value_heads"] = HEADS if shared == 1 else 1 if text["num_key_value_heads"] == 1 else 2
    if "num_hidden_layers" in text:
        small |= _layers(text)
    for key in ("rope_scaling", "rope_parameters"):
        if text.get(key):
            small[key] = _rope(text[key], text)
    return small


def _number(key: str, value: Any) -> Any:
    if isinstance(value, dict) and key.endswith("_config"):
        return {inner: _number(inner, part) for inner, part in value.items()}
    if key not in _NUMBERS or not value:
        return value
    return [_NUMBERS[key]] * len(value) if isinstance(value, list) else _NUMBERS[key]


def _layers(text: Mapping[str, Any]) -> dict[str, Any]:
    """So many layers that each kind is among them, in those that share keys of others and in others; and what is said
    of each of them."""
    kinds = text.get("layer_types")
    period = next((text[key] for key in PERIOD if text.get(key)), 6 if text["model_type"] == "gemma3_text" else 2)
    count = period if kinds is None else kinds.index("full_attention") + 1
    shares = bool(text.get("num_kv_shared_layers"))
    count = max(2, 2 * count if shares else count)
    layers: dict[str, Any] = {"num_hidden_layers": count}
    for key, value in text.items():
        if isinstance(value, list) and len(value) == text["num_hidden_layers"]:
            layers[key] = _number(key, value[:count])
    if shares:
        layers["num_kv_shared_layers"] = count // 2
    return layers


def _rope(rope: Mapping[str, Any], text: Mapping[str, Any]) -> dict[str, Any]:
    """What turns in heads of HEAD numbers as it turned in wider ones."""
    small = dict(rope)
    wide = text.get("head_dim") or text["hidden_size"] // text["num_attention_heads"]
    if "mrope_section" in rope:
        half = sum(rope["mrope_section"]) * HEAD // wide
        sections = [part * HEAD // wide for part in rope["mrope_section"]]
        small["mrope_section"] = [sections[0] + half - sum(sections), *sections[1:]]
    for key in ("long_factor", "short_factor"):
        if key in rope:
            small[key] = rope[key][: len(rope[key]) * HEAD // wide]
    return small


def _tokens(values: Mapping[str, Any]) -> dict[str, Any]:
    """Tokens that begin, end and pad a text, among those that there are."""
    return {key: 0 for key in _TOKENS if values.get(key) is not None}


def _sees(part: Mapping[str, Any], width: int) -> dict[str, Any]:
    small = {key: _SEEING.get(key, value) for key, value in part.items()}
    if "embed_dim" in part:  # of Qwen2-VL, in which this is what it gives
        small["hidden_size"] = width
    if part.get("deepstack_visual_indexes"):
        small["deepstack_visual_indexes"] = [0]
    return small | {key: width for key in _OUTPUTS if key in part}
