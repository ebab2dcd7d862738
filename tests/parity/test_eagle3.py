"""An EAGLE3 head beside a model, on each backend, against the reference: what it reads of a prompt in one piece, in
pieces and beside others, and what it makes of its own rows. transformers says what the model's layers made of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import LlamaConfig, LlamaForCausalLM

from causerie.backends.ops import Backend
from causerie.backends.step import BlockTables, Step
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.engine.assistant.draft_model import cache_for
from causerie.loading.eagle3 import Head, load_head, survey_head
from causerie.models.config import read_config
from causerie.models.model import Model
from tests.parity.cases import TINY
from tests.parity.eagle3 import LAYER, HeadCase, Reference
from tests.parity.harness import load, some_tokens

WIDTH = 64
CASES = [
    HeadCase("plain", WIDTH),
    HeadCase("speculators", WIDTH, speculators=True),
    HeadCase("residual", WIDTH, own={"norm_before_residual": True}),
    HeadCase("normed", WIDTH, own={"norm_before_fc": True, "eagle_aux_hidden_state_layer_ids": [1, 3, 7]}),
    HeadCase("biases", WIDTH, layer={"attention_bias": True}),
    HeadCase("norms of heads", WIDTH, layer={"model_type": "qwen3"}),
    HeadCase("two layers", WIDTH, layer={"num_hidden_layers": 2}),
    HeadCase("embedding of the model", WIDTH, layer={"hidden_size": WIDTH, "head_dim": 16}, embeds=False),
    HeadCase("all tokens", WIDTH, guessed=LAYER["vocab_size"]),
]


@dataclass
class Pair:
    """A head beside a model, and the references of both."""

    model: Model
    head: Head
    reference: Reference
    states: Any  # of tokens: what the head's layers are given, side by side


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def pair(request: pytest.FixtureRequest, backend: Backend, tmp_path: Path) -> Pair:
    return made(request.param, backend, tmp_path)


def made(case: HeadCase, backend: Backend, folder: Path) -> Pair:
    torch.manual_seed(1)
    target = LlamaForCausalLM(LlamaConfig(**{**TINY, "num_hidden_layers": 9})).eval()
    target.save_pretrained(folder / "target")
    case.save(folder / "head")
    model = load(folder / "target", backend)
    with SafetensorsIndex.open(folder / "head") as index:
        found = survey_head(index, read_config(folder / "head"), model.spec, "float32")
        cache = cache_for(model.cache, found.spec, "float32")
        head = load_head(found, index, backend=backend, target=model, cache=cache, max_tokens=64)
    model.tap(head.taps)

    def states(tokens: list[int]) -> torch.Tensor:
        with torch.no_grad():
            layers = target(torch.tensor([tokens]), output_hidden_states=True).hidden_states
        return torch.cat([layers[tap][0] for tap in head.taps], dim=-1)

    return Pair(model, head, Reference(folder / "head", target.get_input_embeddings().weight.data), states)


def _step(work: list[tuple[list[int], int, list[int]]]) -> Step:
    """Tokens of each sequence, the position of the first of them, its blocks."""
    tokens = [token for some, _, _ in work for token in some]
    positions = np.array([at for some, first, _ in work for at in range(first, first + len(some))], np.int32)
    starts = np.array(list(accumulate((len(some) for some, _, _ in work), initial=0)), np.int32)
    blocks = [block for *_, table in work for block in table]
    table_starts = np.array(list(accumulate((len(table) for *_, table in work), initial=0)), np.int32)
    tables = BlockTables(np.array(blocks, np.int32), table_starts, np.zeros((0, 2), np.int32))
    slots, rows = np.zeros((0, 2), np.int32), np.zeros(0, np.int32)
    return Step(np.array(tokens, np.int32), positions, starts, (tables,), slots, rows, positions + np.int32(1))


def tapped(pair: Pair, tokens: list[int], start: int, table: list[int]) -> NDArray[np.float32]:
    """What the model's layers make of tokens from position `start` on, as the head reads it."""
    output = pair.model.run(replace(_step([(tokens, start, table)]), tapped=True))
    assert output.taps is not None
    places = [pair.model.taps.index(tap) for tap in pair.head.taps]
    return output.taps[:, places].reshape(len(tokens), -1)


def run(model: Model, given: NDArray[np.float32], work: list[tuple[list[int], int, list[int]]]) -> Any:
    """A step that comes with rows, of which logits and states are wanted of all."""
    step = _step(work)
    rows = np.arange(len(step.tokens), dtype=np.int32)
    return model.run(replace(step, rows=rows, state_rows=rows, features=given))


@torch.no_grad()
def test_a_head_computes_what_the_reference_does(pair: Pair) -> None:
    tokens, table = some_tokens(41), [3, 1, 2]
    states = tapped(pair, tokens[:-1], 0, table)
    np.testing.assert_allclose(states, pair.states(tokens[:-1]).numpy(), atol=1e-4)
    given = pair.reference.fused(torch.from_numpy(states))
    logits, rows = pair.reference.forward(given, tokens[1:])
    whole = run(pair.head.reading, states[:30], [(tokens[1:31], 0, table)])
    rest = run(pair.head.reading, states[30:], [(tokens[31:], 30, table)])
    for ours, theirs in ((whole.logits, logits[:30]), (rest.logits, logits[30:]), (rest.states, rows[30:])):
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-4)
    ours = rest.states[-1:]
    for _ in range(3):
        token = int(pair.head.tokens[logits[-1].argmax()])
        tokens.append(token)
        given = torch.cat((given, rows[-1:]))
        logits, rows = pair.reference.forward(given, tokens[1:])
        guess = run(pair.head.guessing, ours, [([token], len(tokens) - 2, table)])
        np.testing.assert_allclose(guess.logits[0], logits[-1].numpy(), atol=1e-4)
        ours = guess.states


@torch.no_grad()
def test_sequences_do_not_influence_each_other(pair: Pair) -> None:
    texts = [some_tokens(20, 5), some_tokens(9, 6)]
    given = [tapped(pair, text[:-1], 0, [place]) for place, text in enumerate(texts)]
    work = [(text[1:], 0, [place]) for place, text in enumerate(texts)]
    both = run(pair.head.reading, np.concatenate(given), work)
    expected = [
        pair.reference.forward(pair.reference.fused(torch.from_numpy(states)), text[1:])[0]
        for states, text in zip(given, texts, strict=True)
    ]
    np.testing.assert_allclose(both.logits, torch.cat(expected).numpy(), atol=1e-4)
