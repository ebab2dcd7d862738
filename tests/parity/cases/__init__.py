"""Tiny models, one for each feature that a family has, with numbers chosen so that the feature bites. Data only.

Windows are shorter than prompts, contexts shorter than what is read, groups of heads uneven. A new family adds its
cases to the list that is nearest, and nothing else.
"""

from __future__ import annotations

from tests.parity.cases import dense, experts, gemma, hybrids, kin, latent, layer_norms, mamba
from tests.parity.cases.case import PROMPT, TINY, Case

CASES = [
    *dense.CASES,
    *gemma.CASES,
    *layer_norms.CASES,
    *experts.CASES,
    *hybrids.CASES,
    *kin.CASES_KIN,
    *(Case(name, family, changes) for name, family, changes in latent.CASES_LATENT),
    *(Case(name, family, changes, lacks) for name, family, changes, lacks in mamba.CASES_MAMBA),
]

__all__ = ["CASES", "PROMPT", "TINY", "Case"]
