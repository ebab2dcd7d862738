"""Native kernels against float64 formulas: whole small decoders, and single operations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from causerie.spec.alt_up import AltUp
from causerie.spec.beside import BesideExperts
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts, Shared
from causerie.spec.layer_input import LayerInput
from causerie.spec.low_rank import LowRankPath
from causerie.spec.mlp import MLP, ClampedSwish, LimitedSwish
from causerie.spec.norm import Norm
from causerie.spec.ops import Linear, Ops, Weights
from causerie.spec.rope import Growth, Rope
from causerie.spec.router import ExpertGroups, Router
from tests.kernels.decoders import (
    RUNNABLE,
    Shape,
    build,
    logits_only,
    prompt_logits,
    random_weights,
    some_tokens,
    stored_as,
    to_bf16,
    widened,
)
from tests.kernels.reference import activate, reference_logits

JUDGED = Router(3, norm=Norm(1e-2), score_scale=0.4, share_scales=True)
ROUTERS = {
    "shares of all": Router(3, divided=False, scale=2.0),
    "biases": Router(3, bias=True, choice_bias=True),
    "sigmoid": Router(4, "sigmoid", divided=False),
    "groups": Router(4, "sigmoid", choice_bias=True, groups=ExpertGroups(4, 2), scale=1.7),
    "groups of softmax": Router(3, groups=ExpertGroups(3, 1)),
    "one after the other": Router(2, "sparsemixer", nearness=0.6, divided=False),
    "three after each other": Router(3, "sparsemixer", nearness=0.2, divided=False),
    "shares of inputs": Router(3, "sigmoid", divided=False, on_input=True),
    "scores capped": Router(3, "sigmoid", score_scale=0.4, score_cap=0.9, sum_offset=0.3, share_scales=True),
    "a sum that is small": Router(2, choice_bias=True, least_sum=0.4),
}
SHAPES = {
    "plain": Shape(),
    "biases": Shape(bias=True, tied=False),
    "odd-sizes": Shape(vocab=1000, width=101, hidden=77, heads=5, kv_heads=5, head_dim=40),
    "window": Shape(window=19, kv_heads=6),
    "window-of-tiles": Shape(window=64, heads=8, kv_heads=1),
    "qk-norm": Shape(qk_norm=True, head_dim=80, heads=4, kv_heads=4, act="gelu"),
    "part-of-a-head-turns": Shape(dims=12, head_dim=34, heads=10, kv_heads=1, act="gelu_tanh"),
    "windows": Shape(windows=(19, None, 64), layers=3),
    "convolutions": Shape(taps=3, layers=3),
    "many-taps": Shape(width=101, hidden=77, heads=5, kv_heads=5, head_dim=40, taps=7, bias=True),
    "experts": Shape(experts=5, active=2, act="gelu"),
    "odd-experts": Shape(width=101, hidden=77, heads=5, kv_heads=5, head_dim=40, experts=3, active=1),
    **{f"experts: {name}": Shape(hidden=77, experts=12, router=router) for name, router in ROUTERS.items()},
    "experts-clamped": Shape(experts=5, active=2, gating=ClampedSwish(0.4, 1.7), expert_bias=True, hidden=77),
    "experts-limited": Shape(experts=5, active=2, gating=LimitedSwish(0.3), hidden=77),
    "limited": Shape(block={"ffn": MLP(77, LimitedSwish(0.3), bias=True)}),
    "shared": Shape(experts=5, active=2, shared=Shared(MLP(72))),
    "shared-and-weighed": Shape(experts=5, active=2, shared=Shared(MLP(72, "gelu"), weighed=True)),
    "sinks": Shape(sinks=True, heads=6, kv_heads=2),
    "sinks-beside-capped-scores": Shape(sinks=True, slopes=True, mixer={"softcap": 1.5}),
    "layer-norms": Shape(norm=Norm(1e-5, centered=True, bias=True), width=101, heads=5, kv_heads=5),
    "no-weights-in-norms": Shape(norm=Norm(1e-5, centered=True, weight=False), gated=False, act="relu2"),
    "heads-with-norms-of-their-own": Shape(
        norm=Norm(0.1, centered=True, bias=True), qk_norm=True, own_norms=True, heads=6, kv_heads=3, head_dim=34
    ),
    "one-norm": Shape(parallel="one norm", gated=False, act="gelu_tanh", bias=True),
    "two-norms": Shape(parallel="two norms", gated=False, act="relu", hidden=77),
    "slopes": Shape(slopes=True, turns=False, heads=6, kv_heads=2),
    "slopes-and-turns": Shape(slopes=True, window=40, heads=4, kv_heads=4),
    "capped": Shape(mixer={"softcap": 1.5}, whole={"logits_softcap": 4.0, "logits_scale": 0.7}),
    "logits-scaled": Shape(whole={"logits_scale": 0.3}, tied=False),
    "nothing-turns": Shape(mixer={"rope": None}),
    "queries-grow": Shape(mixer={"query_rope": Rope(10000.0, 20, 512, growth=Growth(0.5, 8))}),
    "norms-after-turning": Shape(qk_norm=True, head_dim=34, dims=12, mixer={"qk_norm_last": True}),
    "norms-after-halves": Shape(
        qk_norm=True, mixer={"qk_norm_whole": True}, block={"norm": None, "norm_after": Norm(1e-3)}, bias=True
    ),
    "halves-scaled": Shape(block={"residual_scale": 0.4}, width=101),
    "norms-without-weights": Shape(
        mixer={"qk_norm": Norm(1e-4, weight=False)},
        block={"norm_after": Norm(1e-3, weight=False)},
        whole={"embedding_norm": Norm(1e-4, weight=False)},
        width=101,
    ),
    "gates-of-heads": Shape(mixer={"gated": True, "gated_heads": True, "gate_act": "softplus"}, head_dim=34),
    "gates-of-many-heads": Shape(mixer={"gated": True, "gated_heads": True}, heads=36, kv_heads=6, head_dim=40),
    "chunks": Shape(window=40, mixer={"chunked": True}),
    "chunks-of-few": Shape(windows=(3, None), mixer={"chunked": True}, head_dim=40, heads=5, kv_heads=1),
    "other-keys": Shape(windows=(19, None), layers=5, shares={2: 0, 3: 1, 4: 0}, qk_norm=True),
    "normed-values": Shape(mixer={"value_norm": Norm(1e-3, weight=False), "keys_as_values": True}, bias=True),
    "values-with-weights": Shape(mixer={"value_norm": Norm(1e-3)}),
    "narrow-values": Shape(
        mixer={"own_value_dim": 18, "value_scale": 0.6, "value_norm": Norm(1e-3)}, head_dim=40, heads=6, kv_heads=3
    ),
    "wide-values": Shape(
        mixer={"own_value_dim": 66, "gated": True}, window=19, sinks=True, bias=True, shares={1: 0}, heads=6
    ),
    "some-pairs-turn": Shape(mixer={"rope": Rope(100.0, 20, 512, "proportional", (("factor", 2.0), ("pairs", 4)))}),
    "turns-backwards": Shape(mixer={"rope": Rope(100.0, 20, 512, backwards=True), "query_rope": Rope(100.0, 20, 512)}),
    "xielu": Shape(block={"ffn": MLP(77, gated=False, xielu=True, bias=True)}),
    "layer-inputs": Shape(block={"input": LayerInput(220, 40, "gelu_tanh", Norm(1e-3)), "scaled": True}),
    "many-layer-inputs": Shape(block={"input": LayerInput(203, 600, "silu", Norm(1e-3))}, head_dim=34),
    "experts-beside": Shape(block={"ffn": BesideExperts(MLP(72, "gelu"), Experts(7, JUDGED, 77), Norm(1e-3))}),
    "streams": Shape(width=101, heads=5, kv_heads=5, block={"streams": AltUp(3, 101, Norm(1e-3))}),
    "streams-with-inputs": Shape(
        width=600,
        layers=3,
        block={
            "streams": AltUp(4, 600, Norm(1e-3)),
            "input": LayerInput(150, 40, "gelu_tanh", Norm(1e-3)),
            "low_rank": LowRankPath(21, Norm(1e-3)),
            "norm_after": Norm(1e-3),
        },
    ),
    "low-rank-path": Shape(block={"low_rank": LowRankPath(7, Norm(1e-2))}, width=101, heads=5, kv_heads=5),
    "gates-cut-off": Shape(block={"ffn": MLP(77, "gelu_tanh", deviations=0.6)}),
    "few-gates-cut-off": Shape(block={"ffn": MLP(1040, deviations=-0.9)}),
    "gated": Shape(mixer={"gated": True}, head_dim=34),
    "wide": Shape(width=200, hidden=328, heads=7, kv_heads=1, head_dim=64, layers=1),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_float32_decoder_is_the_formula(shape: Shape) -> None:
    spec = shape.decoder()
    stored = random_weights(spec)
    tokens = some_tokens(90, spec.vocab)
    (logits,) = prompt_logits(build(spec, stored), [tokens], chunk=37)
    expected = reference_logits(spec, stored, tokens)
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(logits, expected, atol=3e-5, rtol=0)


@pytest.mark.parametrize("tied", [True, False])
def test_float16_decoder_is_the_formula(tied: bool) -> None:
    spec = Shape(tied=tied, bias=True).decoder()
    stored = random_weights(spec, "float16")
    tokens = some_tokens(50, spec.vocab)
    (logits,) = prompt_logits(build(spec, stored), [tokens])
    np.testing.assert_allclose(logits, reference_logits(spec, stored, tokens), atol=3e-5, rtol=0)


@pytest.mark.parametrize(
    "shape", [SHAPES["plain"], SHAPES["biases"], SHAPES["odd-sizes"]], ids=["plain", "biases", "odd"]
)
def test_bfloat16_decoder_is_near_the_formula(shape: Shape) -> None:
    """Activations are rounded to 8 bits before each matrix: each error up to 2^-9, about 1 % after two layers."""
    spec = shape.decoder()
    stored = random_weights(spec, "bfloat16")
    tokens = some_tokens(60, spec.vocab)
    expected = reference_logits(spec, stored, tokens)
    for cache in ("float32", "float16", "bfloat16"):
        (logits,) = prompt_logits(build(spec, stored, cache=cache), [tokens])
        difference = logits - expected
        assert np.sqrt((difference**2).mean()) < 0.016 * expected.std(), cache
        assert np.abs(difference).max() < 0.03 * np.abs(expected).max(), cache


@pytest.mark.parametrize("held", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("stored_format", ["float32", "float16", "bfloat16"])
def test_weights_convert_between_formats(stored_format: str, held: str) -> None:
    """Held in another format than stored: each weight rounded once, to nearest even."""
    spec = Shape(width=64, vocab=64).decoder()
    stored = random_weights(spec, stored_format)
    with np.errstate(over="ignore"):
        stored["embed"][0, :4] = stored_as(np.array([1e-6, -3e-7, 65519.0, -7e4], np.float32), stored_format)

    def forward(ops: Ops, spec: Decoder, weights: Weights) -> Any:
        return ops.select(ops.embed(weights["embed"]))

    with np.errstate(over="ignore"):
        expected = stored_as(widened(stored["embed"]).astype(np.float32), held)
    (rows,) = prompt_logits(build(spec, stored, format=held, forward=logits_only(forward)), [range(64)])
    np.testing.assert_array_equal(rows, widened(expected).astype(np.float32))


@pytest.mark.parametrize("instruction_set", RUNNABLE)
@pytest.mark.parametrize("gated", [True, False], ids=["gated", "plain"])
@pytest.mark.parametrize("act", ["silu", "gelu", "gelu_tanh", "relu", "relu2", "sigmoid", "softplus"])
def test_activations(act: Any, gated: bool, instruction_set: str) -> None:
    """act(x) · 1 and act(x) over every size of x. gelu cancels for negative x: errors of the size of 1's last bit."""
    spec = Shape(width=256, vocab=256, tied=False).decoder()
    stored = random_weights(spec)
    grid = np.concatenate([np.linspace(-110, 110, 30000), np.linspace(-6, 6, 35400), [0.0, -0.0, 1e-30, -1e-30]])
    stored["embed"] = np.resize(grid, (256, 256)).astype(np.float32)
    stored["head"] = np.ones_like(stored["embed"])

    def forward(ops: Ops, spec: Decoder, weights: Weights) -> Any:
        x = ops.embed(weights["embed"])
        return ops.select(ops.glu(x, ops.embed(weights["head"]), act) if gated else ops.activate(x, act))

    model = build(spec, stored, forward=logits_only(forward), instruction_set=instruction_set)
    (found,) = prompt_logits(model, [range(256)])
    x = stored["embed"].astype(np.float64)
    with np.errstate(over="ignore"):
        expected = activate(x, act)
    tolerance = 2e-6 * np.abs(expected) + (1.2e-7 * np.abs(x) if act.startswith("gelu") else 1e-30)
    assert (np.abs(found - expected) <= tolerance + 1.2e-38).all()


