"""What holds for each family, on the first of its tiny models: prompts together are as alone and in chunks as whole, by
`==` on the native backend; a padded batch is that of transformers; fewer bits are near; saved, it is the same model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from causerie import AutoModelForCausalLM
from causerie.backends.native.backend import NativeBackend
from causerie.backends.ops import Backend
from tests.parity.cases import CASES, PROMPT, Case
from tests.parity.harness import greedy, load, prompt_logits, reference, some_tokens

FolderOf = Callable[[Case | str], Path]
FIRST = list({case.family: case for case in reversed(CASES)}.values())[::-1]
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
    "mamba": {},
    "mamba2": {},
    "granitemoehybrid": {"intermediate_size": 64},
    "nemotron_h": {"intermediate_size": 128, "moe_intermediate_size": 64},
    "falcon_h1": {"intermediate_size": 128, "mamba_d_ssm": 192},
    "qwen3_5_text": GROUPS | {"linear_value_head_dim": 32},
    "qwen3_5_moe_text": {"linear_value_head_dim": 32},
    "qwen3_next": GROUPS | {"linear_value_head_dim": 32},
}  # where it has another name
PROMPTS = [some_tokens(length, length) for length in (PROMPT, 3, 17, 1)]


@pytest.fixture(params=FIRST, ids=lambda case: case.family)
def folder(request: pytest.FixtureRequest, folder_of: FolderOf) -> Path:
    """A checkpoint of each family in turn."""
    return folder_of(request.param)


def test_rows_are_the_same_however_they_are_run(folder: Path) -> None:
    for dtype in ("float32", "bfloat16"):
        alone = load(folder, NativeBackend(1), dtype=dtype)
        others = load(folder, NativeBackend(2), dtype=dtype)
        expected = [prompt_logits(alone, [prompt])[0] for prompt in PROMPTS]
        for chunk in (None, 5):
            for logits, whole in zip(prompt_logits(others, PROMPTS, chunk), expected, strict=True):
                np.testing.assert_array_equal(logits, whole)
        alone.close()
        others.close()


def test_a_padded_batch(folder: Path, backend: Backend) -> None:
    ids = torch.tensor([[0] * (PROMPT - len(prompt)) + prompt for prompt in PROMPTS])
    mask = torch.tensor([[0] * (PROMPT - len(prompt)) + [1] * len(prompt) for prompt in PROMPTS])
    judge = reference(folder)
    with torch.inference_mode():
        padded = judge(ids, attention_mask=mask, position_ids=(mask.cumsum(-1) - 1).clamp(min=0)).logits.numpy()
        answers = judge.generate(ids, attention_mask=mask, max_new_tokens=6, do_sample=False)[:, PROMPT:].tolist()
    model = load(folder, backend)
    for logits, expected in zip(prompt_logits(model, PROMPTS), padded, strict=True):
        np.testing.assert_allclose(logits, expected[PROMPT - len(logits) :], atol=1e-4)
    assert greedy(model, PROMPTS, 6) == answers
    model.close()


def _logits(folder: Path, backend: str, **options: Any) -> NDArray[Any]:
    model = AutoModelForCausalLM.from_pretrained(folder, backend=backend, **options)
    logits = np.asarray(model([PROMPTS[0]]).logits)
    model.close()
    return logits


def _distance(some: NDArray[Any], others: NDArray[Any]) -> float:
    """Of rows the median: one whose scores are near a tie may go to another expert."""
    return float(np.median(np.sqrt(np.square(some - others).mean(-1))))


@pytest.mark.parametrize(("format", "most"), [("int8", 0.2), ("int4", 0.9)])
@pytest.mark.parametrize("case", FIRST, ids=lambda case: case.family)
def test_fewer_bits_are_near_and_the_same_when_saved(
    case: Case, format: str, most: float, folder_of: FolderOf, tmp_path: Path
) -> None:
    folder = folder_of(
        replace(case, name=f"{case.name}, whole groups", changes=case.changes | OWN_GROUPS.get(case.family, GROUPS))
    )
    plain = _logits(folder, "native")
    model = AutoModelForCausalLM.from_pretrained(folder, backend="native", quantization=format)
    few = np.asarray(model([PROMPTS[0]]).logits)
    model.save_pretrained(tmp_path / "saved")
    model.close()
    assert 1e-4 * plain.std() < _distance(few, plain) < most * plain.std()
    np.testing.assert_array_equal(_logits(tmp_path / "saved", "native"), few)
    other = _logits(tmp_path / "saved", "torch")
    assert _distance(few, other) < 0.12 * plain.std()  # native rounds activations too


def test_a_saved_model_and_a_prepared_one_are_the_same(folder: Path, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(folder, backend="native")
    expected = np.asarray(model([PROMPTS[0]]).logits)
    model.save_pretrained(tmp_path / "saved")
    model.save_pretrained(tmp_path / "prepared", prepared=True)
    model.close()
    for name in ("saved", "prepared"):
        np.testing.assert_array_equal(_logits(tmp_path / name, "native"), expected)
