"""The rotation that a config asks for, in either spelling of the field, as a `Rope`. Knows no arithmetic (see rope.py).

Old: `rope_theta` beside `rope_scaling` {"type" or "rope_type", …}. New: all in `rope_parameters`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from causerie.errors import ConfigError
from causerie.models.config import Config
from causerie.spec.rope import Rope

SCALINGS = ("default", "linear", "dynamic", "llama3", "yarn", "longrope", "proportional")
DEFAULT_THETA = 10000.0


def read_rope(
    c: Config,
    head_dim: int,
    *,
    partial: bool = False,
    aliases: Mapping[str, str] | None = None,
    default_theta: float = DEFAULT_THETA,
) -> Rope:
    """The rotation of a model all of whose layers turn alike; the whole head, unless a family lets a config say that a
    `partial` one does. `aliases` are other names of scalings. Raises ConfigError for scalings and numbers that cannot
    be computed."""
    theta = c.optional_number("rope_theta", least=1.0)
    part = _parameters(c)
    if part is None:
        return Rope(theta or default_theta, _turning(c, [c], head_dim, partial), c.integer("max_position_embeddings"))
    return read_scaled(c, part, head_dim, theta, default_theta=default_theta, partial=partial, aliases=aliases)


def read_text_rope(c: Config, head_dim: int, *, partial: bool = False, default_theta: float = DEFAULT_THETA) -> Rope:
    """The rotation of a model that sees pictures, for text. There pairs turn by time, height or width (M-RoPE), as
    sections of a list say, or taking turns; of text all three are the position."""
    for part in (c.part("rope_scaling"), c.part("rope_parameters")):
        if part is not None:
            part.integers("mrope_section")
            part.boolean("mrope_interleaved", False)
    return read_rope(c, head_dim, partial=partial, aliases={"mrope": "default"}, default_theta=default_theta)


def read_ropes(c: Config, head_dim: int, thetas: Mapping[str, float]) -> dict[str, Rope]:
    """The rotation of each kind of layer, of which `thetas` gives the base where a config leaves it out: an object for
    each in `rope_parameters`; or, as older files have it, the first kind's as `read_rope` reads it, and the others
    without a scaling."""
    each = c.part("rope_parameters") if c.holds_objects("rope_parameters") else None
    parts = {kind: each.part(kind) if each is not None else None for kind in thetas}
    first, *_ = thetas
    context = c.integer("max_position_embeddings")

    def rope(kind: str, theta: float, part: Config | None) -> Rope:
        if part is not None:
            return read_scaled(c, part, head_dim, None, default_theta=theta)
        return read_rope(c, head_dim, default_theta=theta) if kind == first else Rope(theta, head_dim, context)

    return {kind: rope(kind, theta, parts[kind]) for kind, theta in thetas.items()}


def read_kind(
    c: Config, kind: str, head_dim: int, absent: Mapping[str, Any], default_theta: float, *, partial: bool = False
) -> Rope:
    """The rotation of one kind of layer, from the object for it in `rope_parameters`; `absent` is what a config means
    that has none."""
    each = c.part("rope_parameters")
    part = None if each is None else each.part(kind)
    part = Config(absent, family=c.family, origin=c.origin) if part is None else part
    return read_scaled(c, part, head_dim, None, default_theta=default_theta, partial=partial)


def read_scaled(
    c: Config,
    part: Config,
    head_dim: int,
    theta: float | None,
    *,
    default_theta: float = DEFAULT_THETA,
    partial: bool = False,
    aliases: Mapping[str, str] | None = None,
) -> Rope:
    """The rotation that one object of a config describes. `theta` is what stands outside of it."""
    context = c.integer("max_position_embeddings")
    scaling = _scaling(part, aliases or {})
    if scaling == "proportional":
        dims, options = _turning(c, [], head_dim, partial), _pairs(part, head_dim)
    else:
        dims = _turning(c, [part, c], head_dim, partial)
        options = _options(part, scaling, dims)
    inner_theta = part.optional_number("rope_theta", least=1.0)
    if theta is not None and inner_theta is not None and theta != inner_theta:
        raise ConfigError(
            f"{c.origin.name} sets 'rope_theta' twice, to {theta:g} and {inner_theta:g}. Keep one of them."
        )
    if scaling in ("llama3", "yarn", "longrope"):
        # Some configs keep it outside, where it has precedence in the field.
        inner = part.integer("original_max_position_embeddings", context)
        original = c.optional_integer("original_max_position_embeddings", None) or inner
        options["original_max_position_embeddings"] = original
        options.setdefault("factor", context / original)
    if scaling == "dynamic" and dims == 2:
        raise c.wrong("head_dim", head_dim, "greater than 2 for dynamic rope scaling")
    return Rope(inner_theta or theta or default_theta, dims, context, scaling, tuple(sorted(options.items())))


def _turning(c: Config, places: Sequence[Config], head_dim: int, partial: bool) -> int:
    """How many elements of a head turn, by the first of these objects that says it."""
    dims = head_dim
    for place in reversed(places):
        if not partial:
            place.expect("partial_rotary_factor", 1.0, 1)
        elif (share := place.optional_number("partial_rotary_factor")) is not None:
            if share > 1:
                raise place.wrong("partial_rotary_factor", share, "a number of at most 1")
            dims = int(head_dim * share)
    if dims % 2 or not dims:
        raise c.wrong("head_dim", head_dim, "even, because elements of a head turn in pairs")
    return dims


def _pairs(part: Config, head_dim: int) -> dict[str, Any]:
    """How many of the pairs of a head turn, and how much slower."""
    share = part.number("partial_rotary_factor", 1.0)
    if share > 1:
        raise part.wrong("partial_rotary_factor", share, "a number of at most 1")
    return {"pairs": int(share * head_dim // 2), "factor": part.number("factor", 1.0, least=1.0, above=False)}


def _parameters(c: Config) -> Config | None:
    old, new = c.part("rope_scaling"), c.part("rope_parameters")
    if old is not None and new is not None:
        raise ConfigError(f"{c.origin.name} sets both 'rope_scaling' and 'rope_parameters'. Keep one of them.")
    return old or new


def _scaling(part: Config, aliases: Mapping[str, str]) -> str:
    old, new = (aliases.get(word, word) for word in (part.word("type", ""), part.word("rope_type", "")))
    if old and new and old != new:
        raise part.wrong("rope_type", new, f"the same as 'type' = {json.dumps(old)}, or one of them must go")
    scaling = new or old or "default"
    if scaling not in SCALINGS:
        raise ConfigError(f"{part.origin.name} asks for rope scaling {scaling!r}; known here: {', '.join(SCALINGS)}.")
    return scaling


def _options(part: Config, scaling: str, dims: int) -> dict[str, Any]:
    """The numbers of one rule; what is optional in the field and absent here is left out, for rope.py to default."""
    options: dict[str, Any] = {}
    if scaling == "yarn":
        for name in ("factor", "attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim"):
            value = part.optional_number(name, least=1.0 if name == "factor" else 0.0, above=False)
            if value is not None:
                options[name] = value
        options["truncate"] = part.boolean("truncate", True)
    elif scaling == "longrope":
        for name in ("factor", "attention_factor"):
            value = part.optional_number(name, least=0.0, above=True)
            if value is not None:
                options[name] = value
        for name in ("short_factor", "long_factor"):
            options[name] = tuple(part.numbers(name, dims // 2))
    elif scaling != "default":
        options["factor"] = part.number("factor", least=1.0, above=False)
    if scaling == "llama3":
        low = options["low_freq_factor"] = part.number("low_freq_factor", least=1e-3)
        high = options["high_freq_factor"] = part.number("high_freq_factor", least=1e-3)
        if high < low:
            raise part.wrong("high_freq_factor", high, f"at least 'low_freq_factor' = {low:g}")
    return options
