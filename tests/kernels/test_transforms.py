"""Matrices that transform their inputs, in the kernels and in torch: the products of what the weights were made from,
one instruction for all that read the same, and `==` however it is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from causerie.backends.native.abi import Op
from causerie.backends.native.program import number
from causerie.backends.torch.backend import TorchBackend
from causerie.errors import EngineError, Unsupported
from causerie.models.decoder import forward
from causerie.models.model import Model
from causerie.quant.encoders import encoder_named
from causerie.quant.transform import Transform
from causerie.spec.decoder import Decoder
from causerie.spec.ops import Linear, Ops, Weights
from tests.kernels.decoders import (
    RUNNABLE,
    Array,
    Shape,
    build,
    logits_only,
    prompt_logits,
    random_weights,
    room_for,
    some_tokens,
)
from tests.kernels.reference import reference_logits
from tests.kernels.test_made_up import in_8_bits
from tests.quant.transforms import KINDS, made, matrix, through

WIDTH = 1088  # a span of 1024 and a rest of one Hadamard matrix
GROUPS = {"int8": 64, "int4": 64, "nf4": None, "bnb_int8": None}  # of activations: gcd(128, WIDTH) for int4


def head_only(ops: Ops, spec: Decoder, weights: Weights) -> Any:
    (out,) = ops.linear(ops.select(ops.embed(weights["embed"])), Linear(weights["head"]))
    return out


def decoded(format: str, rows: Array) -> Array:
    encoder = encoder_named(format)
    return encoder.format.decode(encoder.encode(rows, encoder.constant([rows])), (rows.shape[0], rows.shape[1]))


def one_matrix(transform: Transform, rows: int = 130) -> tuple[Decoder, dict[str, Array], Array]:
    """A decoder that is one matrix made for a transform, and the matrix that it was made from."""
    draw = np.random.default_rng(3)
    weights = draw.normal(0, 1, (rows, transform.width)).astype(np.float32)
    stored = {
        "embed": draw.standard_t(4, (rows, transform.width)).astype(np.float32),
        "head": through(transform, weights),
        "norm": np.ones(transform.width, np.float32),
    }
    return replace(Shape(width=transform.width, vocab=rows, tied=False).decoder(), layers=()), stored, weights


@pytest.mark.parametrize("kinds", KINDS, ids="+".join)
@pytest.mark.parametrize("format", GROUPS)
def test_a_matrix_is_the_product_of_transformed_inputs(format: str, kinds: tuple[str, ...]) -> None:
    transform = made(kinds, WIDTH)
    spec, stored, weights = one_matrix(transform)
    options: dict[str, Any] = {
        "quantized": {"head": format},
        "transforms": {"head": transform},
        "forward": logits_only(head_only),
    }
    (found,) = prompt_logits(build(spec, stored, **options), [range(37)])
    turned = transform.apply(stored["embed"][:37]).astype(np.float64)
    group = GROUPS[format]
    x = turned if group is None else in_8_bits(turned, group)
    held = decoded(format, stored["head"]).astype(np.float64)
    assert (np.abs(found - x @ held.T) <= 2e-6 * (np.abs(x) @ np.abs(held).T)).all()
    meant = stored["embed"][:37].astype(np.float64) @ weights.T
    assert np.corrcoef(found.ravel(), meant.ravel())[0, 1] > 0.98


@pytest.mark.parametrize("format", ["nf4", "bnb_int8"])
def test_inputs_that_are_not_turned_may_be_any_number(format: str) -> None:
    transform = made(("order", "scaling"), 1001)
    spec, stored, _ = one_matrix(transform)
    options: dict[str, Any] = {"transforms": {"head": transform}, "forward": logits_only(head_only)}
    (logits,) = prompt_logits(build(spec, stored, quantized={"head": format}, **options), [range(5)])
    x = transform.apply(stored["embed"][:5]).astype(np.float64)
    values = decoded(format, stored["head"]).astype(np.float64)
    assert (np.abs(logits - x @ values.T) <= 2e-6 * (np.abs(x) @ np.abs(values).T)).all()


@pytest.mark.parametrize("format", GROUPS)
def test_the_same_on_every_instruction_set_in_any_number(format: str) -> None:
    transform = made(("order", "scaling", "signs"), WIDTH)
    spec, stored, _ = one_matrix(transform)
    options: dict[str, Any] = {
        "quantized": {"head": format},
        "transforms": {"head": transform},
        "forward": logits_only(head_only),
    }
    model = build(spec, stored, **options)
    alone = np.concatenate([prompt_logits(model, [[token]])[0] for token in range(40)])
    for instruction_set in RUNNABLE:
        model = build(spec, stored, **options, threads=2, instruction_set=instruction_set)
        for count in (1, 3, 6, 40):
            np.testing.assert_array_equal(prompt_logits(model, [range(count)])[0], alone[:count])


SHAPE = Shape(vocab=200, width=192, hidden=320, heads=3, kv_heads=1, head_dim=64, layers=2, tied=False)


REORDERED = ("order", "scaling", "signs")


def transforms(spec: Decoder, *, alike: bool, kinds: tuple[str, ...] = REORDERED) -> dict[str, Transform]:
    """One for each value that matrices read, or one for each matrix; as objects of their own in any case."""
    reads = {"q": 1, "k": 1, "v": 1, "o": 2, "gate": 3, "up": 3, "down": 4}
    names = [name for name, shape, _ in spec.weights() if len(shape) == 2 and name not in ("embed", "head")]
    made_for = {}
    for i, name in enumerate(names):
        shape = next(shape for each, shape, _ in spec.weights() if each == name)
        seed = reads.get(name.rsplit(".", 1)[1], 0) if alike else i
        made_for[name] = made(kinds, shape[1], seed)
    return made_for


def count(model: Model, op: Op) -> int:
    operations = model.executable.instructions["op"]  # type: ignore[attr-defined]
    return int((operations == number(op)).sum())


def decoders(
    alike: bool, kinds: tuple[str, ...] = REORDERED, **options: Any
) -> tuple[Model, dict[str, Array], Mapping[str, Transform]]:
    spec = SHAPE.decoder()
    given = transforms(spec, alike=alike, kinds=kinds)
    plain = random_weights(spec)
    stored = {name: through(given[name], array) if name in given else array for name, array in plain.items()}
    model = build(spec, stored, quantized=dict.fromkeys(given, "int8"), transforms=given, **options)
    return model, stored, given


def test_matrices_with_one_transform_share_it() -> None:
    model, *_ = decoders(alike=True)
    assert count(model, Op.TRANSFORM) == 4 * SHAPE.layers  # of q k v, of o, of gate and up, of down
    assert count(model, Op.LINEAR) == 4 * SHAPE.layers + 1
    assert count(model, Op.ROUND) == 0  # they write in 8 bits themselves
    other, *_ = decoders(alike=False)
    assert count(other, Op.TRANSFORM) == count(other, Op.LINEAR) - 1 == 7 * SHAPE.layers


def test_inputs_are_evened_where_they_are_written() -> None:
    model, *_ = decoders(alike=True, kinds=("scaling", "signs"))
    assert count(model, Op.TRANSFORM) == 0 and count(model, Op.LINEAR) == 4 * SHAPE.layers + 1
    assert count(model, Op.ROUND) == SHAPE.layers  # what attention gives, which it does not write in 8 bits


@pytest.mark.parametrize("alike", [True, False])
def test_a_decoder_is_the_same_however_it_is_run_and_in_torch(alike: bool) -> None:
    model, stored, given = decoders(alike)
    tokens = some_tokens(40, model.vocab)
    (alone,) = prompt_logits(model, [tokens])
    again = prompt_logits(decoders(alike, threads=2)[0], [tokens, tokens[:9]], chunk=7)
    np.testing.assert_array_equal(again[0], alone)
    np.testing.assert_array_equal(again[1], alone[:9])
    plain, spec = random_weights(model.spec), model.spec
    (meant,) = prompt_logits(build(spec, plain), [tokens])
    assert np.corrcoef(alone.ravel(), meant.ravel())[0, 1] > 0.995

    placed = TorchBackend().builder(spec, {name: "int8" if name in given else "float32" for name in stored})
    weights = {}
    for name, shape, _ in spec.weights():
        rows, transform = stored[name], given.get(name)
        if transform is None:
            weights[name] = placed.place(name, shape, lambda a, b, rows=rows: rows[a:b], "float32")  # type: ignore[misc]
        else:
            read = lambda a, b, rows=rows: encoder_named("int8").encode(rows[a:b])  # noqa: E731
            weights[name] = placed.place_quantized(name, (shape[0], shape[1]), "int8", read, transform)
    executable = placed.compile(weights, forward, room_for(spec, 32, "float32"), 256)
    (theirs,) = prompt_logits(replace(model, executable=executable), [tokens])
    held = {name: decoded("int8", stored[name]) @ matrix(transform) for name, transform in given.items()}
    expected = reference_logits(spec, {name: held.get(name, array) for name, array in stored.items()}, tokens)
    np.testing.assert_allclose(theirs, expected, atol=1e-4)


def test_experts_with_transforms() -> None:
    spec = replace(SHAPE, experts=4, active=2).decoder()
    given = transforms(spec, alike=False)
    given = {name: each for name, each in given.items() if "experts" in name}
    plain = random_weights(spec)
    stored = {name: through(given[name], array) if name in given else array for name, array in plain.items()}
    tokens = some_tokens(30, spec.vocab)
    options: dict[str, Any] = {"quantized": dict.fromkeys(given, "int8"), "transforms": given}
    (alone,) = prompt_logits(build(spec, stored, **options), [tokens])
    for got in prompt_logits(build(spec, stored, **options, threads=2), [tokens[:11], tokens[:11]], chunk=3):
        np.testing.assert_array_equal(got, alone[:11])
    (meant,) = prompt_logits(build(spec, plain), [tokens])
    assert np.corrcoef(alone.ravel(), meant.ravel())[0, 1] > 0.99


def test_where_there_can_be_none() -> None:
    transform = made(("order",), WIDTH)
    spec, stored, _ = one_matrix(transform)
    for name, wrong in (("embed", transform), ("head", made(("order",), 64))):
        with pytest.raises(EngineError, match=f"'{name}' of .* is placed with a transform of {wrong.width} inputs"):
            build(spec, stored, quantized={name: "int8"}, transforms={name: wrong}, forward=logits_only(head_only))
    options: dict[str, Any] = {
        "quantized": {"": "int8"},
        "transforms": {"head": transform},
        "forward": logits_only(head_only),
    }
    with pytest.raises(Unsupported, match="'head' reorders its inputs and cannot be prepared"):
        build(spec, stored, **options).executable.kernel_matrices()  # type: ignore[attr-defined]
