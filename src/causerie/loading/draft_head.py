"""Whether a checkpoint holds the draft head that its family may have, all of it. One that is broken is no reason not to
load the model: it is left out, with a warning.

Reads no data.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from causerie.checkpoint.index import TensorIndex
from causerie.errors import DraftWarning, Unsupported, WeightFileError
from causerie.loading.find import locate
from causerie.models.names import Names
from causerie.spec.decoder import Decoder


def with_draft_head(
    spec: Decoder, names: Names, index: TensorIndex, config: Mapping[str, Any]
) -> tuple[Decoder, Names]:
    """The spec with its draft head, and the names with those that the files have of its weights; without it where they
    have none, or not all of it."""
    made = whole_head(spec, names, index, config)
    if not isinstance(made, str):
        return made
    if made:
        warnings.warn(
            f"The head that this checkpoint ships to guess tokens with is not whole, and the model loads without it: "
            f"{made} Answers are the same. Download it again, or load with speculation='lookup'.",
            DraftWarning,
            stacklevel=5,
        )
    return replace(spec, draft_head=None), names


def whole_head(
    spec: Decoder, names: Names, index: TensorIndex, config: Mapping[str, Any]
) -> tuple[Decoder, Names] | str:
    """The spec with as many draft heads as the files have, and the names with theirs; where they have not all of one,
    a sentence that says what is wrong, and where they have nothing of one, no words."""
    fault = ""
    most = 0 if spec.draft_head is None else spec.draft_head.count
    for count in range(most, 0, -1):  # where a family has several, files may hold fewer
        assert spec.draft_head is not None
        some = replace(spec, draft_head=replace(spec.draft_head, count=count))
        weights, fault = list(some.draft_weights()), ""
        for arrangement in names.arrangements:
            try:
                sources, missing = locate(weights, arrangement, index, config)
            except (WeightFileError, Unsupported) as error:
                fault = str(error)
                continue
            if sources and not missing:
                own = {weight.name: arrangement.expression(weight.name) for weight in weights}
                return some, Names({**names.table, **own}, names.others)
            if sources and not fault:
                more = f" and {len(missing) - 1} more of it." if missing[1:] else "."
                fault = f"The files lack {missing[0]!r}{more}"
    return fault
