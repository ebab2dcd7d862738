"""How much memory experts get that stay in their file, where a prepared model is larger than what is free.

Knows sizes; sizes are bytes.
"""

from __future__ import annotations

from causerie.errors import UsageError
from causerie.loading.load import Survey
from causerie.plan.footprint import cache_cost, cache_format, least_tokens

SPARE = 8  # one part in so many of what is free beside other weights stays for the cache and the system's own


def expert_memory(
    survey: Survey,
    free_bytes: int,
    block_size: int,
    *,
    asked: int | None = None,
    tokens: int | None = None,
    cache_dtype: str | None = None,
) -> int | None:
    """Bytes for experts of a prepared model that stay in their file; None where all can be in memory, or are not of a
    prepared model. `asked` is how many the user grants, `tokens` and `cache_dtype` say what cache is asked for. Raises
    UsageError where a number is asked for that means nothing here."""
    experts = survey.expert_bytes
    if asked is not None and (asked < 1 or not experts or survey.prepared_for is None):
        why = (
            "it must be a number of bytes"
            if asked < 1
            else "the model has no experts"
            if not experts
            else "only the experts of a prepared model can stay in their file (causerie prepare MODEL FOLDER)"
        )
        raise UsageError(f"expert_memory is {asked}: {why}. Leave it out.")
    if survey.prepared_for is None or not experts:
        return None
    if asked is not None:
        return asked
    cost = cache_cost(survey.spec, cache_dtype or cache_format(survey.plain))
    positions = tokens or least_tokens(survey.spec)
    spare = free_bytes - (survey.nbytes - experts) - cost.total(positions, block_size)
    return None if experts <= spare - spare // SPARE else max(0, spare - spare // SPARE)
