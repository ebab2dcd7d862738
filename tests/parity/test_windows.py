"""Which layers of a Qwen or a Gemma slide where a config has no `layer_types`, as older files have it: those that
transformers, which writes the list into every config that it saves, derives from the same numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig

from causerie.models.registry import spec_from_config
from tests.parity.cases import TINY

LAYERS = 4


def windows(values: dict[str, Any]) -> list[int | None]:
    """The window of each layer of our description."""
    return [layer.mixer.window for layer in spec_from_config(values).layers]


@pytest.mark.parametrize("family", ["qwen2", "qwen3"])
@pytest.mark.parametrize("use", [True, False, None])
@pytest.mark.parametrize("first", [None, 0, 1, 2, LAYERS - 1, LAYERS, LAYERS + 1])
def test_the_first_layer_that_slides_without_layer_types(
    family: str, use: bool | None, first: int | None, tmp_path: Path
) -> None:
    given = {"use_sliding_window": use, "max_window_layers": first, "sliding_window": 6}
    numbers = {key: value for key, value in given.items() if value is not None}
    theirs = AutoConfig.for_model(family, **TINY | {"num_hidden_layers": LAYERS, "head_dim": 16} | numbers)
    theirs.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text())
    expected = [6 if kind == "sliding_attention" else None for kind in saved["layer_types"]]
    assert windows(saved) == expected
    older = {key: value for key, value in saved.items() if key not in {"layer_types", *(given.keys() - numbers.keys())}}
    # What transformers saves where windows are not used; files of Qwen2.5 have the number.
    for sliding in (saved["sliding_window"], 6):
        assert windows(older | {"sliding_window": sliding} if sliding else older) == expected


@pytest.mark.parametrize("family", ["qwen2", "qwen3"])
def test_a_window_that_is_not_named_has_4096_tokens(family: str) -> None:
    values = TINY | {"model_type": family, "use_sliding_window": True, "max_window_layers": 2, "head_dim": 16}
    theirs = AutoConfig.for_model(**values)
    expected = [theirs.sliding_window if kind == "sliding_attention" else None for kind in theirs.layer_types]
    assert windows(values) == expected == [None, None, 4096]


@pytest.mark.parametrize("pattern", [None, 1, 2, 3, 6])
@pytest.mark.parametrize("spelling", ["sliding_window_pattern", "_sliding_window_pattern"])
def test_the_layers_of_gemma_that_slide_without_layer_types(pattern: int | None, spelling: str, tmp_path: Path) -> None:
    # Files of 2025 have the number by its first name, those that transformers 5 saves by the second.
    numbers = TINY | {"num_hidden_layers": 7, "head_dim": 16, "sliding_window": 6}
    given = {} if pattern is None else {"sliding_window_pattern": pattern}
    theirs = AutoConfig.for_model("gemma3_text", **numbers, **given)
    theirs.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text())
    expected = [6 if kind == "sliding_attention" else None for kind in theirs.layer_types]
    assert windows(saved) == expected
    left_out = {"layer_types", "sliding_window_pattern", "_sliding_window_pattern"}
    older = {key: value for key, value in saved.items() if key not in left_out}
    assert windows(older | ({} if pattern is None else {spelling: pattern})) == expected
