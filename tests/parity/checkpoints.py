"""A tiny checkpoint of each family: that of its first case, or the text model of a larger one. Knows no backend."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from causerie.models.config import read_config
from tests.parity.cases import CASES
from tests.parity.cases.pictures import MODELS
from tests.parity.harness import save_case
from tests.parity.wholes import FIRST_FILES, save_first_files, whole_of

CASE_OF = {case.family: case for case in reversed(CASES)}  # the first of each family
_TEXTS = {each.text.get("model_type", f"{each.name}_text"): each for each in MODELS}
WHOLE_OF = {family: each for family, each in _TEXTS.items() if family not in CASE_OF}
SECOND_NAMES = {"kimi_k2": "deepseek_v3", "mimo": "qwen2"}
"""Model types of the same model that transformers has no name for."""

GROUPS = {"intermediate_size": 128}  # so that widths are of whole groups
LATENTS = GROUPS | {"q_lora_rank": 64, "kv_lora_rank": 96, "qk_nope_head_dim": 32, "v_head_dim": 32}
OWN_GROUPS: dict[str, dict[str, int]] = {
    "opt": {"ffn_dim": 128},
    "falcon": {},
    "bloom": {},
    "deepseek_v2": LATENTS,
    "deepseek_v3": LATENTS,
    "glm4_moe_lite": LATENTS,
    "minicpm3": LATENTS,
    "youtu": LATENTS,
    "mimo_v2_flash": GROUPS | {"v_head_dim": 16},
    "mamba": {},
    "mamba2": {},
    "falcon_mamba": {},
    "granitemoehybrid": {"intermediate_size": 64},
    "nemotron_h": {"intermediate_size": 128, "moe_intermediate_size": 64},
    "falcon_h1": {"intermediate_size": 128, "mamba_d_ssm": 192},
    "gemma3n_text": GROUPS | {"head_dim": 16},
    "step3p5": GROUPS | {"head_dim": 32, "share_expert_dim": 64},
    "qwen3_5_text": GROUPS | {"linear_value_head_dim": 32},
    "qwen3_5_moe_text": {"linear_value_head_dim": 32},
    "qwen3_next": GROUPS | {"linear_value_head_dim": 32},
}  # where it has another name


@dataclass(frozen=True)
class Checkpoint:
    """A tiny model on disk."""

    folder: Path
    judged: Path  # the same weights in a layout and by a name that transformers reads


def known_families() -> list[str]:
    """Those that have a checkpoint here."""
    return sorted([*CASE_OF, *WHOLE_OF, *SECOND_NAMES, *FIRST_FILES])


def save_checkpoint(family: str, folder: Path, whole_groups: bool = False) -> Checkpoint:
    """Writes the checkpoint of a family into `folder`; where `whole_groups`, with widths that are of whole groups of
    a quantized format. Raises KeyError for a family without one: give it a case in tests/parity/cases."""
    if family in SECOND_NAMES:
        original = save_checkpoint(SECOND_NAMES[family], folder / "original", whole_groups).folder
        shutil.copytree(original, folder / "renamed")
        _set(folder / "renamed", model_type=family)
        return Checkpoint(folder / "renamed", original)
    if family in FIRST_FILES:
        whole = save_checkpoint(f"{family}_text", folder / "whole", whole_groups).folder
        return Checkpoint(save_first_files(whole, folder / "first"), whole)
    changes: dict[str, Any] = OWN_GROUPS.get(family, GROUPS) if whole_groups else {}
    if family in WHOLE_OF:
        pictures = WHOLE_OF[family]
        whole_of(replace(pictures, text=pictures.text | changes)).save_pretrained(folder)
    else:
        case = CASE_OF[family]
        save_case(replace(case, changes=case.changes | changes), folder)
    return Checkpoint(folder, folder)


def _set(folder: Path, **values: Any) -> None:
    (folder / "config.json").write_text(json.dumps(read_config(folder) | values))
