"""How heads turn, as the metadata of a GGUF file says it, in the words of config.json. Knows no architecture and no
arithmetic (see models/rope.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from causerie.models.gguf.metadata import Metadata

FACTORS, LONG, SHORT = "rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"
"""Tensors that say by how much each pair of elements is slowed down: always, in long texts, and in others."""
_YARN = {"yarn_beta_fast": "beta_fast", "yarn_beta_slow": "beta_slow", "yarn_attn_factor": "attention_factor"}


def rotation(m: Metadata, head_dim: int, default_theta: float = 10000.0) -> dict[str, Any]:
    """The `rope_parameters` of heads of this size."""
    dims = m.integer("rope.dimension_count", head_dim, most=head_dim)
    theta = m.number("rope.freq_base", default_theta, least=1.0)
    return {"rope_theta": theta, "partial_rotary_factor": share(dims, head_dim), **_scaling(m, dims)}


def share(part: int, whole: int) -> float:
    """The number of which `whole` times it gives `part`, once cut to a whole number."""
    number = part / whole
    return number if int(whole * number) == part else (part + 0.5) / whole


def slowed(factors: Sequence[float], context: int) -> dict[str, Any]:
    """Each pair of elements slowed down by a factor of its own, alike in short and in long texts."""
    return {
        "rope_type": "longrope",
        "long_factor": list(factors),
        "short_factor": list(factors),
        "original_max_position_embeddings": context,
        "attention_factor": 1.0,
    }


def _scaling(m: Metadata, dims: int) -> dict[str, Any]:
    kind = m.word("rope.scaling.type", "linear")
    context = m.integer("context_length")
    factor = m.number("rope.scaling.factor", m.number("rope.scale_linear", 0.0)) or 1.0
    original = m.integer("rope.scaling.original_context_length", context)
    magnitude = m.number("rope.scaling.attn_factor", 1.0)
    if m.holds(LONG) and m.holds(SHORT):
        return {
            "rope_type": "longrope",
            "long_factor": m.vector(LONG, dims // 2),
            "short_factor": m.vector(SHORT, dims // 2),
            "original_max_position_embeddings": original,
            **({"attention_factor": magnitude} if m.has("rope.scaling.attn_factor") else {}),
        }
    if kind == "yarn":
        return _yarn(m, factor, original, magnitude)
    if kind not in ("none", "linear"):
        raise m.wrong("rope.scaling.type", kind, "none, linear, yarn, or longrope beside tensors of its factors")
    if magnitude != 1.0:
        raise m.wrong("rope.scaling.attn_factor", magnitude, "1 where nothing slows heads down for long texts")
    if m.holds(FACTORS):
        return slowed([(1.0 if kind == "none" else factor) * each for each in m.vector(FACTORS, dims // 2)], context)
    if kind == "none" or factor == 1.0:
        return {"rope_type": "default"}
    return {"rope_type": "linear", "factor": factor}


def _yarn(m: Metadata, factor: float, original: int, magnitude: float) -> dict[str, Any]:
    scaling: dict[str, Any] = {
        "rope_type": "yarn",
        "factor": factor,
        "original_max_position_embeddings": original,
    }
    for theirs, ours in _YARN.items():
        if m.has(f"rope.scaling.{theirs}"):
            scaling[ours] = m.number(f"rope.scaling.{theirs}")
    if all_dims := m.number("rope.scaling.yarn_log_multiplier", 0.0):
        scaling |= {"mscale": 1.0, "mscale_all_dim": all_dims}
    m.expect("rope.scaling.yarn_ext_factor", 1.0, -1.0)
    if magnitude != 1.0:
        raise m.wrong("rope.scaling.attn_factor", magnitude, "1 beside a scaling of the kind yarn")
    return scaling
