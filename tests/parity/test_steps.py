"""What a Step promises: sequences never touch, shared and copied blocks serve like own ones, rows are as asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from causerie.backends.ops import Backend
from causerie.errors import EngineError
from tests.parity.cases import PROMPT
from tests.parity.harness import Bench, load, prompt_logits, reference, reference_logits, some_tokens

FolderOf = Callable[[str], Path]
NAMES = ["llama, own head_dim", "gemma3", "lfm2", "mistral", "mixtral, window", "qwen3, upper layers slide"]
NAMES += ["cohere2", "gpt2", "qwen3.5", "qwen3-next"]


@pytest.mark.parametrize("name", NAMES)
def test_mixed_steps_equal_single_ones(name: str, backend: Backend, folder_of: FolderOf) -> None:
    # One sequence is decoded while another reads its prompt and a third starts later.
    model = load(folder_of(name), backend)
    prompts = [some_tokens(length, length) for length in (PROMPT, 30, 12)]
    expected = [prompt_logits(model, [prompt])[0] for prompt in prompts]
    bench = Bench(model, seed=1)
    a, b, c = (bench.take(prompt) for prompt in prompts)
    found: dict[int, list[np.ndarray]] = {id(a): [], id(b): [], id(c): []}
    for work in ([(a, 40)], [(b, 7), (a, 1)], [(a, 1), (c, 12), (b, 22)], [(b, 1), (a, 2)]):
        for (sequence, _), logits in zip(work, bench.run(work), strict=True):
            found[id(sequence)].append(logits)
    for sequence, logits in zip((a, b, c), expected, strict=True):
        np.testing.assert_allclose(np.concatenate(found[id(sequence)]), logits, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_shared_and_copied_blocks(name: str, backend: Backend, folder_of: FolderOf) -> None:
    # Two prompts alike up to `same`: the second uses the first's full blocks and a copy of the block they part in.
    model = load(folder_of(name), backend)
    size = model.cache.block_size
    same = size + size // 2
    first = some_tokens(2 * size + 3, 1)
    second = first[:same] + some_tokens(size, 2)
    expected = prompt_logits(model, [[*first, 3], second])
    bench = Bench(model, seed=2)
    one, two = bench.take(first), bench.take(second)
    bench.run([(one, len(first))])
    spare = bench.take(second)
    bench.run([(spare, same)])  # only to take blocks, whose contents a copy must then replace
    two.tables = [[its[0], own[1]] for its, own in zip(one.tables, spare.tables, strict=True)]
    two.done, two.slots, two.steps = same, spare.slots, spare.steps
    bench.copies = [[(its[1], own[1])] for its, own in zip(one.tables, spare.tables, strict=True)]
    np.testing.assert_allclose(bench.run([(two, len(second) - same)])[0], expected[1][same:], atol=1e-4)
    one.tokens.append(3)
    np.testing.assert_allclose(bench.run([(one, 1)])[0], expected[0][-1:], atol=1e-4)


def test_rows_that_are_asked_for(backend: Backend, folder_of: FolderOf) -> None:
    model = load(folder_of("qwen2"), backend)
    bench = Bench(model)
    a, b = bench.take(some_tokens(9, 1)), bench.take(some_tokens(5, 2))
    step, _ = bench._step([(a, 9), (b, 5)], "all")
    logits = model.run(step).logits
    for rows in ([], [0], [3, 8, 13]):
        wanted = np.array(rows, np.int32)
        part = model.run(type(step)(**(vars(step) | {"rows": wanted}))).logits
        assert part.shape == (len(rows), model.vocab)
        np.testing.assert_allclose(part, logits[rows], atol=1e-4)
    part[:] = 0  # the array is ours: the next run must not see it
    np.testing.assert_allclose(model.run(step).logits, logits, atol=1e-4)


@pytest.mark.parametrize("name", ["qwen2", "phi", "gpt_neox"])
def test_one_step_gives_logits_of_some_rows_and_hidden_states_of_others(
    name: str, backend: Backend, folder_of: FolderOf
) -> None:
    """As transformers has them. A row may want both, one or neither."""
    folder = folder_of(name)
    judge, bench = reference(folder), Bench(load(folder, backend))
    prompts = some_tokens(9, 1), some_tokens(5, 2)
    step, _ = bench._step([(bench.take(prompt), len(prompt)) for prompt in prompts], "all")
    with torch.no_grad():
        given = [judge(torch.tensor([prompt]), output_hidden_states=True) for prompt in prompts]
    logits = np.concatenate([each.logits[0].numpy() for each in given])
    states = np.concatenate([each.hidden_states[-1][0].numpy() for each in given])
    for rows, state_rows in (([8, 13], [0, 8, 10]), ([], [9, 10, 11, 12, 13]), ([0], []), ([], [])):
        wanted = {"rows": np.array(rows, np.int32), "state_rows": np.array(state_rows, np.int32)}
        output = bench.model.run(replace(step, **wanted))
        np.testing.assert_allclose(output.logits, logits[rows], atol=1e-4)
        np.testing.assert_allclose(output.states, states[state_rows], atol=1e-4)
        assert (output.logits.dtype, output.states.dtype) == (np.float32, np.float32)


def test_learned_positions_end(backend: Backend, folder_of: FolderOf) -> None:
    folder = folder_of("gpt2, scores by layer, untied, own width")
    model, prompt = load(folder, backend), some_tokens(71, 8)
    whole = prompt_logits(model, [prompt[:70]])[0]
    np.testing.assert_allclose(whole, reference_logits(reference(folder), prompt[:70]), atol=1e-4)
    with pytest.raises(EngineError, match="at position 70; the model has learned 70 positions"):
        prompt_logits(model, [prompt])
