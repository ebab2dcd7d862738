"""What fits, how long a context, and which precision is recommended: against sums done by hand, on computers made up
for it; and what names say of sizes, against published models."""

from __future__ import annotations

from dataclasses import replace

import pytest

from causerie.errors import UnknownName, UsageError
from causerie.models.registry import spec_from_config
from causerie.plan.coefficients import coefficients
from causerie.plan.computer import Computer, Span
from causerie.plan.fit import best_precision, fit, working_bytes
from causerie.plan.footprint import cache_cost
from causerie.plan.forecast import Forecast, WeightForm
from causerie.plan.known_hardware import computer_named, computer_of, known_names
from causerie.plan.size_names import size_in
from causerie.spec.attention import Attention
from causerie.spec.decoder import Decoder
from causerie.spec.layer import Layer
from causerie.spec.mlp import MLP
from causerie.spec.norm import Norm
from causerie.spec.rope import Rope

NORM = Norm(1e-6)
GB = 10**9


def decoder() -> Decoder:
    """Eight layers that keep 8 · 2 · 2 · 64 · 2 = 4,096 bytes of a token."""
    mixer = Attention(4, 2, 64, 64**-0.5, Rope(1e4, 64, 32768))
    return Decoder("llama", 32_000, 256, (Layer(mixer, MLP(1024), NORM),) * 8, NORM, True, 32_768)


def form(name: str, nbytes: int) -> WeightForm:
    return WeightForm(name, nbytes, name, name, "bfloat16")


def computer(memory: int, bandwidth: float = 100 * GB) -> Computer:
    peaks = {kind: Span.of(1e12) for kind in ("float32", "bfloat16", "int8")}
    return Computer("made up", "cpu", memory, Span(bandwidth / 2, bandwidth, bandwidth * 2), peaks, "avx2")


FORMS = [form("bfloat16", 10 * GB), form("int8", 5 * GB), form("int4", 3 * GB)]


def test_the_longest_context_is_what_memory_has_room_for() -> None:
    spec = decoder()
    beside = 10 * GB + working_bytes(spec)
    roomy, narrow, full = (
        fit(spec, FORMS, computer(beside + tokens * 4096)).precisions[0] for tokens in (40_000, 10_000, -1)
    )
    assert (roomy.fits, roomy.context) == (True, 32_768)
    assert (narrow.fits, narrow.context) == (True, 10_000)
    assert (full.fits, full.context) == (False, 0)
    assert roomy.cache_bytes == 4_096_000 == 1000 * cache_cost(spec, "bfloat16").per_token
    assert roomy.needed_bytes == beside + 4096 * 4096  # the least cache has 4,096 tokens


def test_the_most_exact_that_is_roomy_and_quick_is_recommended() -> None:
    spec = decoder()
    for memory, bandwidth, name, why in (
        (20 * GB, 200 * GB, "bfloat16", "as exact as it is stored"),
        (6 * GB, 200 * GB, "int8", "most exact that fits"),
        (20 * GB, 60 * GB, "int8", "writes fast enough"),
        (10 * GB + working_bytes(spec) + 5000 * 4096, 200 * GB, "int8", "room for a chat"),
        (20 * GB, 10 * GB, "int4", "fastest that fits"),
    ):
        plan = fit(spec, FORMS, computer(memory, bandwidth))
        assert plan.recommended is not None and plan.recommended.form.name == name, (memory, plan.reason)
        assert why in plan.reason
    plan = fit(spec, FORMS, computer(2 * GB))
    assert plan.recommended is None and "3.1 GB even in int4, and 2.0 GB are there" in plan.reason


def test_decode_is_bound_by_memory_and_slows_with_depth() -> None:
    spec, here = decoder(), computer(20 * GB)
    speeds = [Forecast(spec, FORMS[0], here).decode_speed(depth) for depth in (0, 8192)]
    share = coefficients(here, "bfloat16").reading
    assert speeds[0].usual == pytest.approx(share * 10, rel=0.02)  # of 100 GB/s over 10 GB
    assert speeds[0].high == pytest.approx(2 * speeds[0].usual, rel=0.02) and speeds[0].low < speeds[0].usual
    assert speeds[1].usual < speeds[0].usual
    assert Forecast(spec, FORMS[1], here).decode_speed(0).usual > 1.9 * speeds[0].usual


