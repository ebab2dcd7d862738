"""The arrays that the engine makes of its plans. Each row says at which length its rotation is evaluated; transformers,
which reads a whole prompt and then a token at a time, says which length that is."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from causerie.backends.ops import StepOutput
from causerie.backends.step import Step
from causerie.decoding.params import SamplingParams
from causerie.engine.engine import Engine
from causerie.models.registry import spec_from_config
from causerie.models.rope import RopeTable
from tests.engine.scripted import ScriptedModel
from tests.parity.cases import TINY

CONTEXT = 20  # the original one, which the sequences below pass
NEW = 12
DYNAMIC = TINY | {
    "model_type": "llama",
    "max_position_embeddings": CONTEXT,
    "rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0},
}


@dataclass
class Watched(ScriptedModel):
    """Keeps the steps that it is told to compute."""

    steps: list[Step] = field(default_factory=list)

    def run(self, step: Step) -> StepOutput:
        self.steps.append(step)
        return super().run(step)


def turned_by_transformers(prompt: int) -> list[NDArray[np.float32]]:
    """Cosines and sines [2, dims/2] of each position: the prompt's at once, then one after the other."""
    embedding = LlamaRotaryEmbedding(LlamaConfig(**DYNAMIC))
    rows: list[NDArray[np.float32]] = []
    for positions in [range(prompt), *([at] for at in range(prompt, prompt + NEW))]:
        cos, sin = embedding(torch.zeros(1), torch.tensor([list(positions)]))
        half = cos.shape[-1] // 2
        rows += [torch.stack(pair).numpy() for pair in zip(cos[0, :, :half], sin[0, :, :half], strict=True)]
    return rows


@pytest.mark.parametrize("prompt", [9, CONTEXT - 2, CONTEXT - 1, CONTEXT, CONTEXT + 1, CONTEXT + 5])
@pytest.mark.parametrize("at_once", [2, 7, 64])
def test_a_dynamic_rotation_changes_with_the_token_that_transformers_changes_it_with(prompt: int, at_once: int) -> None:
    model = Watched(blocks=100, shared_length=CONTEXT, max_tokens=at_once)
    engine = Engine(model, model.clock)
    for token in (3, 4):  # two prompts of one length share their steps
        engine.submit(engine.request([token] * prompt, SamplingParams(max_tokens=NEW)))
    while engine.busy:
        engine.step()
    table, theirs = RopeTable(spec_from_config(DYNAMIC).ropes), turned_by_transformers(prompt)
    read = [
        (position, row)
        for step in model.steps
        for position, row in zip(step.positions, table.rows(step.positions, step.rope_lengths)[0], strict=True)
    ]
    assert len(read) == 2 * (prompt + NEW - 1)
    for position, row in read:
        np.testing.assert_allclose(row, theirs[position], atol=2e-6, err_msg=f"position {position}")


@pytest.mark.parametrize("prompt", [4, CONTEXT - 1, CONTEXT, CONTEXT + 1])
def test_what_grows_beyond_the_length_that_turns_all_otherwise_is_read_again_once(prompt: int) -> None:
    """As a whole, with the first token beyond it; a prompt that is longer is read as it is."""
    model = Watched(blocks=100, shared_length=CONTEXT, switch_length=CONTEXT, max_tokens=64)
    engine = Engine(model, model.clock)
    engine.submit(engine.request([3] * prompt, SamplingParams(max_tokens=NEW + CONTEXT)))
    while engine.busy:
        engine.step()
    counts = [len(step.tokens) for step in model.steps]
    singles = [1] * (NEW + CONTEXT - 1)
    if prompt <= CONTEXT:
        singles[CONTEXT - prompt] = CONTEXT + 1
    assert counts == [prompt, *singles]
