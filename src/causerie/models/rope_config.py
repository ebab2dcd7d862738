"""The rotation that a config asks for, in either spelling of the field, as a `Rope`. Knows no arithmetic (see rope.py).

Old: `rope_theta` beside `rope_scaling` {"type" or "rope_type", …}. New: all in `rope_parameters`.
"""

from __future__ import annotations

import json
from typing import Any

from causerie.errors import ConfigError
from causerie.models.config import Config
from causerie.spec.rope import Rope

SCALINGS = ("default", "linear", "dynamic", "llama3", "yarn")


def read_rope(c: Config, head_dim: int) -> Rope:
    """The rotation of a model whose whole head turns. Raises ConfigError for scalings and numbers we cannot compute."""
    if head_dim % 2:
        raise c.wrong("head_dim", head_dim, "even, because elements of a head turn in pairs")
    c.expect("partial_rotary_factor", 1.0, 1)
    theta = c.optional_number("rope_theta", least=1.0)
    context = c.integer("max_position_embeddings")
    part = _parameters(c)
    if part is None:
        return Rope(theta or 10000.0, head_dim, context)
    part.expect("partial_rotary_factor", 1.0, 1)
    inner_theta = part.optional_number("rope_theta", least=1.0)
    if theta is not None and inner_theta is not None and theta != inner_theta:
        raise ConfigError(f"config.json sets 'rope_theta' twice, to {theta:g} and {inner_theta:g}. Keep one of them.")
    scaling = _scaling(part)
    options = _options(part, scaling)
    if scaling in ("llama3", "yarn"):
        # Some configs keep it outside, where it has precedence in the field.
        inner = part.integer("original_max_position_embeddings", context)
        original = c.optional_integer("original_max_position_embeddings", None) or inner
        options["original_max_position_embeddings"] = original
        options.setdefault("factor", context / original)
    if scaling == "dynamic" and head_dim == 2:
        raise c.wrong("head_dim", head_dim, "greater than 2 for dynamic rope scaling")
    return Rope(inner_theta or theta or 10000.0, head_dim, context, scaling, tuple(sorted(options.items())))


def _parameters(c: Config) -> Config | None:
    old, new = c.part("rope_scaling"), c.part("rope_parameters")
    if old is not None and new is not None:
        raise ConfigError("config.json sets both 'rope_scaling' and 'rope_parameters'. Keep one of them.")
    return old or new


def _scaling(part: Config) -> str:
    old, new = part.word("type", ""), part.word("rope_type", "")
    if old and new and old != new:
        raise part.wrong("rope_type", new, f"the same as 'type' = {json.dumps(old)}, or one of them must go")
    scaling = new or old or "default"
    if scaling not in SCALINGS:
        raise ConfigError(f"config.json asks for rope scaling {scaling!r}; known here: {', '.join(SCALINGS)}.")
    return scaling


def _options(part: Config, scaling: str) -> dict[str, Any]:
    """The numbers of one rule; what is optional in the field and absent here is left out, for rope.py to default."""
    options: dict[str, Any] = {}
    if scaling == "yarn":
        for name in ("factor", "attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim"):
            value = part.optional_number(name, least=1.0 if name == "factor" else 0.0, above=False)
            if value is not None:
                options[name] = value
        options["truncate"] = part.boolean("truncate", True)
    elif scaling != "default":
        options["factor"] = part.number("factor", least=1.0, above=False)
    if scaling == "llama3":
        low = options["low_freq_factor"] = part.number("low_freq_factor", least=1e-3)
        high = options["high_freq_factor"] = part.number("high_freq_factor", least=1e-3)
        if high <= low:
            raise part.wrong("high_freq_factor", high, f"greater than 'low_freq_factor' = {low:g}")
    return options
