"""What is known of an answer beside what it cost, when somebody asks why it took so long. Knows no model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # every chat begins with this module, and a promise knows the models
    from causerie.api.machine.surroundings import Surroundings
    from causerie.api.measurement.promise import Bandwidth, Expected
    from causerie.api.measurement.token_reading import TokenReading
    from causerie.chat.prompt_change import PromptChange


@dataclass(frozen=True)
class Evidence:
    """All of it measured or counted; None where it was not."""

    expected: Expected | None = None  # None: this machine was never measured, or the model runs elsewhere
    bandwidth: Bandwidth | None = None
    reading: TokenReading | None = None
    surroundings: Surroundings | None = None  # while the answer was made
    change: PromptChange | None = None  # from the answer before; None: there was none
    remembers_ends: bool = False  # whether a text is gone on with at the ends of messages alone
    neighbours: int = 0  # other answers that were made meanwhile, at most at once
