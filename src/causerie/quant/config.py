"""Which of a model's weights are held in which format. Knows no file; names of modules are handed in.

A choice (`QuantConfig`) and a model's spec give the format of every weight. Vectors (norms, biases, taps
of convolutions), routers and the rates of recurrences are never quantized: they are a thousandth of a model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from causerie.errors import Unsupported, UsageError, unknown
from causerie.quant.encoders import ENCODERS, encoder_named
from causerie.spec.decoder import Decoder
from causerie.spec.weight import PLAIN_ROLES, Role

OWN = ("int8", "int6", "int5", "int4")
"""Our own formats, the most exact first; the others are bitsandbytes'."""
CHOICES = ("int8", "int4")
"""Those that are taken where nobody asks for one, when a model is too large as it is stored."""
_WILD = {r"\.\*": ".*", r"\\d\+": r"\d+"}
_LONGEST_PATTERN = 200
_MOST_WILD = 3


@dataclass(frozen=True)
class QuantConfig:
    """Formats by the place of a matrix; None leaves it in the model's plain format. A table that is both embedding and
    head follows `embedding`. `skip` names modules to leave plain as checkpoints call them ("lm_head",
    "model.layers.0.mlp", "q_proj", "model.layers.*.mlp"): by their beginning, their end, or with `.*` and `\\d+`."""

    matrices: str
    embedding: str | None = None
    head: str | None = None
    skip: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for format in (self.matrices, self.embedding, self.head):
            if format is not None:
                encoder_named(format)
        for pattern in self.skip:
            _compiled(pattern)

    @property
    def name(self) -> str:
        """In a word: the format of the layers' matrices."""
        return self.matrices

    @staticmethod
    def named(name: str) -> QuantConfig:
        """What the short form means: our own formats hold every matrix, embedding and head too; bitsandbytes' hold
        those of the layers, as bitsandbytes does. Raises UnknownName."""
        if name not in ENCODERS:
            raise unknown("quantization", name, ("none", *ENCODERS))
        return QuantConfig(name, name, name) if name in OWN else QuantConfig(name)

    def formats(self, spec: Decoder, plain: str, modules: Mapping[str, str], *, strict: bool = True) -> dict[str, str]:
        """The format of each weight of `spec` by canonical name. `modules` gives each canonical name's module as the
        checkpoint calls it, `plain` the format of what is not quantized. Raises UsageError for a width that a format
        cannot hold and, where `strict`, for a module to skip that is not there."""
        formats = {}
        skipped: set[str] = set()
        for name, shape, role in spec.weights():
            formats[name] = plain
            format = self.format_of(role)
            if format is None:
                continue
            matching = {pattern for pattern in self.skip if _matches(pattern, modules[name])}
            if matching:
                skipped |= matching
                continue
            if (why := encoder_named(format).format.refusal(shape[1])) is not None:
                raise UsageError(
                    f"{modules[name]} is {shape[1]} wide, and {why}. Take bnb_int8, nf4 or fp4, which hold any width."
                )
            formats[name] = format
        if strict:
            self._refuse_unmatched(skipped, modules)
        return formats

    def format_of(self, role: Role) -> str | None:
        """The format of matrices that are this to a model; None where they stay plain."""
        own: Mapping[Role, str | None] = {
            "embedding": self.embedding,
            "layer inputs": self.embedding,
            "head": self.head,
        }
        return None if role in PLAIN_ROLES else own.get(role, self.matrices)

    def _refuse_unmatched(self, matched: set[str], modules: Mapping[str, str]) -> None:
        names = set(modules.values()) | {"lm_head"}  # there even where it is tied to the embedding
        for pattern in self.skip:
            if pattern not in matched and not any(_matches(pattern, name) for name in names):
                raise unknown("module to skip", pattern, names)


def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of `skip` as the field reads it: from the beginning to a border between names. Only `.*` and `\\d+` are
    wild: a checkpoint may bring its own list, and a regular expression of strangers can run for ever."""
    if not isinstance(pattern, str) or not 0 < len(pattern) <= _LONGEST_PATTERN:
        raise UsageError(f"A module to skip is {str(pattern)[:60]!r}; expected a name such as 'lm_head'.")
    if re.search(r"[^\w.*\\+-]", pattern) or pattern.count("*") > _MOST_WILD:
        raise Unsupported(
            f"The module to skip {pattern!r} is a regular expression; .* and \\d+ are wild here, {_MOST_WILD} at most."
        )
    text = re.escape(pattern)
    for written, meant in _WILD.items():
        text = text.replace(written, meant)
    return re.compile(rf"(?:{text})(?:(?<=\.)|(?=\.|$))")


def _matches(pattern: str, module: str) -> bool:
    return _compiled(pattern).match(module) is not None or module.endswith(pattern)
