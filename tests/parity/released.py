"""One released model of each family whose config the tests have: its name, and what its config says. Data only."""

from __future__ import annotations

from typing import Any

from causerie.loading.packed.method import without_method
from causerie.models.registry import text_values
from tests.parity.published import FILES, PUBLISHED, WHOLES
from tests.parity.published_delta import PUBLISHED_DELTA
from tests.parity.published_latent import KIMI_K2
from tests.parity.published_mamba import PUBLISHED_MAMBA
from tests.parity.published_more import LFM2_8B_A1B, SIZES
from tests.parity.published_step import STEP_3_7_FLASH

_ALL: dict[str, dict[str, Any]] = {
    **PUBLISHED,
    "dbrx-instruct": FILES["dbrx-instruct"],
    **FILES,
    **WHOLES,
    **PUBLISHED_DELTA,
    **PUBLISHED_MAMBA,
    **SIZES,
    "LFM2-8B-A1B": LFM2_8B_A1B,
    "Kimi-K2-Instruct": KIMI_K2,
    "Step-3.7-Flash": STEP_3_7_FLASH,
}
RELEASED = {
    text_values(values)["model_type"]: (name, without_method(values)) for name, values in reversed(_ALL.items())
}
"""By family; the first of each that is listed, without how its weights are packed."""
