"""`causerie.fit`: whether a model runs here, or on hardware that one asks about, in which precision and how fast,
before a byte of its weights is read or downloaded. Draws no table.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from causerie.api.load_options import LoadOptions
from causerie.api.probing import this_machine
from causerie.api.surveyed import KnownFrom, Surveyed, surveyed_or_estimated
from causerie.errors import UsageError
from causerie.loading.load import Survey
from causerie.loading.read_share import is_of_expert
from causerie.loading.sources import PlainSource, Source
from causerie.plan.computer import Computer, Span
from causerie.plan.fit import DEPTHS, Fit, Precision, best_precision
from causerie.plan.fit import fit as planned
from causerie.plan.footprint import cache_format
from causerie.plan.forecast import WeightForm
from causerie.plan.known_hardware import computer_named, computer_of, known_names
from causerie.quant.config import OWN, QuantConfig
from causerie.settings import Settings

__all__ = ["DEPTHS", "Computer", "ModelFit", "Precision", "Span", "best_precision", "fit", "known_names"]


@dataclass(frozen=True)
class ModelFit:
    """A model, and how it would do on a computer."""

    name: str
    known_from: KnownFrom
    """"headers": of its weight files; "config": config.json alone; "name": an estimate from the size in its name."""
    remark: str | None
    """Why no more is known."""
    stored_bytes: int | None
    """Of the weights in the files; None where nobody said it."""
    here: bool
    """Whether the files are on this machine."""
    plan: Fit

    @property
    def estimated(self) -> bool:
        """Whether shapes are guessed."""
        return self.known_from == "name"

    @property
    def parameters(self) -> int:
        """In all."""
        return self.plan.spec.parameters

    @property
    def active_parameters(self) -> int:
        """That a token uses."""
        return round(self.plan.spec.active_parameters)

    @property
    def recommended(self) -> str | None:
        """The name of the precision to take; None where none fits."""
        return None if self.plan.recommended is None else self.plan.recommended.form.name


def fit(
    name: str,
    *,
    hardware: str | None = None,
    bandwidth: float | None = None,
    memory: float | None = None,
    depths: Sequence[int] = DEPTHS,
    cache_dtype: Any = None,
) -> ModelFit:
    """How the model of that name would do: a folder, "builtin", a hub id, of which config.json and the headers of the
    weight files are fetched, or a size such as "8B", "8x7B" or "30B-A3B", which gives an estimate.

    hardware: "RTX 4090", "consumer CPU" and the like in place of this machine; bandwidth (GB/s) and memory (GB) in
    place of what is known of it, or both alone. The first time this machine is measured, for some seconds. depths are
    the tokens before, at which speeds are told. Raises what from_pretrained raises before it reads weights, UnknownName
    for hardware, UsageError."""
    if any(depth < 0 for depth in depths) or not depths:
        raise UsageError(f"depths is {list(depths)}; expected numbers of tokens, such as 0 and 4096.")
    computer = computer_asked(hardware, bandwidth, memory)
    model = surveyed_or_estimated(name, LoadOptions.read(cache_dtype=cache_dtype))
    return fit_surveyed(model, computer, depths=depths, cache_dtype=cache_dtype)


def fit_surveyed(
    model: Surveyed, computer: Computer, *, depths: Sequence[int] = DEPTHS, cache_dtype: str | None = None
) -> ModelFit:
    """The same of a model that was surveyed, on a computer."""
    forms = [form_of(each, name, computer, cache_dtype) for name, each in precisions(model)]
    plan = planned(model.weights.spec, forms, computer, depths)
    return ModelFit(model.name, model.known_from, model.remark, model.stored_bytes, model.here, plan)


def computer_asked(hardware: str | None, bandwidth: float | None, memory: float | None) -> Computer:
    """The hardware that is asked about: this machine where nothing is said. Raises UnknownName, UsageError."""
    if hardware is not None:
        return computer_named(hardware, bandwidth=bandwidth, memory=memory)
    if bandwidth is not None and memory is not None:
        return computer_of(bandwidth, memory)
    if bandwidth is not None or memory is not None:
        raise UsageError(
            "bandwidth and memory say together what hardware is like; one is missing. Pass both, or name the hardware."
        )
    return this_machine(Settings.from_environment())


def precisions(model: Surveyed) -> list[tuple[str, Survey]]:
    """The ways to hold a model, the most exact first: as it is stored and, where that is plain numbers, our own
    formats; of float32 bfloat16 too."""
    whole = model.weights
    if (name := whole.quantization) is not None or any(not isinstance(each, PlainSource) for each in whole.sources):
        return [(name or whole.plain, whole)]
    ways = [(whole.plain, whole)]
    if whole.plain == "float32":
        ways.append(("bfloat16", model.as_plain("bfloat16")))
    for name in OWN:
        with suppress(UsageError):  # a width that the format cannot hold
            ways.append((name, model.as_quantized(QuantConfig.named(name))))
    return ways


def form_of(weights: Survey, name: str, computer: Computer, cache_dtype: str | None = None) -> WeightForm:
    """What form them so takes on a computer."""
    looked_up = {weight.name for weight in weights.spec.looked_up}
    sizes = {each.weight.name: _held_bytes(weights, each, computer, looked_up) for each in weights.sources}
    return WeightForm(
        name=name,
        weight_bytes=sum(sizes.values()),
        format=weights.quantization or weights.plain,
        embedding=weights.formats["embed"],
        cache_format=cache_dtype or cache_format(weights.plain),
        expert_bytes=sum(size for weight, size in sizes.items() if is_of_expert(weight)) or None,
    )


def _held_bytes(weights: Survey, source: Source, computer: Computer, looked_up: set[str]) -> int:
    shape = source.weight.shape
    packed = computer.packs and len(shape) == 2 and source.weight.name not in looked_up
    if packed and weights.formats[source.weight.name] == "bfloat16":
        from causerie.backends.native.lossless import likely_bytes

        return likely_bytes(shape)
    return weights.held_bytes(source)
