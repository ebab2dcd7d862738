"""What a model's name says of its size, and a config.json of about that size: "8B", "8x7B", "Qwen3-30B-A3B".

An estimate: shapes are those of published models near it, made so large that the number of parameters is the one that
the name says. Knows no file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

LEAST, MOST = 1.2e8, 5e12
"""Parameters of a model whose size a name says."""
_UNIT = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_NUMBER = r"(\d+(?:[.,]\d+)?)\s*([KMBT])"
_EDGE = r"(?<![A-Za-z0-9.])"
_END = r"(?![A-Za-z0-9])"
_MIXED = re.compile(rf"{_EDGE}(\d+)\s*x\s*{_NUMBER}{_END}", re.IGNORECASE)
_ACTIVE = re.compile(rf"{_EDGE}{_NUMBER}[-_ ]*A{_NUMBER}{_END}", re.IGNORECASE)
_DENSE = re.compile(rf"{_EDGE}{_NUMBER}{_END}", re.IGNORECASE)
_VOCAB = 128_256
_SMALL_VOCAB = 32_000  # of the models that are named "8x7B"
_CONTEXT = 32_768
_STEP = 256  # widths are made in multiples of this, which every format holds


@dataclass(frozen=True)
class Size:
    """A number of parameters, of which each token uses `active`; `experts` times that of one of them where a name says
    it so ("8x7B": eight experts in a model that would have 7 billion with one)."""

    parameters: float
    active: float
    experts: int = 1

    @property
    def config(self) -> dict[str, Any]:
        """A config.json of about this size."""
        if self.experts > 1:
            return _mixtral(self.parameters, self.experts)
        return _many_experts(self.parameters, self.active) if self.active < self.parameters else _dense(self.parameters)


def size_in(name: str) -> Size | None:
    """What a name says of its size; None where it says nothing, or what no model has."""
    size = _said(name)
    if size is None or not LEAST <= size.active <= size.parameters <= MOST or size.experts not in range(1, 1025):
        return None
    return size


def _said(name: str) -> Size | None:
    if match := _MIXED.search(name):
        return Size(_number(match[2], match[3]), _number(match[2], match[3]), int(match[1]))
    if match := _ACTIVE.search(name):
        return Size(_number(match[1], match[2]), _number(match[3], match[4]))
    if match := _DENSE.search(name):
        return Size(_number(match[1], match[2]), _number(match[1], match[2]))
    return None


def _number(digits: str, unit: str) -> float:
    return float(digits.replace(",", ".")) * _UNIT[unit.upper()]


# Parameters, layers, width, heads, key/value heads: Llama 3, Qwen 3 and SmolLM 2.
_DENSE_SHAPES = (
    (0.135e9, 30, 576, 9, 3),
    (0.5e9, 24, 896, 14, 2),
    (1.2e9, 16, 2048, 32, 8),
    (1.7e9, 28, 2048, 16, 8),
    (3.2e9, 28, 3072, 24, 8),
    (8.0e9, 32, 4096, 32, 8),
    (14e9, 40, 5120, 40, 8),
    (32e9, 64, 5120, 64, 8),
    (70e9, 80, 8192, 64, 8),
    (123e9, 88, 12288, 96, 8),
    (405e9, 126, 16384, 128, 8),
)
# Active parameters, layers, width, heads, key/value heads: Granite 3.1, OLMoE, Qwen 3, GLM 4.5, DeepSeek V3.
_EXPERT_SHAPES = (
    (0.4e9, 24, 1024, 16, 8),
    (1.3e9, 16, 2048, 16, 16),
    (3.3e9, 48, 2048, 32, 4),
    (12e9, 46, 4096, 96, 8),
    (22e9, 94, 4096, 64, 4),
    (37e9, 61, 7168, 64, 8),
)


def _nearest(shapes: tuple[tuple[float, int, int, int, int], ...], size: float) -> tuple[int, int, int, int]:
    """The shape whose size is the nearest by its ratio."""
    _, *shape = min(shapes, key=lambda each: max(each[0] / size, size / each[0]))
    return shape[0], shape[1], shape[2], shape[3]


def _common(layers: int, width: int, heads: int, kv_heads: int) -> dict[str, Any]:
    return {
        "vocab_size": _VOCAB,
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "max_position_embeddings": _CONTEXT,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1e6,
        "dtype": "bfloat16",
    }


def _outside(
    layers: int, width: int, heads: int, kv_heads: int, *, head_dim: int, tied: bool, vocab: int = _VOCAB
) -> float:
    """Parameters that are not the feed-forward halves'."""
    attention = 2 * width * head_dim * (heads + kv_heads)
    return layers * attention + (1 if tied else 2) * vocab * width


def _hidden(parameters: float, layers: int, width: int) -> int:
    """The width inside of feed-forward halves that have so many parameters together."""
    return max(1, round(parameters / (3 * layers * width * _STEP))) * _STEP


def _dense(parameters: float) -> dict[str, Any]:
    layers, width, heads, kv_heads = _nearest(_DENSE_SHAPES, parameters)
    tied = parameters < 4e9
    rest = parameters - _outside(layers, width, heads, kv_heads, head_dim=width // heads, tied=tied)
    hidden = {"intermediate_size": _hidden(rest, layers, width), "tie_word_embeddings": tied}
    return {"model_type": "llama", **_common(layers, width, heads, kv_heads), **hidden}


def _mixtral(parameters: float, experts: int) -> dict[str, Any]:
    layers, width, heads, kv_heads = _nearest(_DENSE_SHAPES, parameters)
    rest = parameters - _outside(
        layers, width, heads, kv_heads, head_dim=width // heads, tied=False, vocab=_SMALL_VOCAB
    )
    own = {"vocab_size": _SMALL_VOCAB, "num_local_experts": experts, "num_experts_per_tok": min(2, experts)}
    hidden = {"intermediate_size": _hidden(rest, layers, width), "tie_word_embeddings": False}
    return {"model_type": "mixtral", **_common(layers, width, heads, kv_heads), **hidden, **own}


def _many_experts(parameters: float, active: float) -> dict[str, Any]:
    layers, width, heads, kv_heads = _nearest(_EXPERT_SHAPES, active)
    tied = active < 2e9
    head_dim, vocab, experts = (64, _SMALL_VOCAB, 64) if tied else (128, _VOCAB, 128)
    outside = _outside(layers, width, heads, kv_heads, head_dim=head_dim, tied=tied, vocab=vocab)
    hidden = max(32, round((parameters - outside) / (3 * layers * width * experts * 32)) * 32)
    active_experts = round((active - outside) / (3 * layers * width * hidden))
    own = {
        "vocab_size": vocab,
        "head_dim": head_dim,
        "num_experts": experts,
        "num_experts_per_tok": max(1, min(experts, active_experts)),
        "moe_intermediate_size": hidden,
        "intermediate_size": hidden,
        "tie_word_embeddings": tied,
    }
    return {"model_type": "qwen3_moe", **_common(layers, width, heads, kv_heads), **own}
