"""bfloat16 held in 12 bits: `==` to 16 bits, for one token and many, on every instruction set, whatever the weights."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from causerie.backends.native import arena
from causerie.backends.native import backend as native
from causerie.backends.native.abi import Layout
from causerie.backends.native.backend import NativeBackend
from causerie.errors import OutOfMemory, UnknownName, UsageError
from causerie.spec.decoder import Decoder
from causerie.spec.ops import Ops, Weights
from tests.kernels.decoders import (
    RUNNABLE,
    Array,
    Shape,
    build,
    from_bf16,
    logits_only,
    prompt_logits,
    random_weights,
    some_tokens,
    to_bf16,
)


def plain(spec: Decoder, stored: dict[str, Array], prompts: list[list[int]]) -> list[Array]:
    return prompt_logits(build(spec, stored, packing="none"), prompts)


def wild(stored: dict[str, Array], share: float) -> dict[str, Array]:
    """The same with weights of any exponent strewn in: zeros, subnormals, tiny and large ones."""
    draw = np.random.default_rng(5)
    for name, array in stored.items():
        if array.ndim == 2:
            some = draw.random(array.shape) < share
            values = draw.normal(0, 1, array.shape) * 2.0 ** draw.integers(-140, 3, array.shape)
            array[some] = to_bf16(values.astype(np.float32))[some]
            array[draw.random(array.shape) < share] = 0x8000
            stored[name] = array
    return stored


@pytest.mark.parametrize("instruction_set", RUNNABLE)
@pytest.mark.parametrize("share", [0.0, 0.002, 0.3])
@pytest.mark.parametrize("shape", [Shape(), Shape(vocab=1000, width=101, hidden=77, heads=5, kv_heads=5, head_dim=40)])
def test_logits_are_those_of_plain_weights(instruction_set: str, share: float, shape: Shape) -> None:
    spec = shape.decoder()
    stored = wild(random_weights(spec, "bfloat16"), share)
    prompts = [some_tokens(count, spec.vocab, seed=count) for count in (101, 5, 1)]
    expected = plain(spec, stored, prompts)
    model = build(spec, stored, packing="lossless", instruction_set=instruction_set, threads=2)
    for chunk in (999, 1, 7, 48):
        for found, other in zip(prompt_logits(model, prompts, chunk=chunk), expected, strict=True):
            np.testing.assert_array_equal(found, other)


def test_rows_of_a_packed_table_are_read_back() -> None:
    spec = Shape(width=2051, vocab=131).decoder()
    stored = wild(random_weights(spec, "bfloat16"), 0.001)

    def forward(ops: Ops, spec: Decoder, weights: Weights) -> Any:
        return ops.select(ops.embed(weights["embed"]))

    spec = replace(spec, vocab=2051, layers=())
    stored = {name: array for name, array in stored.items() if not name.startswith("layers")}
    stored["embed"] = np.resize(stored["embed"], (2051, 2051))
    stored["embed"][::9, -1] = to_bf16(np.array([2.0**-100], np.float32))[0]  # rare, and in the odd last column
    (rows,) = prompt_logits(build(spec, stored, packing="lossless", forward=logits_only(forward)), [range(0, 2051, 9)])
    np.testing.assert_array_equal(rows, from_bf16(stored["embed"])[::9])


def test_a_quarter_less_memory_unless_exponents_do_not_fit() -> None:
    spec = Shape(width=256, hidden=1024).decoder()
    held = {}
    for share in (0.0, 0.3):
        stored = wild(random_weights(spec, "bfloat16"), share)
        sizes = [build(spec, stored, packing=packing).weight_bytes for packing in ("lossless", "none")]
        held[share] = sizes[0] / sizes[1]
    assert 0.74 < held[0.0] < 0.78
    assert 1.0 <= held[0.3] < 1.02


def test_a_packed_model_needs_as_much_free_memory_as_it_will_take(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = Shape(width=256, hidden=1024).decoder()
    taken = build(spec, random_weights(spec, "bfloat16"), packing="lossless").weight_bytes
    formats = {name: "bfloat16" for name, *_ in spec.weights()}
    for free, enough in ((taken, True), (int(0.95 * taken), False)):
        monkeypatch.setattr(arena, "available_bytes", lambda free=free: free)
        with nullcontext() if enough else pytest.raises(OutOfMemory, match=r"The model needs .* are free"):
            NativeBackend(1, packing="lossless").builder(spec, formats)


def test_packing_is_chosen_by_the_instruction_set(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = Shape().decoder()
    layouts = {}
    for packing in ("auto", "lossless", "none"):
        for packs in ((), (RUNNABLE[0],)):
            monkeypatch.setattr(native, "PACKS", packs)
            backend = NativeBackend(1, RUNNABLE[0], packing)
            builder = backend.builder(spec, {name: "bfloat16" for name, *_ in spec.weights()})
            layouts[packing, bool(packs)] = builder._layout("embed", (203, 96)) is Layout.PACKED
    assert layouts == {
        ("auto", False): False,
        ("auto", True): True,
        ("lossless", False): True,
        ("lossless", True): True,
        ("none", False): False,
        ("none", True): False,
    }
    with pytest.raises(UsageError, match="packing 'lossy'"):
        NativeBackend(1, packing="lossy")


def test_packing_is_an_option_of_loading() -> None:
    from causerie import AutoModelForCausalLM

    found = {}
    for packing in ("lossless", "none"):
        model = AutoModelForCausalLM.from_pretrained(
            "builtin", backend="native", dtype="bfloat16", packing=packing, threads=1, progress=False
        )
        with model:
            found[packing] = model(np.array([[5, 6, 7, 8, 9]])).logits, model.get_memory_footprint()
    assert found["lossless"][1] < 0.8 * found["none"][1]
    np.testing.assert_array_equal(found["lossless"][0], found["none"][0])
    with pytest.raises(UnknownName, match=r"packing 'lossy'. Known, nearest first: lossless"):
        AutoModelForCausalLM.from_pretrained("builtin", packing="lossy")
    with pytest.raises(UsageError, match="torch cannot"):
        AutoModelForCausalLM.from_pretrained("builtin", backend="torch", packing="lossless")
