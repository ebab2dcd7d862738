"""The cache on the disk, on the native backend: after a restart tokens and logits are `==` those of a program that
never ended, for each kind of layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from causerie.backends.ops import CacheMemory
from causerie.cache.disk.folder import PieceFolder
from causerie.decoding.drafting.lookup import PromptLookup
from causerie.engine.engine import Engine
from causerie.models.model import Model
from causerie.spec.mamba2 import Mamba2

pytest.importorskip("causerie.backends.native.backend", reason="this tree has no native backend")

from tests.engine.test_exact_native import answers, same
from tests.kernels.decoders import Shape, build, random_weights

CASES = {
    "bfloat16, kept in int8": ("bfloat16", Shape(qk_norm=True), "int8"),
    "windows": ("bfloat16", Shape(windows=(None, 40, 17), layers=3), "bfloat16"),
    "convolutions": ("float32", Shape(taps=3, layers=4, windows=(None, None, None, 33)), "float32"),
    "Mamba-2": ("bfloat16", Shape(recurrence=Mamba2(6, 16, 20, 2, 4), layers=3), "float32"),
}


@pytest.fixture(scope="module", params=CASES)
def model(request: pytest.FixtureRequest) -> Iterator[Model]:
    format, shape, cache = CASES[request.param]
    spec = replace(shape.decoder(), context=4096)
    made = build(spec, random_weights(spec, format), cache=cache)
    yield made
    made.close()


def forget(model: Model) -> CacheMemory:
    """The model's cache, as little like what it was as after a restart."""
    memory, _ = model.kept_cache()
    for g, group in enumerate(model.cache.groups):
        for number in range(group.blocks):
            memory.block(g, number)[:] = 255
    for number in range(model.cache.slots):
        memory.slot_bytes(number)[:] = 255
    return memory


def test_answers_after_a_restart_are_those_without_one(model: Model, tmp_path: Path) -> None:
    draw, notes = np.random.default_rng(3), list[str]()
    first = draw.integers(0, model.vocab, 600).tolist()

    def engine() -> Engine:
        return Engine(
            model, drafters=(PromptLookup(),), disk=(forget(model), PieceFolder(tmp_path, "m", 1 << 30, notes.append))
        )

    before = engine()
    (said,) = answers(before, [first], 0.9)
    before.close()
    whole = first + [event.token for event in said if event.token is not None]
    prompts = [[*whole, *first[:9]], [*first[:540], 3, 1, 2], whole[:300]]
    after = engine()
    found = [answers(after, [prompt], 0.9)[0] for prompt in prompts]
    same(found, [answers(Engine(model), [prompt], 0.9)[0] for prompt in prompts])
    disk = after.stats().disk
    assert disk is not None and disk.recalled_tokens > 500 and not notes
    after.close()
