"""`causerie.fit`: whether a model runs here, or on hardware that one asks about, in which precision and how fast,
before a byte of its weights is read or downloaded. Draws no table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from causerie.api.fit.precisions import MatrixHolding, held_sizes, precisions
from causerie.api.fit.surveyed_checkpoint import KnownFrom, Surveyed, surveyed_or_estimated
from causerie.api.library.model_names import downloads_folder
from causerie.api.machine.measurements import disk_free, this_machine
from causerie.api.options.load_options import LoadOptions
from causerie.errors import UsageError
from causerie.loading.load import Survey
from causerie.loading.read_share import is_of_expert
from causerie.plan.coefficients import is_measured
from causerie.plan.computer import Computer, Span
from causerie.plan.fit import DEPTHS, Fit, Precision, best_precision
from causerie.plan.fit import fit as planned
from causerie.plan.footprint import cache_format
from causerie.plan.forecast import WeightForm
from causerie.plan.known_hardware import computer_named, computer_of, known_names
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
    disk_free: int | None
    """Bytes that the disk of downloads has free; None where the system does not say."""
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
    def speeds_assumed(self) -> bool:
        """Whether nobody has measured how much of such hardware's limits is reached."""
        return not is_measured(self.plan.computer)

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
    strict: bool = False,
) -> ModelFit:
    """How the model of that name would do: a folder, "builtin", a hub id, of which config.json and the headers of the
    weight files are fetched, or a size such as "8B", "8x7B" or "30B-A3B", which gives an estimate.

    hardware: "RTX 4090", "consumer CPU" and the like in place of this machine; bandwidth (GB/s) and memory (GB) in
    place of what is known of it, or both alone. The first time this machine is measured, for some seconds. depths are
    the tokens before, at which speeds are told; cache_dtype and strict are as in from_pretrained. Raises what that
    raises before it reads weights, UnknownName for hardware, UsageError."""
    if any(depth < 0 for depth in depths) or not depths:
        raise UsageError(f"depths is {list(depths)}; expected numbers of tokens, such as 0 and 4096.")
    computer = computer_asked(hardware, bandwidth, memory)
    model = surveyed_or_estimated(name, LoadOptions.read(cache_dtype=cache_dtype, strict=strict))
    return fit_surveyed(model, computer, depths=depths, cache_dtype=cache_dtype)


def fit_surveyed(
    model: Surveyed, computer: Computer, *, depths: Sequence[int] = DEPTHS, cache_dtype: str | None = None
) -> ModelFit:
    """The same of a model that was surveyed, on a computer."""
    forms = [form_of(each, name, computer, cache_dtype) for name, each in precisions(model.weights)]
    plan = planned(model.weights.spec, forms, computer, depths)
    return ModelFit(
        name=model.name,
        known_from=model.known_from,
        remark=model.remark,
        stored_bytes=model.stored_bytes,
        here=model.here,
        disk_free=disk_free(downloads_folder()),
        plan=plan,
    )


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


def form_of(weights: Survey, name: str, computer: Computer, cache_dtype: str | None = None) -> WeightForm:
    """What form them so takes on a computer."""
    sizes = held_sizes(weights, MatrixHolding(computer.kind == "cpu", computer.packs))
    return WeightForm(
        name=name,
        weight_bytes=sum(sizes.values()),
        format=weights.quantization or weights.plain,
        embedding=weights.formats["embed"],
        cache_format=cache_dtype or cache_format(weights.plain),
        expert_bytes=sum(size for weight, size in sizes.items() if is_of_expert(weight)) or None,
    )
