"""Which models of this machine to offer to somebody who named none, the one of the hub to name besides, and how fast
each would answer.

Reads headers of weights, or what the package says of the model of the hub, and what is known of this machine. Measures
nothing, asks no network and draws no list.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from causerie import builtin
from causerie.api.fit.fitting import form_of
from causerie.api.fit.precisions import precisions
from causerie.api.fit.surveyed_checkpoint import survey_of_config, surveyed
from causerie.api.library.local_models import LibraryModel, fits
from causerie.api.library.model_names import LARGER, packaged_models
from causerie.api.machine.measurements import kept_computer
from causerie.api.model_files.model_config import ModelConfig
from causerie.api.options.load_options import LoadOptions
from causerie.errors import CauserieError
from causerie.loading.load import Survey
from causerie.plan.computer import Computer, Span
from causerie.plan.fit import best_precision
from causerie.plan.forecast import Forecast
from causerie.settings import Settings

MOST = 8
"""Models beside those that come in packages."""


@dataclass(frozen=True)
class Offer:
    """A model that may be taken."""

    model: LibraryModel
    fit: str
    """The most exact precision in which it fits: "stored", "int8" or "int4"."""
    speed: Span | None
    """Tokens per second of an answer, as is to be expected; None where this machine was never measured."""


@dataclass(frozen=True)
class HubOffer:
    """A model of the hub that is not here, as far as it is known before a byte of it is fetched."""

    name: str
    parameters: int
    nbytes: int
    """Of its weights, which are to be downloaded."""
    fit: str
    """The most exact precision in which it fits; "no" where in none."""
    speed: Span | None
    """As an offer's."""


def offers(models: Iterable[LibraryModel], memory: int, settings: Settings) -> list[Offer]:
    """The models to offer where so much memory is free. See `able`."""
    computer = kept_computer(settings)
    made = []
    for model in able(models, memory):
        fit = fits(model, memory) or "stored"
        made.append(Offer(model, fit, None if computer is None else _speed(model, fit, computer)))
    return made


def able(models: Iterable[LibraryModel], memory: int) -> list[LibraryModel]:
    """Those that are whole, of a family that is built in, and fit, the largest first, and those of packages last."""
    fitting = [
        model for model in models if model.runs and model.lacks is None and fits(model, memory) not in ("no", None)
    ]
    others = [model for model in fitting if model.place != "package"]
    packaged = {model.name: model for model in fitting if model.place == "package"}
    largest = sorted(others, key=lambda model: -(model.parameters or 0))[:MOST]
    return [*largest, *(packaged[name] for name in packaged_models() if name in packaged)]


def larger_offer(memory: int, settings: Settings) -> HubOffer:
    """The model that is named to those who want a larger one, where so much memory is free."""
    weights = survey_of_config(ModelConfig(builtin.larger_config(), LARGER, None), LoadOptions())
    parameters, computer = weights.spec.parameters, kept_computer(settings)
    fit = best_precision(parameters, weights.nbytes, memory) or "no"
    speed = None if computer is None or fit == "no" else _speed_in(weights, fit, computer)
    return HubOffer(LARGER, parameters, weights.nbytes, fit, speed)


def _speed(model: LibraryModel, fit: str, computer: Computer) -> Span | None:
    """None where files do not tell what weights there are."""
    try:
        return _speed_in(surveyed(str(model.folder), LoadOptions()).weights, fit, computer)
    except CauserieError:
        return None


def _speed_in(weights: Survey, fit: str, computer: Computer) -> Span:
    """In a precision, or as it is stored. Raises CauserieError."""
    ways = dict(precisions(weights))
    name = next(iter(ways)) if fit not in ways else fit
    return Forecast(ways[name].spec, form_of(ways[name], name, computer), computer).decode_speed(0)
