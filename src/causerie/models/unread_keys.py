"""What becomes of the keys of a config.json that its family did not read.

One that means arithmetic in any family of the field is refused, for answers would be wrong without it; any other is
told in a warning; what inert.py lists is passed over. Knows no family: which keys mean arithmetic is a generated list
(scripts/generate_config_keys.py), a key a line.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from causerie.errors import ConfigError, ConfigWarning
from causerie.models.config_origin import ConfigOrigin
from causerie.models.inert import ALWAYS, FACTORS, INERT, NEUTRAL, REFUSED, SWITCHES


@dataclass(frozen=True)
class UnreadKey:
    """A key with a value that is not null; `beside` is the object that it stands in, `path` the dotted prefix of its
    keys, "" at the top."""

    key: str
    value: Any
    beside: Mapping[str, Any]
    path: str = ""

    def __str__(self) -> str:
        reason = f" ({REFUSED[self.key]})" if self.key in REFUSED else ""
        return f"{self.path + self.key!r} = {short_json(self.value)}{reason}"

    @property
    def inert(self) -> bool:
        """Whether nothing has to be said about it."""
        if not self.path and self.key in INERT:
            return True
        return self.arithmetic and self._switched_off

    @property
    def arithmetic(self) -> bool:
        """Whether some family computes by it, or it asks for another program."""
        return self.key in NEUTRAL or self.key in REFUSED or self.key in arithmetic_keys()

    @property
    def _switched_off(self) -> bool:
        """Whether its value asks for nothing: it is a neutral one, false, zero, empty or, for a factor, one; or another
        key switches it off."""
        if any(same_json(self.value, neutral) for neutral in NEUTRAL.get(self.key, ())):
            return True
        if self.key in ALWAYS:
            return self.value is True
        if not self.value:
            return True
        if self.key == "layer_types":
            return isinstance(self.value, list) and all(kind == "full_attention" for kind in self.value)
        if self.key in FACTORS and not isinstance(self.value, bool) and self.value == 1:
            return True
        return self.key in SWITCHES and self.beside.get(SWITCHES[self.key]) is False


@cache
def arithmetic_keys() -> frozenset[str]:
    """Every key that modeling code of the field reads."""
    text = files("causerie.models").joinpath("arithmetic_keys.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))


def judge(
    unread: Iterable[UnreadKey], family: str, strict: bool, origin: ConfigOrigin, faults: Iterable[str] = ()
) -> None:
    """Refuses what means arithmetic or needs another program, together with `faults` that were found before; warns
    about any other key, or refuses it too where `strict`. Raises ConfigError, with everything that is wrong in it."""
    keys = [each for each in unread if not each.inert]
    wrong = [*faults, *(str(each) for each in keys if each.arithmetic)]
    unknown = ", ".join(str(each) for each in keys if not each.arithmetic)
    if wrong:
        also = f" It also has keys that no known family computes by: {unknown}." if unknown and strict else ""
        raise ConfigError(
            f"{origin.name} asks for what family {family!r} does not do here: {', '.join(wrong)}. Answers would be "
            f"wrong, so the model is not loaded. {origin.advice}{also}"
        )
    if unknown and strict:
        raise ConfigError(
            f"{origin.name} has keys that family {family!r} does not read: {unknown}. strict=True (--strict) refuses "
            "them; without it the model loads, with a warning, for no known family computes anything by them."
        )
    if unknown:
        warnings.warn(
            f"{origin.name} has keys that family {family!r} does not read: {unknown}. No known family computes "
            "anything by them, so they are passed over; strict=True (--strict) refuses them.",
            ConfigWarning,
            stacklevel=3,  # one place for all callers, so that a key is told once however often its file is read
        )


def short_json(value: Any) -> str:
    """A value of a config as JSON, cut where it is long."""
    try:
        written = json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        written = f"a {type(value).__name__}"
    return written if len(written) <= 80 else written[:77] + "…"


def same_json(value: Any, other: Any) -> bool:
    """Whether two values are the same JSON; 1 is neither true nor 1.0."""
    return type(value) is type(other) and bool(value == other)
