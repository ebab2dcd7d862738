"""Drafters that go by what the model makes of the tokens it reads: which steps are to tell that, and to whom.

It knows plans, what was drawn, and rows of numbers; not what a drafter makes of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from causerie.decoding.drafting.drafter import Drafter, ReadText, StateReader
from causerie.decoding.drawn import Drawn
from causerie.engine.plan import Plan, Work
from causerie.errors import Unsupported
from causerie.models.model import StepModel, TappedModel


class Witnesses:
    """Those of one model's engine."""

    def __init__(self, model: StepModel) -> None:
        self._model = model
        self._readers: dict[str, StateReader] = {}
        self._columns: dict[str, list[int]] = {}  # which of the model's taps each of them looks at
        self._unasked: set[str] = set()  # of them, those that draft for requests that name no drafters

    def adopt(self, drafter: Drafter, unasked: bool) -> None:
        """Tells this one too, where it is a StateReader, in the place of one of its name. Raises Unsupported for a
        model that cannot tell, OutOfMemory."""
        if not isinstance(drafter, StateReader):
            self.dismiss(drafter.name)
            return
        if not isinstance(self._model, TappedModel):
            raise Unsupported(
                f"The drafter {drafter.name!r} goes by what the model makes of tokens, and this one does not tell that."
            )
        self._model.tap(drafter.taps)
        self.dismiss(drafter.name)
        self._readers[drafter.name] = drafter
        places = self._model.taps
        self._columns = {name: list(map(places.index, reader.taps)) for name, reader in self._readers.items()}
        if unasked:
            self._unasked.add(drafter.name)

    def dismiss(self, drafter: str) -> None:
        """Tells the one of that name no more, where there is one."""
        self._readers.pop(drafter, None)
        self._unasked.discard(drafter)

    def want(self, plan: Plan) -> bool:
        """Whether the step of this plan is to tell somebody. Where it need not, it costs nothing."""
        return bool(self._readers) and any(self._is_told(work, name) for work in plan.works for name in self._readers)

    def tell(self, plan: Plan, drawn: Sequence[Sequence[Drawn]], taps: NDArray[np.float32]) -> dict[int, str]:
        """The step has run, and `taps` are what the model's taps gave. By request, the faults of the drafters."""
        faults: dict[int, str] = {}
        for name, reader in self._readers.items():
            texts, first, columns = [], 0, self._columns[name]
            for work, tokens in zip(plan.works, drawn, strict=True):
                rows, first = taps[first : first + len(work.tokens)], first + len(work.tokens)
                if self._is_told(work, name) and not (tokens and tokens[0].error is not None):
                    texts.append(_read_text(work, tokens, rows[:, columns]))
            try:
                reader.witness(texts, plan.copies)
            except Exception as fault:  # noqa: BLE001 - a fault of a drafter must not end the requests beside
                sentence = f"Drafting tokens failed: {type(fault).__name__}: {fault}"
                faults.update(dict.fromkeys((text.request for text in texts), sentence))
        return faults

    def _is_told(self, work: Work, name: str) -> bool:
        named = work.request.params.drafters
        return not work.pools and name in (self._unasked if named is None else named)


def _read_text(work: Work, drawn: Sequence[Drawn], states: NDArray[np.float32]) -> ReadText:
    """What is right of a work's rows, with the token that follows."""
    count = len(work.tokens) - max(work.draws - 1, 0) + max(len(drawn) - 1, 0)
    tokens = work.tokens[:count]
    if drawn:
        tokens.append(drawn[-1].token)
    else:
        tokens.extend(work.history[work.start + count : work.start + count + 1])
    return ReadText(work.request.id, tokens, work.start, states[:count], work.history, work.tables, work.turned)
