"""The config of a released model, made tiny, gives the logits that transformers gives with it: every key that is in the
file counts, and every one that it leaves out."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from causerie.backends.native.backend import NativeBackend
from causerie.loading.packed.method import without_method
from tests.parity.cases import PROMPT
from tests.parity.harness import draw_weights, load, prompt_logits, reference_logits, some_tokens
from tests.parity.published import FILES, PUBLISHED, WHOLES
from tests.parity.published_delta import PUBLISHED_DELTA
from tests.parity.published_more import LFM2_8B_A1B
from tests.parity.published_tiny import VOCAB, tiny
from tests.parity.test_published import STRANGE, whole_model

BOUND = ("helium-1-2b", "MiniMax-M2, not in 8 bits", "MiniCPM3-4B", "MiMo-V2-Flash", "Youtu-LLM-2B")
"""Of which some sizes follow from others by rules of their own; their families have tiny cases."""
BUILT = PUBLISHED | PUBLISHED_DELTA | {"LFM2-8B-A1B": LFM2_8B_A1B}
ALL = FILES | WHOLES | {name: values for name, values in BUILT.items() if name not in BOUND}
DBRX_ROPE = {"rope_parameters": {"rope_type": "default", "rope_theta": 5e5}}
TO_TRANSFORMERS: dict[str, dict[str, Any]] = {
    "Mistral-Small-3.1-24B-Instruct-2503": {"tie_word_embeddings": False},
    "dbrx-instruct": DBRX_ROPE,
    "dbrx-instruct-4bit": DBRX_ROPE,
}
"""What transformers 5 has to be told beside some files: that a head is not the table of tokens, and that heads turn as
a part of the config says. Older ones, for which the files were written, do so."""
NOISE = {"gemma-3n-E2B-it": 5e-4, "gemma-3n-E4B-it": 5e-4}
"""How far float32 takes logits, as a part of the largest, where streams grow from layer to layer."""
EAGER = {"attn_implementation": "eager", "experts_implementation": "eager", "dtype": torch.float32}


@pytest.mark.parametrize(("name", "values"), ALL.items(), ids=ALL)
def test_a_published_config_made_tiny_gives_transformers_logits(
    name: str, values: dict[str, Any], tmp_path: Path
) -> None:
    small = tiny(without_method(json.loads(json.dumps(values))))
    said = json.loads(json.dumps(small | TO_TRANSFORMERS.get(name, {})))
    if "moe_normalize_expert_weights" in said.get("ffn_config", {}):
        said["ffn_config"]["moe_normalize_expert_weights"] = 1.0  # where the file has 1, which transformers 5 refuses
    torch.manual_seed(7)
    if "vision_config" in values:
        model = whole_model(said, **EAGER).eval()
    else:
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**said), **EAGER).eval()
    draw_weights(model)
    model.save_pretrained(tmp_path)
    prompt = some_tokens(PROMPT, 3, VOCAB)
    expected = reference_logits(model, prompt)
    with warnings.catch_warnings():
        for silent in ("left out", STRANGE.get(name, "left out")):  # the first of weights that see or hear
            warnings.filterwarnings("ignore", message=f".*{silent}", category=UserWarning)
        ours = load(tmp_path, NativeBackend(1), dtype="float32", config=small)
    largest = float(np.abs(expected).max())
    np.testing.assert_allclose(prompt_logits(ours, [prompt])[0], expected, rtol=0, atol=NOISE.get(name, 1e-4) * largest)
    assert largest > 0.1
    ours.close()