@pytest.mark.parametrize("instruction_set", RUNNABLE)
def test_soft_caps(instruction_set: str) -> None:
    """Each within a few last bits of its own, however near to nothing."""
    spec = Shape(width=256, vocab=256, tied=False).decoder()
    stored = random_weights(spec)
    grid = np.concatenate([np.linspace(-40, 40, 30000), np.linspace(-1.5, 1.5, 35400), [0.0, 1e-20, -1e-20, np.inf]])
    stored["embed"] = np.resize(grid, (256, 256)).astype(np.float32)

    def forward(ops: Ops, spec: Decoder, weights: Weights) -> Any:
        return ops.select(ops.softcap(ops.embed(weights["embed"]), 0.5, 3.0))

    model = build(spec, stored, forward=logits_only(forward), instruction_set=instruction_set)
    (found,) = prompt_logits(model, [range(256)])
    np.testing.assert_allclose(found, 3 * np.tanh(stored["embed"].astype(np.float64) / 6), rtol=4e-7)


def test_select_and_linear_take_the_rows_they_are_asked_for() -> None:
    spec = replace(Shape(width=70).decoder(), layers=())
    stored = random_weights(spec, "float32")

    def forward(ops: Ops, spec: Decoder, weights: Weights) -> Any:
        (out,) = ops.linear(ops.select(ops.embed(weights["embed"])), Linear(weights["embed"]))
        return out

    (logits,) = prompt_logits(build(spec, stored, forward=logits_only(forward)), [range(203)], chunk=101)
    table = stored["embed"].astype(np.float64)
    np.testing.assert_allclose(logits, table @ table.T, atol=1e-4)


def test_bfloat16_linear_rounds_its_input_once() -> None:
    """Held exactly: weights and rounded inputs have 8 bits, so float32 sums of few of them are exact."""
    spec = replace(Shape(width=5, vocab=67).decoder(), layers=())
    draw = np.random.default_rng(3)
    stored = random_weights(spec, "bfloat16")
    stored["embed"] = to_bf16(draw.integers(-128, 128, (67, 5)).astype(np.float32))

    def forward(ops: Ops, spec: Decoder, weights: Weights) -> Any:
        (out,) = ops.linear(ops.select(ops.embed(weights["embed"])), Linear(weights["embed"]))
        return out

    (logits,) = prompt_logits(build(spec, stored, forward=logits_only(forward)), [range(67)])
    table = widened(stored["embed"])
    np.testing.assert_array_equal(logits, (table @ table.T).astype(np.float32))