def test_prefill_is_bound_by_arithmetic_and_unknown_without_a_peak() -> None:
    spec, here = decoder(), computer(20 * GB, bandwidth=1e15)
    forecast = Forecast(spec, FORMS[0], here)
    quick = replace(here, operations={**here.operations, "bfloat16": Span.of(2e12)})
    once, twice = forecast.prefill_seconds(512), Forecast(spec, FORMS[0], quick).prefill_seconds(512)
    assert once is not None and twice is not None and 1.5 < once / twice <= 2
    assert (forecast.prefill_speed(512, 8192) or 0) < (forecast.prefill_speed(512) or 0)
    unknown = replace(here, operations={})
    assert Forecast(spec, FORMS[0], unknown).prefill_seconds(512) is None


def test_of_a_bare_size_it_is_told_in_what_it_fits() -> None:
    sizes = [best_precision(8_000_000_000, 16 * GB, memory * GB) for memory in (20, 10, 6, 4)]
    assert sizes == ["stored", "int8", "int4", None]


@pytest.mark.parametrize(
    ("name", "parameters", "active"),
    [
        ("8B", 8.0, 8.0),
        ("Meta-Llama-3-70B-Instruct", 70, 70),
        ("SmolLM2-135M", 0.135, 0.135),
        ("1.5b", 1.5, 1.5),
        ("Mixtral-8x7B-v0.1", 46.7, 12.9),
        ("8x22B", 140.6, 39.1),
        ("Qwen3-30B-A3B", 30.5, 3.3),
        ("141B-A35B", 141, 35),
        ("Qwen3-235B-A22B", 235, 22),
        ("OLMoE-7B-A1B", 7, 1),
        ("granite-3B-A800M", 3, 0.8),
        ("GLM-4.5-355B-A32B", 355, 32),
    ],
)
def test_a_name_says_a_size(name: str, parameters: float, active: float) -> None:
    size = size_in(name)
    assert size is not None
    spec = spec_from_config(size.config, strict=True)
    assert spec.parameters / 1e9 == pytest.approx(parameters, rel=0.05)
    assert spec.active_parameters / 1e9 == pytest.approx(active, rel=0.12)


@pytest.mark.parametrize(
    "name", ["gpt2", "phi-4", "Mistral-v0.3", "Qwen3.5", "B7", "3Books", "0B", "1K", "99999B", "5B-A9B", "9999x7B"]
)
def test_other_names_say_none(name: str) -> None:
    assert size_in(name) is None


def test_known_hardware_is_known_by_any_spelling() -> None:
    card = computer_named("nvidia geforce rtx4090")
    assert card.name == "RTX 4090" and card.bandwidth.usual == 1008e9 and 20 * GB < card.memory < 24 * GB
    kind = computer_named("consumer CPU")
    assert (kind.bandwidth.low, kind.bandwidth.high) == (20e9, 100e9)
    assert computer_named("A100", memory=40).memory < 40 * GB
    for name in known_names():  # the file is whole: every entry has what a forecast needs
        named = computer_named(name)
        assert 0 < named.bandwidth.low <= named.bandwidth.high <= 8e12
        assert named.operations["bfloat16"].usual <= named.operations["int8"].usual
    with pytest.raises(UnknownName, match="nearest first: RTX 4090, "):
        computer_named("RTX 4091")


def test_hardware_of_which_bandwidth_and_memory_are_said() -> None:
    made = computer_of(200, 24)
    assert made.bandwidth == Span.of(200e9) and made.memory <= 24 * GB and "server CPU" in made.name
    assert computer_of(50, 16).kind == "cpu" and computer_of(3000, 80).kind == "gpu"
    with pytest.raises(UsageError, match="bandwidth is 0 GB/s"):
        computer_of(0, 24)
