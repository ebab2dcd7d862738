"""Which models of this machine to offer to somebody who named none, and how fast each would answer.

Reads headers of weights and what is known of this machine. Measures nothing, asks no network and draws no list.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from causerie.api.fitting import form_of
from causerie.api.load_options import LoadOptions
from causerie.api.model_library import LibraryModel, fits
from causerie.api.model_names import packaged_models
from causerie.api.precisions import precisions
from causerie.api.probing import computer_of_record, kept_record
from causerie.api.surveyed import surveyed
from causerie.errors import CauserieError
from causerie.plan.computer import Computer, Span
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


def offers(models: Iterable[LibraryModel], memory: int, settings: Settings) -> list[Offer]:
    """The models to offer where so much memory is free. See `able`."""
    record = kept_record(settings)
    computer = None if record is None else computer_of_record(record)
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


def _speed(model: LibraryModel, fit: str, computer: Computer) -> Span | None:
    """None where files do not tell what weights there are."""
    try:
        ways = dict(precisions(surveyed(str(model.folder), LoadOptions()).weights))
        name = next(iter(ways)) if fit not in ways else fit
        form = form_of(ways[name], name, computer)
    except CauserieError:
        return None
    return Forecast(ways[name].spec, form, computer).decode_speed(0)
