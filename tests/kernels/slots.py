"""What is asked of every kernel that keeps a slot of a sequence between steps. Knows no kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from causerie.models.model import Model
from tests.kernels.decoders import Array, prompt_logits, some_tokens, step_on

VOCAB = 203


def check_several_go_on(make: Callable[[], Model], prompt: Sequence[int], alone: Array) -> Model:
    """Two continuations of `prompt`, whose logits are `alone`, read one slot in one step; then one goes on into another
    slot, and into its own. Gives the model back, whose slots 8 and 5 remember 32 tokens."""
    model = make()
    other = [*prompt[:20], *some_tokens(9, VOCAB, seed=3)]
    model.run(step_on(model, [(prompt[:20], 0, [0])], slots=[(-1, 5)]))
    (expected,) = prompt_logits(make(), [other])
    work = [(prompt[20:22], 20, [1]), (other[20:], 20, [2])]
    output = model.run(step_on(model, work, copies=[(0, 1), (0, 2)], slots=[(5, 2), (5, 7)])).logits
    np.testing.assert_array_equal(output, np.concatenate([alone[20:22], expected[20:]]))
    for slot in (8, 5):  # into another, then into itself
        rest = step_on(model, [(prompt[20:32], 20, [3])], copies=[(0, 3)], slots=[(5, slot)])
        np.testing.assert_array_equal(model.run(rest).logits, alone[20:32])
    return model


def check_token_by_token(model: Model, prompt: Sequence[int], alone: Array) -> None:
    """Single tokens behind the 32 that slot 8 remembers: into another slot, and then within it."""
    for slots, at in (((8, 6), 32), ((6, 6), 33), ((6, 6), 34)):
        rest = step_on(model, [(prompt[at : at + 1], at, [3, 4])], slots=[slots])
        np.testing.assert_array_equal(model.run(rest).logits[0], alone[at])
