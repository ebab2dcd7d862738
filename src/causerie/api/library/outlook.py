"""What a model of this machine would be if it were loaded now: in which precision, with how much memory and context,
and how fast. Reads headers of weights and what is known of this machine; measures nothing and loads nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from causerie.api.fit.fitting import form_of
from causerie.api.fit.precisions import MatrixHolding, needed_bytes, precisions
from causerie.api.fit.surveyed_checkpoint import survey_of_config, surveyed
from causerie.api.library.local_models import LibraryModel
from causerie.api.machine.measurements import kept_computer
from causerie.api.model_files.model_config import ModelConfig
from causerie.api.options.load_options import LoadOptions
from causerie.builtin import LARGER, larger_config
from causerie.errors import CauserieError
from causerie.loading.load import Survey
from causerie.plan.computer import Computer, Span
from causerie.plan.footprint import STEP_TOKENS
from causerie.plan.forecast import Forecast
from causerie.plan.memory_fit import FreeMemory, MemoryFit, memory_fit
from causerie.settings import Settings

MOST = 24
"""Models that are looked into, those used last before others."""


@dataclass(frozen=True)
class Outlook:
    """That of one model."""

    memory: MemoryFit
    context: int
    """The longest chat that the model itself can hold."""
    speed: Span | None
    """Tokens per second of an answer; None where this machine was never measured, or there is no room."""
    reading: float | None
    """Tokens per second of a prompt; likewise."""


class Outlooks:
    """Those of models in the memory of one moment. What was asked to be held in one precision, or is quantized already,
    has no other."""

    def __init__(self, memory: FreeMemory, settings: Settings, options: LoadOptions) -> None:
        self._memory = memory
        self._options = options
        self._computer = kept_computer(settings)

    def of_models(self, models: Iterable[LibraryModel]) -> Iterator[tuple[LibraryModel, Outlook]]:
        """Of those that are whole and of a family that is built in, and whose files tell what weights there are."""
        able = [model for model in models if model.runs and model.lacks is None]
        for model in able[:MOST]:
            try:
                yield model, self._of_weights(surveyed(str(model.folder), self._options).weights)
            except CauserieError:
                continue  # whoever loads it is told what is wrong

    def larger(self) -> tuple[Survey, Outlook]:
        """The one of the hub that is named to those who want a larger model."""
        weights = survey_of_config(ModelConfig(larger_config(), LARGER, None), self._options)
        return weights, self._of_weights(weights)

    def _of_weights(self, weights: Survey) -> Outlook:
        ways = dict(precisions(weights))
        computer = self._computer
        holding = MatrixHolding(computer is None or computer.kind == "cpu", computer is not None and computer.packs)
        fit = memory_fit({name: needed_bytes(way, holding) for name, way in ways.items()}, self._memory)
        if computer is None or fit.fits == "too_large":
            return Outlook(fit, weights.spec.context, None, None)
        return self._forecast(fit, ways[fit.precision], computer)

    @staticmethod
    def _forecast(fit: MemoryFit, way: Survey, computer: Computer) -> Outlook:
        forecast = Forecast(way.spec, form_of(way, fit.precision, computer), computer)
        return Outlook(fit, way.spec.context, forecast.decode_speed(0), forecast.prefill_speed(STEP_TOKENS))
