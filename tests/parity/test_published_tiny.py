"""A published config, made tiny, gives the logits that transformers gives with it: every key that is in the file, and
every one that it leaves out."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

from causerie.backends.native.backend import NativeBackend
from causerie.loading.packed import without_method
from tests.parity.cases import PROMPT
from tests.parity.harness import draw_weights, load, prompt_logits, reference_logits, some_tokens
from tests.parity.published import FILES, WHOLES
from tests.parity.published_tiny import VOCAB, tiny
from tests.parity.test_published import UNTIED

ALL = FILES | WHOLES
EAGER = {"attn_implementation": "eager", "experts_implementation": "eager", "dtype": torch.float32}


@pytest.mark.parametrize(("name", "values"), ALL.items(), ids=ALL)
def test_a_published_config_made_tiny_gives_transformers_logits(
    name: str, values: dict[str, Any], tmp_path: Path
) -> None:
    small = tiny(without_method(json.loads(json.dumps(values))))
    kind = AutoModelForImageTextToText if name in WHOLES else AutoModelForCausalLM
    said = small | ({"tie_word_embeddings": False} if name in UNTIED else {})
    torch.manual_seed(7)
    model = kind.from_config(AutoConfig.for_model(**json.loads(json.dumps(said))), **EAGER).eval()
    draw_weights(model)
    model.save_pretrained(tmp_path)
    prompt = some_tokens(PROMPT, 3, VOCAB)
    expected = reference_logits(model, prompt)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*left out", category=UserWarning)  # weights that see or hear
        ours = load(tmp_path, NativeBackend(1), dtype="float32", config=small)
    largest = float(np.abs(expected).max())
    np.testing.assert_allclose(prompt_logits(ours, [prompt])[0], expected, rtol=0, atol=1e-4 * largest)
    assert largest > 0.1
    ours.close()
