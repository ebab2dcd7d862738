"""The score of each token of answers, read out of what generate() kept of every step. Knows no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from causerie.api.generation.outputs import log_softmax
from causerie.api.generation.prompt_rows import Container
from causerie.api.tensors import to_numpy
from causerie.errors import UsageError


def transition_scores(sequences: Any, scores: Sequence[Any], normalize_logits: bool) -> Any:
    """Scores [rows, new tokens] of the last tokens of `sequences` in `scores`, one [rows, vocabulary] for each new
    token; as log-probabilities with `normalize_logits`. Raises UsageError where they do not belong together."""
    ids = to_numpy(sequences)
    rows = [to_numpy(step) for step in scores]
    if not rows or ids.ndim != 2 or ids.shape[1] < len(rows) or any(len(step) != len(ids) for step in rows):
        raise UsageError(
            f"sequences have the shape {list(ids.shape)}, and there are scores of {len(rows)} steps, of "
            f"{sorted({len(step) for step in rows})} rows each. Pass both as generate() returned them, of a call with "
            "output_scores=True and without num_beams."
        )
    tokens = ids[:, -len(rows) :]
    steps = [log_softmax(step) if normalize_logits else step for step in rows]
    picked = [np.take_along_axis(step, tokens[:, [i]], axis=1) for i, step in enumerate(steps)]
    return Container.of(sequences).array(np.concatenate(picked, axis=1))
